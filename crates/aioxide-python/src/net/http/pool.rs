//! The Python class `HttpPool`.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use aioxide_http::client::{Config, Error, Lease, Pool, Request, Runtime, Timeout, request};
use aioxide_http::{Limits, Tolerance};
use pyo3::PyTraverseError;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::arguments::{self, FourTimeouts};
use super::errors::{raised, raised_by};
use super::in_turn::{InTurn, in_turn};
use super::lease::HttpLease;
use super::origins::Origins;
use super::response::HttpResponse;
use super::runtime::{LoopRuntime, Shared};
use crate::core::coroutines::Coroutine;
use crate::core::rust_futures::{coroutine, turn};
use crate::ffi::allocate::Made;
use crate::ffi::gil_cell::{Contents, UnderGil};
use crate::stdlib;

/// The connections of one HTTP client.
#[pyclass(frozen, weakref, module = "aioxide")]
pub struct HttpPool {
    state: Contents<State>,
}

struct State {
    pool: UnderGil<InTurn<Pool<LoopRuntime>>>,
    shared: UnderGil<Rc<Shared>>,
}

impl HttpPool {
    /// What its parts refer to of Python.
    pub fn shared<'a>(&'a self, py: Python<'a>) -> &'a Rc<Shared> {
        self.state.shared.get(py)
    }

    /// The connections. Used in a turn.
    pub fn pool<'a>(&'a self, py: Python<'a>) -> &'a Pool<LoopRuntime> {
        self.state.pool.get(py)
    }

    /// Closes the idle connections whose time is over.
    pub fn close_expired(slf: &Bound<'_, Self>) {
        in_turn(slf.py(), || {
            let pool = slf.get().pool(slf.py());
            if let Some(next) = pool.close_expired(pool.runtime().now()) {
                pool.runtime().expire_at(next);
            }
        });
    }

