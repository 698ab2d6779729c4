//! The Python class `StreamWriter`.

use std::sync::OnceLock;

use pyo3::exceptions::{PyAssertionError, PyResourceWarning};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use pyo3::{Borrowed, PyTraverseError, ffi};

use super::protocol::create_future;
use super::{StartTls, StreamProtocolCore, StreamReader, WaitClosed, uninitialized};
use crate::core::coroutines::Coroutine;
use crate::core::event_loop::LoopCore;
use crate::core::futures::LoopRef;
use crate::ffi::allocate;
use crate::ffi::allocate::Made;
use crate::ffi::attributes::{Slot, object_attributes};
use crate::ffi::finalizer::Finalize;
use crate::ffi::gil_cell::Contents;
use crate::ffi::unadorned::unadorned;
use crate::net::transports::SocketTransport;
use crate::{stdlib, watchdog};

/// Writes data to a connection; `await drain()` waits while the peer does not
/// read fast enough.
///
/// Made by `open_connection`, `start_server` and their relatives. If it is
/// deallocated before `close()` was called, a ResourceWarning is issued.
///
/// https://docs.python.org/3/library/asyncio-stream.html#asyncio.StreamWriter
#[pyclass(frozen, subclass, weakref, dict, module = "asyncio.streams")]
pub struct StreamWriter {
    state: Contents<State>,
}

#[derive(Default)]
struct State {
    /// None until `__init__` has run.
    transport: Slot,
    protocol: Slot,
    reader: Slot,
    event_loop: Slot,
    /// A future that is done, created when it is first asked for.
    complete: Slot,
}

impl State {
    fn slots(&self) -> [&Slot; 5] {
        [&self.transport, &self.protocol, &self.reader, &self.event_loop, &self.complete]
    }
}

/// The parts of a writer.
struct Parts<'py> {
    transport: Bound<'py, PyAny>,
    protocol: Bound<'py, PyAny>,
    reader: Option<Bound<'py, PyAny>>,
    event_loop: Bound<'py, PyAny>,
}

impl Parts<'_> {
    fn store(self, state: &State) -> PyResult<()> {
        let py = self.transport.py();
        drop(state.transport.replace(py, Some(self.transport.unbind())));
        drop(state.protocol.replace(py, Some(self.protocol.unbind())));
        if let Some(reader) = &self.reader
            && !reader.is_instance_of::<StreamReader>()
            && !reader.is_instance(stdlib::stream_reader(py)?)?
        {
            return Err(PyAssertionError::new_err(()));
        }
        drop(state.reader.replace(py, self.reader.map(Bound::unbind)));
        // A native loop creates the future when it is first asked for.
        let complete = match LoopCore::of(&self.event_loop) {
            Some(_) => None,
            None => Some(completed(&self.event_loop)?.unbind()),
        };
        drop(state.event_loop.replace(py, Some(self.event_loop.unbind())));
        drop(state.complete.replace(py, complete));
        Ok(())
    }
}

/// A future that is done.
fn completed<'py>(event_loop: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = event_loop.py();
    let complete = create_future(&LoopRef::of(event_loop).into_bound(py))?;
    complete.call_method1(crate::intern!(py, "set_result"), (py.None(),))?;
    Ok(complete)
}

impl StreamWriter {
    /// The writer of an accepted connection.
    pub fn create<'py>(
        transport: &Bound<'py, PyAny>,
        protocol: &Bound<'py, PyAny>,
        reader: Option<Bound<'py, PyAny>>,
        event_loop: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, Self>> {
        let state = State::default();
        let (transport, protocol) = (transport.clone(), protocol.clone());
        let parts = Parts { transport, protocol, reader, event_loop: event_loop.clone() };
        parts.store(&state)?;
        let writer = Bound::new(event_loop.py(), Self { state: Contents::new(state) })?;
        watchdog::note_made(&writer)?;
        Ok(writer)
    }

