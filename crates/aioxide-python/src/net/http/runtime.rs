//! What the client of `aioxide-http` runs on here: the loop's clock, Python's way to connect, and
//! [`ByteStream`]s.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use aioxide_http::client::{self, Runtime};
use aioxide_trace::ItemKind;
use pyo3::PyTraverseError;
use pyo3::exceptions::PyRuntimeError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyWeakrefMethods, PyWeakrefReference};

use super::header_blocks::HeaderBlocks;
use super::origins::Origins;
use super::pool::HttpPool;
use crate::core::current_task::running_loop;
use crate::core::dispatch::{NativeWork, Ready};
use crate::core::event_loop::LoopCore;
use crate::core::rust_futures::{Awaited, Sleep, run_in_background, sleep_until, turn};
use crate::ffi::gil_cell::GilCell;
use crate::ffi::held::{Held, References};
use crate::net::byte_stream::ByteStream;

/// What a pool refers to of Python. The object [`HttpPool`] owns it and shows it to the collector.
pub struct Shared {
    /// `async def connect(key, protocol)`, with a third argument where HTTP/2 is not to be offered.
    connect: GilCell<Option<Py<PyAny>>>,
    /// The loop, from the first use on.
    core: GilCell<Option<Py<LoopCore>>>,
    /// The pool itself, weakly: for the timer that closes idle connections.
    itself: GilCell<Option<Py<PyWeakrefReference>>>,
    /// The names of `aioxide.http._errors`.
    errors: GilCell<Option<Py<PyDict>>>,
    pub origins: Origins,
    pub header_blocks: HeaderBlocks,
    pub references: References,
}

impl Shared {
    pub fn new(connect: Py<PyAny>, errors: Py<PyDict>, origins: Origins) -> Self {
        Self {
            connect: GilCell::new(Some(connect)),
            core: GilCell::new(None),
            itself: GilCell::new(None),
            errors: GilCell::new(Some(errors)),
            origins,
            header_blocks: HeaderBlocks::new(),
            references: References::default(),
        }
    }

    /// The running loop, which is the pool's from its first use on.
    ///
    /// # Errors
    ///
    /// `RuntimeError` if no loop runs, if it is none of aioxide, or not the pool's.
    pub fn bind_to_running(&self, pool: &Bound<'_, HttpPool>) -> PyResult<()> {
        let py = pool.py();
        let running = running_loop(py)?;
        let own = self.core.clone_ref(py);
        if let Some(own) = &own {
            if own.is(&running) {
                return Ok(());
            }
            if !own.get().is_closed_now(py) || own.get().running(py) {
                return Err(PyRuntimeError::new_err(format!(
                    "the HTTP client belongs to {}, not to {}",
                    own.bind(py).repr()?,
                    running.repr()?
                )));
            }
            return Err(PyRuntimeError::new_err(crate::name!(
                "the loop of this HTTP client is closed"
            )));
        }
        match LoopCore::of(&running) {
            Some(core) => {
                let itself = PyWeakrefReference::new(pool.as_any())?.unbind();
                drop(self.itself.replace(py, Some(itself)));
                drop(self.core.replace(py, Some(core.clone().unbind())));
                Ok(())
            }
            None => Err(PyRuntimeError::new_err(format!(
                "aioxide's HTTP client runs on a loop of aioxide, not on {}",
                running.repr()?
            ))),
        }
    }

    /// A class of `aioxide.http._errors`.
    pub fn error_class<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let Some(errors) = self.errors.clone_ref(py) else {
            return Err(PyRuntimeError::new_err(crate::name!("the pool was collected")));
        };
        let name = crate::ffi::allocate::string(py, name)?;
        errors.bind(py).as_any().get_item(name)
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.connect.traverse(|it| visit.call(it))?;
        self.core.traverse(|it| visit.call(it))?;
        self.errors.traverse(|it| visit.call(it))?;
        self.itself.traverse(|it| visit.call(it))?;
        self.origins.traverse(visit)?;
        self.header_blocks.traverse(visit)?;
        self.references.traverse(visit)
    }

    /// Drops the references. What is left of the pool cannot connect.
    pub fn clear(&self, py: Python<'_>) {
        let taken = (self.connect.take(py), self.core.take(py), self.errors.take(py));
        let itself = self.itself.take(py);
        self.origins.clear(py);
        self.header_blocks.clear(py);
        self.references.clear(py);
        drop((taken, itself));
    }
}