    /// The number of `key`, and the pool bound to the running loop.
    fn origin(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<u32> {
        let (py, this) = (slf.py(), slf.get());
        let shared = this.shared(py);
        shared.bind_to_running(slf)?;
        shared.origins.number(key, |origin| this.pool(py).uses(origin))
    }
}

/// A place in the pool, within `seconds`.
async fn acquire_within(
    pool: &Pool<LoopRuntime>,
    origin: u32,
    seconds: Option<f64>,
) -> Result<Lease<LoopRuntime>, Error<PyErr>> {
    let mut acquire = pin!(pool.acquire(origin));
    let mut sleep = pin!(seconds.map(|seconds| {
        let runtime = pool.runtime();
        runtime.sleep_until(runtime.now() + seconds)
    }));
    poll_fn(|context| {
        if let Poll::Ready(lease) = acquire.as_mut().poll(context) {
            return Poll::Ready(lease);
        }
        match sleep.as_mut().as_pin_mut() {
            Some(sleep) => sleep.poll(context).map(|()| Err(Timeout::Pool.into())),
            None => Poll::Pending,
        }
    })
    .await
}

#[pymethods]
impl HttpPool {
    #[new]
    #[pyo3(signature = (connect, *, limit=Some(100), limit_per_host=None, max_idle=None,
        keepalive_expiry=Some(15.0), head_size=None, line_length=None, header_count=None,
        http2=false))]
    #[expect(clippy::too_many_arguments, reason = "keywords of a Python class")]
    fn __new__(
        connect: Bound<'_, PyAny>,
        limit: Option<usize>,
        limit_per_host: Option<usize>,
        max_idle: Option<usize>,
        keepalive_expiry: Option<f64>,
        head_size: Option<u32>,
        line_length: Option<u32>,
        header_count: Option<u32>,
        http2: bool,
    ) -> PyResult<Self> {
        let py = connect.py();
        if !connect.is_callable() {
            return Err(PyTypeError::new_err(format!(
                "connect is a coroutine function, not {}",
                connect.get_type().name()?
            )));
        }
        for (name, value) in [("limit", limit), ("limit_per_host", limit_per_host)] {
            if value == Some(0) {
                return Err(PyValueError::new_err(format!("{name} is at least 1, or None")));
            }
        }
        let usual = Limits::default();
        let limits = Limits {
            head_size: head_size.unwrap_or(usual.head_size),
            line_length: line_length.unwrap_or(usual.line_length),
            header_count: header_count.unwrap_or(usual.header_count),
            tolerance: Tolerance::CLIENT,
            ..usual
        };
        let config = Config {
            limit,
            limit_per_host,
            max_idle,
            keepalive_expiry: arguments::seconds("keepalive_expiry", keepalive_expiry)?,
            limits,
            http2,
        };
        let errors = stdlib::http_errors(py)?.unbind();
        let shared = Rc::new(Shared::new(connect.unbind(), errors, Origins::new(py)?));
        let pool = Pool::new(LoopRuntime { shared: Rc::clone(&shared), http2 }, config);
        Ok(Self {
            state: Contents::new(State {
                pool: UnderGil::new(InTurn::new(pool)),
                shared: UnderGil::new(shared),
            }),
        })
    }

    /// An idle connection to `key`, or the permit to open one; None: the caller has to wait.
    fn try_acquire<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, HttpLease>>> {
        let origin = Self::origin(slf, key)?;
        let lease = in_turn(slf.py(), || slf.get().pool(slf.py()).try_acquire(origin));
        lease.map(|lease| HttpLease::create(slf, lease)).transpose()
    }

    /// The same as soon as it is possible, first come, first served. At most for `timeout`
    /// seconds.
    #[pyo3(signature = (key, timeout=None))]
    fn acquire(
        slf: &Bound<'_, Self>,
        key: &Bound<'_, PyAny>,
        timeout: Option<f64>,
    ) -> PyResult<Py<Coroutine>> {
        let py = slf.py();
        let origin = Self::origin(slf, key)?;
        let timeout = arguments::seconds("timeout", timeout)?;
        let this = slf.get();
        let (pool, shared) = (this.pool(py).clone(), Rc::clone(this.shared(py)));
        let owner = slf.clone().into_any().unbind();
        coroutine(py, "HttpPool.acquire", Some(owner), async move {
            let lease = acquire_within(&pool, origin, timeout).await;
            let lease = lease.map_err(|error| raised(&shared, error))?;
            turn::with(|turn| {
                let pool = turn.owner::<Self>();
                HttpLease::create(&pool, lease).map(|lease| lease.into_any().unbind())
            })
        })
    }

    /// Sends a request and waits for the head of its response.
    #[pyo3(signature = (key, method, target, headers, body=None, *,
        timeouts=(None, None, None, None), acquire_timeout=None, deadline=None, may_retry=false,
        expect_continue=false))]
    #[expect(clippy::too_many_arguments, reason = "keywords of a Python method")]
    fn request(
        slf: &Bound<'_, Self>,
        key: &Bound<'_, PyAny>,
        method: &str,
        target: &[u8],
        headers: &Bound<'_, PyAny>,
        body: Option<&Bound<'_, PyAny>>,
        timeouts: FourTimeouts,
        acquire_timeout: Option<f64>,
        deadline: Option<f64>,
        may_retry: bool,
        expect_continue: bool,
    ) -> PyResult<Py<Coroutine>> {
        let py = slf.py();
        let this = slf.get();
        let origin = Self::origin(slf, key)?;
        let (pool, shared) = (this.pool(py).clone(), Rc::clone(this.shared(py)));
        let head = match arguments::head(
            method,
            target,
            headers,
            &shared.header_blocks,
            pool.config().limits,
        )? {
            Ok(head) => head,
            Err(error) => return Err(raised_by(py, &shared, Error::Request(error))),
        };
        let request_ = Request {
            origin,
            head,
            body: body.map(arguments::body).transpose()?,
            timeouts: arguments::timeouts(timeouts, acquire_timeout, deadline)?,
            may_retry,
            expect_continue,
        };
        let owner = slf.clone().into_any().unbind();
        coroutine(py, "HttpPool.request", Some(owner), async move {
            let response = request(pool, request_).await;
            let response = response.map_err(|error| raised(&shared, error))?;
            turn::with(|turn| {
                let pool = turn.owner::<Self>();
                HttpResponse::create(&pool, response).map(|it| it.into_any().unbind())
            })
        })
    }

    /// Closes the idle connections.
    fn close_idle(&self, py: Python<'_>) {
        in_turn(py, || self.pool(py).close_idle());
    }

    /// Closes all connections, idle and in use; whoever waits gets `PoolClosed`.
    fn close(&self, py: Python<'_>) {
        in_turn(py, || self.pool(py).close());
    }

    /// Whether `close` was called.
    #[getter]
    fn closed(&self, py: Python<'_>) -> bool {
        self.pool(py).is_closed()
    }

    /// How many connections are idle.
    #[getter]
    fn idle(&self, py: Python<'_>) -> Made<usize> {
        Made(self.pool(py).idle())
    }

    /// How many places are in use, by connections and by callers that are connecting.
    #[getter]
    fn in_use(&self, py: Python<'_>) -> Made<usize> {
        Made(self.pool(py).in_use())
    }

    /// How many callers wait for a place.
    #[getter]
    fn waiting(&self, py: Python<'_>) -> Made<usize> {
        Made(self.pool(py).waiting())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            // SAFETY: a collection runs with the GIL held.
            let py = unsafe { Python::assume_attached() };
            state.shared.get(py).traverse(&visit)
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        self.close(py);
        self.shared(py).clear(py);
    }
}