    #[inline]
    fn required<'py>(
        slf: &Bound<'py, Self>,
        attribute: &str,
        pick: impl FnOnce(&State) -> &Slot,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        match pick(&slf.get().state).clone_ref(py) {
            Some(object) => Ok(object.into_bound(py)),
            None => Err(uninitialized(slf.as_any(), attribute)),
        }
    }

    #[inline]
    fn transport_of<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::required(slf, "_transport", |state| &state.transport)
    }

    #[inline]
    pub(super) fn protocol<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::required(slf, "_protocol", |state| &state.protocol)
    }

    /// The transport, the protocol and the loop.
    #[allow(clippy::type_complexity, reason = "three objects of Python's")]
    pub(super) fn parts<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let event_loop = Self::required(slf, "_loop", |state| &state.event_loop)?;
        Ok((Self::transport_of(slf)?, Self::protocol(slf)?, event_loop))
    }

    #[inline]
    pub(super) fn reader<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.state.reader.clone_ref(py).map(|reader| reader.into_bound(py))
    }

    /// Replaces the transport.
    pub(super) fn put_transport(&self, py: Python<'_>, transport: Py<PyAny>) {
        drop(self.state.transport.replace(py, Some(transport)));
    }

    /// Whether the transport was closed.
    #[inline]
    pub(super) fn transport_closes(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let transport = Self::transport_of(slf)?;
        match SocketTransport::unadorned(&transport) {
            Some(socket) => Ok(socket.get().is_closing(slf.py())),
            None => transport.call_method0(crate::intern!(slf.py(), "is_closing"))?.is_truthy(),
        }
    }

    /// Whether every object that `drain` asks is native, and there is nothing to wait
    /// for. Runs no Python code.
    #[inline]
    pub(super) fn is_drained(&self, py: Python<'_>) -> bool {
        let bound = |slot: &Slot| slot.clone_ref(py).map(|object| object.into_bound(py));
        let is_open = bound(&self.state.transport).is_some_and(|transport| {
            SocketTransport::unadorned(&transport).is_some_and(|it| !it.get().is_closing(py))
        });
        is_open
            && bound(&self.state.reader).is_none_or(|reader| {
                unadorned::<StreamReader>(&reader).is_some_and(|it| !it.get().has_failed(py))
            })
            && bound(&self.state.protocol).is_some_and(|protocol| {
                protocol.cast::<StreamProtocolCore>().is_ok_and(|it| it.get().takes_data(py))
            })
    }

    /// `write`.
    #[inline]
    pub(super) fn write(slf: &Bound<'_, Self>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let transport = Self::transport_of(slf)?;
        match SocketTransport::unadorned(&transport) {
            Some(socket) => SocketTransport::write(socket, data),
            None => transport.call_method1(crate::intern!(slf.py(), "write"), (data,)).map(drop),
        }
    }

    fn forward<'py>(
        slf: &Bound<'py, Self>,
        method: &'static crate::ffi::interning::Name,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::transport_of(slf)?.call_method0(method)
    }
}