/// See the module.
pub struct LoopRuntime {
    pub shared: Rc<Shared>,
    /// Whether connections that have agreed on it speak HTTP/2.
    pub http2: bool,
}

impl LoopRuntime {
    fn begin(&self, origin: u32, http2: bool) -> PyResult<(Awaited, PoolStream)> {
        turn::with(|turn| {
            let py = turn.py();
            let (connect, key) =
                (self.shared.connect.clone_ref(py), self.shared.origins.key(py, origin));
            let (Some(connect), Some(key)) = (connect, key) else {
                return Err(PyRuntimeError::new_err(crate::name!("the pool was collected")));
            };
            let stream = ByteStream::create(py)?;
            let connecting = if self.http2 && !http2 {
                connect.bind(py).call1((key, &stream, true))?
            } else {
                connect.bind(py).call1((key, &stream))?
            };
            let awaited = turn.wait_for(&connecting)?;
            let held = self.shared.references.hold(stream);
            Ok((awaited, PoolStream { held, info: None, is_http2: false }))
        })
    }
}

impl Runtime for LoopRuntime {
    type Stream = PoolStream;
    type Error = PyErr;
    type Connecting = Connecting;
    type Sleep = Sleep;

    fn connect(&self, origin: u32, http2: bool) -> Connecting {
        let attempt = Some(self.begin(origin, http2));
        Connecting { shared: Rc::clone(&self.shared), attempt, http2: self.http2 && http2 }
    }

    fn sleep_until(&self, deadline: f64) -> Sleep {
        sleep_until(deadline)
    }

    fn now(&self) -> f64 {
        turn::with(|turn| {
            let core = self.shared.core.clone_ref(turn.py());
            core.map_or(0.0, |core| core.get().now(turn.py()))
        })
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()>>>) {
        turn::with(|turn| run_in_background(turn, "HttpPool.http2", future));
    }

    fn expire_at(&self, deadline: f64) {
        turn::with(|turn| {
            let py = turn.py();
            let (core, pool) = (self.shared.core.clone_ref(py), self.shared.itself.clone_ref(py));
            if let (Some(core), Some(pool)) = (core, pool) {
                let work: Box<dyn NativeWork> = Box::new(Expire { pool });
                core.get().schedule_at(py, deadline, Ready::Native(Box::new(work)));
            }
        });
    }
}

/// Idle connections of the pool have expired.
struct Expire {
    pool: Py<PyWeakrefReference>,
}

impl NativeWork for Expire {
    fn conclude(self: Box<Self>, core: &Bound<'_, LoopCore>) -> PyResult<()> {
        let pool = self.pool.bind(core.py()).upgrade_as::<HttpPool>()?;
        if let Some(pool) = pool {
            HttpPool::close_expired(&pool);
        }
        Ok(())
    }

    fn kind(&self) -> ItemKind {
        ItemKind::Timer
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.pool)
    }
}

/// Whether the server has chosen `h2` of the protocols that were offered by ALPN.
fn has_chosen_http2(transport: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = transport.py();
    let name = (crate::name!("ssl_object"),);
    let tls = transport.call_method1(crate::intern!(py, "get_extra_info"), name)?;
    if tls.is_none() {
        return Ok(false);
    }
    let chosen = tls.call_method0(crate::intern!(py, "selected_alpn_protocol"))?;
    Ok(!chosen.is_none() && chosen.eq(crate::name!("h2"))?)
}

/// A connection that is being made by a task of the loop. Dropped, it cancels the task, and ends
/// what the task may make nevertheless.
pub struct Connecting {
    shared: Rc<Shared>,
    attempt: Option<PyResult<(Awaited, PoolStream)>>,
    http2: bool,
}

