//! The Python class `HttpLease`.

use std::rc::Rc;

use aioxide_http::client::{Error, Lease};
use pyo3::PyTraverseError;
use pyo3::exceptions::PyRuntimeError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::arguments;
use super::errors::{raised, raised_by};
use super::exchange::HttpExchange;
use super::in_turn::{Slot, in_turn};
use super::pool::HttpPool;
use super::runtime::LoopRuntime;
use crate::core::coroutines::Coroutine;
use crate::core::rust_futures::{coroutine, turn};
use crate::ffi::gil_cell::{Contents, GilCell, UnderGil};

/// A place in a pool: connected, or still to be connected.
#[pyclass(frozen, weakref, module = "aioxide")]
pub struct HttpLease {
    state: Contents<State>,
}

struct State {
    pool: GilCell<Option<Py<HttpPool>>>,
    slot: UnderGil<Slot<Lease<LoopRuntime>>>,
}

/// The lease was used up, or is connecting.
fn busy() -> PyErr {
    PyRuntimeError::new_err(crate::name!("the lease is connecting, or was used or given back"))
}

impl HttpLease {
    pub fn create<'py>(
        pool: &Bound<'py, HttpPool>,
        lease: Lease<LoopRuntime>,
    ) -> PyResult<Bound<'py, Self>> {
        let pool_ = GilCell::new(Some(pool.clone().unbind()));
        let state = State { pool: pool_, slot: UnderGil::new(Slot::new(lease)) };
        Bound::new(pool.py(), Self { state: Contents::new(state) })
    }

    fn pool(&self, py: Python<'_>) -> PyResult<Py<HttpPool>> {
        self.state.pool.clone_ref(py).ok_or_else(busy)
    }
}

#[pymethods]
impl HttpLease {
    /// Whether there is a connection, and it is open.
    #[getter]
    fn is_connected(&self, py: Python<'_>) -> bool {
        self.state.slot.get(py).with(py, |lease| lease.is_connected()).unwrap_or(false)
    }

    /// Whether the connection was idle in the pool before.
    #[getter]
    fn is_reused(&self, py: Python<'_>) -> bool {
        self.state.slot.get(py).with(py, |lease| lease.is_reused()).unwrap_or(false)
    }

    /// What `connect` has returned for the connection.
    #[getter]
    fn info<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.state.slot.get(py).with(py, |lease| lease.stream()?.info(py))?
    }

    /// The transport of the connection.
    #[getter]
    fn transport<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.state.slot.get(py).with(py, |lease| lease.stream()?.transport(py))?
    }

    /// Opens a connection unless there is one, within `timeout` seconds.
    #[pyo3(signature = (timeout=None))]
    fn connect(slf: &Bound<'_, Self>, timeout: Option<f64>) -> PyResult<Py<Coroutine>> {
        let py = slf.py();
        let timeout = arguments::seconds("timeout", timeout)?;
        let slot = slf.get().state.slot.get(py).clone();
        let shared = Rc::clone(slf.get().pool(py)?.bind(py).get().shared(py));
        let owner = slf.clone().into_any().unbind();
        coroutine(py, "HttpLease.connect", Some(owner), async move {
            let Some(mut lent) = slot.lend() else { return Err(busy()) };
            let Some(lease) = lent.get() else { return Err(busy()) };
            let deadline = timeout
                .map(|seconds| turn::with(|turn| turn.core().get().now(turn.py()) + seconds));
            match lease.connect(deadline).await {
                Ok(()) => Ok(turn::with(|turn| turn.py().None())),
                Err(error) => Err(raised(&shared, error)),
            }
        })
    }

    /// Sends the head of a request. The lease is used up.
    #[pyo3(signature = (method, target, headers, *, read_timeout=None, write_timeout=None,
        deadline=None))]
    #[expect(clippy::too_many_arguments, reason = "keywords of a Python method")]
    fn open<'py>(
        &self,
        py: Python<'py>,
        method: &str,
        target: &[u8],
        headers: &Bound<'py, PyAny>,
        read_timeout: Option<f64>,
        write_timeout: Option<f64>,
        deadline: Option<f64>,
    ) -> PyResult<Bound<'py, HttpExchange>> {
        let pool = self.pool(py)?.into_bound(py);
        let limits = pool.get().pool(py).config().limits;
        let raise = |error| raised_by(py, pool.get().shared(py), error);
        let head =
            arguments::head(method, target, headers, &pool.get().shared(py).header_blocks, limits)?
                .map_err(|error| raise(Error::Request(error)))?;
        let timeouts =
            arguments::timeouts((None, None, read_timeout, write_timeout), None, deadline)?;
        let lease = self.state.slot.get(py).take(py).ok_or_else(busy)?;
        let exchange = in_turn(py, || lease.open(head, timeouts)).map_err(raise)?;
        HttpExchange::create(&pool, exchange)
    }

    /// Gives the place back; a connection becomes idle again.
    fn release(&self, py: Python<'_>) {
        self.state.slot.get(py).clear(py);
    }

    /// Closes the connection and gives the place back.
    fn close(&self, py: Python<'_>) {
        if let Some(lease) = self.state.slot.get(py).take(py) {
            in_turn(py, || lease.close());
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| state.pool.traverse(|it| visit.call(it)))
    }

    fn __clear__(&self, py: Python<'_>) {
        self.state.slot.get(py).clear(py);
        drop(self.state.pool.take(py));
    }
}