#[pymethods]
impl StreamWriter {
    // A subclass may take other arguments, which its `__init__` checks.
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords), text_signature = "(transport, protocol, reader, loop)")]
    fn __new__(_arguments: &Bound<'_, PyTuple>, _keywords: Option<&Bound<'_, PyDict>>) -> Self {
        Self { state: Contents::new(State::default()) }
    }

    fn __init__(
        slf: &Bound<'_, Self>,
        transport: Bound<'_, PyAny>,
        protocol: Bound<'_, PyAny>,
        reader: Option<Bound<'_, PyAny>>,
        r#loop: Bound<'_, PyAny>,
    ) -> PyResult<()> {
        Parts { transport, protocol, reader, event_loop: r#loop }.store(&slf.get().state)?;
        watchdog::note_made(slf)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<Made<String>> {
        let transport = Self::transport_of(slf)?;
        let mut text = format!("<{} transport={}", slf.get_type().name()?, transport.repr()?);
        if let Some(reader) = slf.get().reader(slf.py()) {
            text += &format!(" reader={}", reader.repr()?);
        }
        Ok(Made(text + ">"))
    }

    /// The transport below.
    #[getter]
    fn transport<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::transport_of(slf)
    }

    /// Sends all pieces of an iterable, in order.
    fn writelines(slf: &Bound<'_, Self>, data: Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        Self::transport_of(slf)?.call_method1(crate::intern!(py, "writelines"), (data,)).map(drop)
    }

    /// Shuts down our side of the connection once everything is sent.
    fn write_eof<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::forward(slf, crate::name!("write_eof"))
    }

    /// Whether `write_eof` works.
    fn can_write_eof<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::forward(slf, crate::name!("can_write_eof"))
    }

    /// Ends the connection once everything is sent; `wait_closed()` waits for
    /// that.
    fn close<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::forward(slf, crate::name!("close"))
    }

    /// Whether the connection is closed or being closed.
    fn is_closing<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::forward(slf, crate::name!("is_closing"))
    }

    /// Waits until the connection is closed; raises what ended it.
    ///
    /// Cancellation ends the wait of all tasks that wait for the same writer.
    fn wait_closed(slf: Py<Self>, py: Python<'_>) -> PyResult<Py<Coroutine>> {
        Coroutine::new(py, WaitClosed { writer: slf })
    }

    /// Information about the connection, from the transport; `default` for an
    /// unknown name.
    #[pyo3(signature = (name, default=None))]
    fn get_extra_info<'py>(
        slf: &Bound<'py, Self>,
        name: Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        Self::transport_of(slf)?.call_method1(crate::intern!(py, "get_extra_info"), (name, default))
    }

    /// Upgrades the connection to TLS with `sslcontext`; timeouts in seconds.
    /// Waits until the handshake is over, and raises if it failed.
    ///
    /// Cancellation ends the handshake and closes the connection.
    #[cfg(Py_3_12)]
    #[pyo3(signature = (
        sslcontext,
        *,
        server_hostname=None,
        ssl_handshake_timeout=None,
        ssl_shutdown_timeout=None,
    ))]
    fn start_tls(
        slf: &Bound<'_, Self>,
        sslcontext: Py<PyAny>,
        server_hostname: Option<Py<PyAny>>,
        ssl_handshake_timeout: Option<Py<PyAny>>,
        ssl_shutdown_timeout: Option<Py<PyAny>>,
    ) -> PyResult<Py<Coroutine>> {
        let options = allocate::dict(slf.py())?;
        options.set_item(crate::name!("server_hostname"), server_hostname)?;
        options.set_item(crate::name!("ssl_handshake_timeout"), ssl_handshake_timeout)?;
        options.set_item(crate::name!("ssl_shutdown_timeout"), ssl_shutdown_timeout)?;
        let routine = StartTls::new(slf.clone().unbind(), sslcontext, options.unbind());
        Coroutine::new(slf.py(), routine)
    }

    /// Upgrades the connection to TLS with `sslcontext`; the timeout in
    /// seconds. Waits until the handshake is over, and raises if it failed.
    ///
    /// Cancellation ends the handshake and closes the connection.
    #[cfg(not(Py_3_12))]
    #[pyo3(signature = (sslcontext, *, server_hostname=None, ssl_handshake_timeout=None))]
    fn start_tls(
        slf: &Bound<'_, Self>,
        sslcontext: Py<PyAny>,
        server_hostname: Option<Py<PyAny>>,
        ssl_handshake_timeout: Option<Py<PyAny>>,
    ) -> PyResult<Py<Coroutine>> {
        let options = allocate::dict(slf.py())?;
        options.set_item(crate::name!("server_hostname"), server_hostname)?;
        options.set_item(crate::name!("ssl_handshake_timeout"), ssl_handshake_timeout)?;
        let routine = StartTls::new(slf.clone().unbind(), sslcontext, options.unbind());
        Coroutine::new(slf.py(), routine)
    }

    #[getter]
    fn _complete_fut<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let state = &slf.get().state;
        if let Some(complete) = state.complete.clone_ref(py) {
            return Ok(complete.into_bound(py));
        }
        let event_loop = Self::required(slf, "_loop", |state| &state.event_loop)?;
        let complete = completed(&event_loop)?;
        drop(state.complete.replace(py, Some(complete.clone().unbind())));
        Ok(complete)
    }

    fn __del__(slf: &Bound<'_, Self>) {
        <Self as Finalize>::delete(slf);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            state.slots().iter().try_for_each(|slot| slot.traverse(|object| visit.call(object)))
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        for slot in self.state.slots() {
            drop(slot.take(py));
        }
    }
}

object_attributes!(StreamWriter {
    _transport: transport, get__transport, set__transport;
    _protocol: protocol, get__protocol, set__protocol;
    _reader: reader, get__reader, set__reader;
    _loop: event_loop, get__loop, set__loop;
});

impl StreamWriter {
    /// Closes a writer that the program has not closed, and warns.
    fn abandon(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        if Self::transport_closes(slf)? {
            return Ok(());
        }
        let event_loop = Self::required(slf, "_loop", |state| &state.event_loop)?;
        let text = if event_loop.call_method0(crate::name!("is_closed"))?.is_truthy()? {
            "loop is closed".to_owned()
        } else {
            slf.call_method0(crate::name!("close"))?;
            format!("unclosed {}", slf.repr()?)
        };
        let warning = (Made(text), py.get_type::<PyResourceWarning>());
        stdlib::warn(py)?.call1(warning).map(drop)
    }
}

impl Finalize for StreamWriter {
    fn original_dealloc() -> &'static OnceLock<ffi::destructor> {
        static ORIGINAL: OnceLock<ffi::destructor> = OnceLock::new();
        &ORIGINAL
    }

    fn wants_finalizer(slf: Borrowed<'_, '_, Self>) -> bool {
        let py = slf.py();
        match slf.get().state.transport.clone_ref(py).map(|transport| transport.into_bound(py)) {
            Some(transport) => match SocketTransport::unadorned(&transport) {
                Some(socket) => !socket.get().is_closing(py),
                None => true,
            },
            None => false,
        }
    }

    fn finalize(slf: &Bound<'_, Self>) {
        if let Err(error) = Self::abandon(slf) {
            error.write_unraisable(slf.py(), Some(slf.as_any()));
        }
    }
}