impl Future for Connecting {
    type Output = PyResult<PoolStream>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let connected = match &mut self.attempt {
            Some(Ok((awaited, _))) => match Pin::new(awaited).poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(connected) => connected,
            },
            _ => Err(PyRuntimeError::new_err("connecting has ended")),
        };
        let (mut stream, info) = match (self.attempt.take(), connected) {
            (Some(Ok((_, stream))), Ok(info)) => (stream, info),
            (Some(Err(error)), _) | (_, Err(error)) => return Poll::Ready(Err(error)),
            (None, Ok(_)) => return Poll::Pending,
        };
        turn::with(|turn| {
            let Some(transport) = stream.transport(turn.py()) else {
                return Poll::Ready(Err(PyRuntimeError::new_err(
                    "connect() has returned without a connection",
                )));
            };
            if self.http2 {
                match has_chosen_http2(&transport) {
                    Ok(is_http2) => stream.is_http2 = is_http2,
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            stream.info = Some(self.shared.references.hold(info.into_bound(turn.py())));
            Poll::Ready(Ok(stream))
        })
    }
}

impl Drop for Connecting {
    fn drop(&mut self) {
        if let Some(Ok((awaited, stream))) = self.attempt.take() {
            drop(awaited);
            turn::with(|turn| {
                if let Some(stream) = stream.held.get(turn.py()) {
                    stream.get().abandon(turn.py());
                }
            });
        }
    }
}

/// A connection of the pool.
pub struct PoolStream {
    held: Held<ByteStream>,
    /// What `connect` has returned.
    info: Option<Held<PyAny>>,
    is_http2: bool,
}

impl PoolStream {
    /// The stream, unless the collector has taken it.
    pub fn stream<'py>(&self, py: Python<'py>) -> Option<Bound<'py, ByteStream>> {
        self.held.get(py)
    }

    /// The transport, as long as it is connected.
    pub fn transport<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.stream(py)?.get().transport(py)
    }

    /// What `connect` has returned.
    pub fn info<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.info.as_ref()?.get(py)
    }

    fn with<R>(
        &self,
        gone: impl FnOnce() -> R,
        look: impl FnOnce(Python<'_>, &ByteStream) -> R,
    ) -> R {
        turn::with(|turn| match self.held.get(turn.py()) {
            Some(stream) => look(turn.py(), stream.get()),
            None => gone(),
        })
    }
}

/// The collector has taken the stream: its pool was garbage.
fn gone() -> PyErr {
    PyRuntimeError::new_err(crate::name!("the pool was collected"))
}

impl client::Stream for PoolStream {
    type Error = PyErr;

    fn poll_received(&self, context: &mut Context<'_>) -> Poll<PyResult<()>> {
        self.with(|| Poll::Ready(Err(gone())), |py, stream| stream.poll_received(py, context))
    }

    fn received<T>(&self, look: impl FnOnce(&mut &[u8]) -> T) -> T {
        turn::with(|turn| match self.held.get(turn.py()) {
            Some(stream) => ByteStream::received(&stream, turn.core_if_begun(), look),
            None => look(&mut &[][..]),
        })
    }

    fn is_at_end(&self) -> bool {
        self.with(|| true, |py, stream| stream.is_at_end(py))
    }

    fn write(&self, data: &[u8]) -> PyResult<()> {
        self.with(|| Err(gone()), |py, stream| stream.write(py, data))
    }

    fn poll_writable(&self, context: &mut Context<'_>) -> Poll<PyResult<()>> {
        self.with(|| Poll::Ready(Err(gone())), |py, stream| stream.poll_writable(py, context))
    }

    fn is_usable(&self) -> bool {
        self.with(|| false, |py, stream| stream.is_usable(py))
    }

    fn close(&self) {
        self.with(|| (), |py, stream| stream.abort(py));
    }

    fn is_http2(&self) -> bool {
        self.is_http2
    }
}
