//! The native half of the Python class `StreamReaderProtocol`.

use pyo3::PyTraverseError;
use pyo3::exceptions::PyAssertionError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType, PyWeakref, PyWeakrefMethods, PyWeakrefReference};

use super::overrides::Overrides;
use super::{StreamReader, WaitForDrain, uninitialized};
use crate::core::coroutines::Coroutine;
use crate::core::dispatch::as_native;
use crate::core::futures::{BoundLoop, Future, LoopRef};
use crate::ffi::allocate;
use crate::ffi::allocate::Made;
use crate::ffi::attributes::{Slot, flag_attributes, object_attributes};
use crate::ffi::gil_cell::{Contents, GilCell};
use crate::ffi::unadorned::unadorned;
use crate::stdlib;
use crate::sync::locks::Waiters;

/// Passes data from a transport to a `StreamReader`, and holds the queue of
/// tasks that wait until the transport takes more data.
#[pyclass(frozen, subclass, module = "aioxide")]
pub struct StreamProtocolCore {
    pub(super) state: Contents<State>,
}

#[derive(Default)]
pub(super) struct State {
    /// None until `__init__` has run.
    pub event_loop: GilCell<Option<LoopRef>>,
    /// A weak reference, so that an abandoned reader is deallocated.
    pub reader: Slot,
    /// Keeps the reader of an accepted connection alive until
    /// `client_connected_cb` has it.
    pub strong_reader: Slot,
    /// Where the reader was made (debug mode).
    pub source_traceback: Slot,
    /// Called with each accepted connection.
    pub client_connected: Slot,
    /// The task that serves an accepted connection.
    pub task: Slot,
    pub transport: Slot,
    /// Until 3.12: the writer of an accepted connection.
    pub writer: Slot,
    /// Done when the connection is lost.
    pub closed: Slot,
    pub flags: GilCell<Flags>,
    pub drain_waiters: GilCell<Waiters>,
    /// Which methods the class has overridden.
    pub replaced: Overrides,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    /// The connection is to be closed as soon as it is made.
    pub reject: bool,
    pub over_ssl: bool,
    /// `pause_writing` was called, and `resume_writing` was not.
    pub paused: bool,
    pub connection_lost: bool,
}

impl State {
    fn slots(&self) -> [&Slot; 8] {
        [
            &self.reader,
            &self.strong_reader,
            &self.source_traceback,
            &self.client_connected,
            &self.task,
            &self.transport,
            &self.writer,
            &self.closed,
        ]
    }

    /// Restores the state before `__init__`.
    fn reset(&self, py: Python<'_>) {
        self.flags.set(py, Flags::default());
        drop(self.event_loop.take(py));
        drop(self.drain_waiters.abandon(py));
        for slot in self.slots() {
            drop(slot.take(py));
        }
    }
}

/// A future of the loop's class.
pub(super) fn create_future<'py>(event_loop: &BoundLoop<'py>) -> PyResult<Bound<'py, PyAny>> {
    match event_loop {
        BoundLoop::Native(core) => {
            Future::created_by(core).map(|future| future.into_bound(core.py()).into_any())
        }
        BoundLoop::Foreign(event_loop) => {
            event_loop.call_method0(crate::intern!(event_loop.py(), "create_future"))
        }
    }
}

impl StreamProtocolCore {
    pub(super) fn replaced(&self) -> Overrides {
        self.state.replaced
    }

    pub(super) fn event_loop<'py>(slf: &Bound<'py, Self>) -> PyResult<BoundLoop<'py>> {
        match slf.get().state.event_loop.clone_ref(slf.py()) {
            Some(event_loop) => Ok(event_loop.into_bound(slf.py())),
            None => Err(uninitialized(slf.as_any(), "_loop")),
        }
    }

    /// The reader, if it is still alive.
    #[inline]
    fn reader<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(reference) = self.state.reader.clone_ref(py) else {
            return Ok(None);
        };
        let reference = reference.into_bound(py);
        match reference.cast::<PyWeakref>() {
            Ok(reference) => Ok(reference.upgrade()),
            Err(_) => reference.call0().map(|reader| Some(reader).filter(|it| !it.is_none())),
        }
    }

    /// The reader, if a transport may add bytes to its buffer directly.
    #[inline]
    pub fn direct_reader<'py>(&self, py: Python<'py>) -> Option<Bound<'py, StreamReader>> {
        let reader = self.reader(py).ok()??;
        let reader = unadorned::<StreamReader>(&reader)?;
        reader.get().takes_bytes(py).then(|| reader.clone())
    }

    /// Whether `data_received` is not overridden.
    pub fn receives_natively(&self) -> bool {
        !self.replaced().data_received
    }

    /// `data_received`.
    pub fn receive(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = data.py();
        let Some(reader) = self.reader(py)? else {
            return Ok(());
        };
        if let Some(reader) = unadorned::<StreamReader>(&reader) {
            return reader.get().feed(data);
        }
        reader.call_method1(crate::intern!(py, "feed_data"), (data,)).map(drop)
    }

    /// `reader.feed_eof()`.
    fn end_reader(&self, py: Python<'_>) -> PyResult<()> {
        match self.reader(py)? {
            None => Ok(()),
            Some(reader) => match unadorned::<StreamReader>(&reader) {
                Some(reader) => reader.get().end(py),
                None => reader.call_method0(crate::intern!(py, "feed_eof")).map(drop),
            },
        }
    }

    fn log(slf: &Bound<'_, Self>, message: &str) -> PyResult<()> {
        if Self::event_loop(slf)?.debug()? {
            stdlib::logger(slf.py())?.call_method1(crate::name!("debug"), (Made(message), slf))?;
        }
        Ok(())
    }

    /// The future that is done when the connection is lost.
    pub(super) fn closed<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        match slf.get().state.closed.clone_ref(py) {
            Some(closed) => Ok(closed.into_bound(py)),
            None => Err(uninitialized(slf.as_any(), "_closed")),
        }
    }

    fn settle_closed(closed: &Bound<'_, PyAny>, exc: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = closed.py();
        if closed.call_method0(crate::intern!(py, "done"))?.is_truthy()? {
            return Ok(());
        }
        if !exc.is_none() {
            closed.call_method1(crate::intern!(py, "set_exception"), (exc,))?;
            // Marks the exception as retrieved, because a program need not call
            // `wait_closed`.
            return closed.call_method0(crate::intern!(py, "exception")).map(drop);
        }
        match as_native(closed) {
            Some(future) => Future::finish(future, py.None()),
            None => closed.call_method1(crate::intern!(py, "set_result"), (py.None(),)).map(drop),
        }
    }
}

#[pymethods]
impl StreamProtocolCore {
    // A subclass may take other arguments, which its `__init__` checks.
    #[new]
    #[classmethod]
    #[pyo3(signature = (*_arguments, **_keywords), text_signature = "(stream_reader, client_connected_cb=None, loop=None)")]
    fn __new__(
        class: &Bound<'_, PyType>,
        _arguments: &Bound<'_, PyTuple>,
        _keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let state = State { replaced: Overrides::by(class)?, ..State::default() };
        Ok(Self { state: Contents::new(state) })
    }

    #[pyo3(signature = (stream_reader, client_connected_cb=None, r#loop=None))]
    fn __init__(
        slf: &Bound<'_, Self>,
        stream_reader: Option<Bound<'_, PyAny>>,
        client_connected_cb: Option<Py<PyAny>>,
        r#loop: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let py = slf.py();
        let event_loop = match r#loop {
            Some(event_loop) => event_loop,
            None => stdlib::get_event_loop(py)?.call0()?,
        };
        let event_loop = LoopRef::of(&event_loop);
        let (mut reference, mut source_traceback) = (None, None);
        if let Some(reader) = &stream_reader {
            reference = Some(PyWeakrefReference::new(reader)?.into_any().unbind());
            source_traceback = match reader.cast_exact::<StreamReader>() {
                Ok(reader) => reader.get().source_traceback(py),
                Err(_) => Some(reader.getattr(crate::name!("_source_traceback"))?.unbind())
                    .filter(|it| !it.is_none(py)),
            };
        }
        let closed = create_future(&event_loop.bind(py))?.unbind();
        let strong = stream_reader.filter(|_| client_connected_cb.is_some()).map(Bound::unbind);
        let state = &slf.get().state;
        state.reset(py);
        drop(state.reader.replace(py, reference));
        drop(state.source_traceback.replace(py, source_traceback));
        drop(state.strong_reader.replace(py, strong));
        drop(state.client_connected.replace(py, client_connected_cb));
        drop(state.closed.replace(py, Some(closed)));
        drop(state.event_loop.replace(py, Some(event_loop)));
        Ok(())
    }

    #[getter]
    fn _stream_reader<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.reader(py)
    }

    /// Replaces the transport, after `start_tls`.
    #[cfg(Py_3_13)]
    fn _replace_transport(&self, transport: Bound<'_, PyAny>) -> PyResult<()> {
        let py = transport.py();
        self.use_transport(py, &transport)?;
        #[cfg(Py_3_14)]
        if let Some(reader) = self.reader(py)? {
            reader.call_method1(crate::intern!(py, "_replace_transport"), (transport,))?;
        }
        Ok(())
    }

    /// Replaces the transport with the writer's, after `start_tls`.
    #[cfg(not(Py_3_13))]
    fn _replace_writer(&self, writer: Bound<'_, PyAny>) -> PyResult<()> {
        let py = writer.py();
        let transport = writer.getattr(crate::intern!(py, "transport"))?;
        drop(self.state.writer.replace(py, Some(writer.unbind())));
        self.use_transport(py, &transport)
    }

    fn connection_made(slf: &Bound<'_, Self>, transport: Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        if this.state.flags.get(py).reject {
            let details = allocate::dict(py)?;
            details.set_item(
                crate::name!("message"),
                Made(
                    "An open stream was garbage collected prior to establishing network \
                     connection; call \"stream.close()\" explicitly.",
                ),
            )?;
            if let Some(traceback) = this.get__source_traceback(py) {
                details.set_item(crate::name!("source_traceback"), traceback)?;
            }
            let event_loop = Self::event_loop(slf)?;
            event_loop.as_any().call_method1(crate::name!("call_exception_handler"), (details,))?;
            return transport.call_method0(crate::name!("abort")).map(drop);
        }
        drop(this.state.transport.replace(py, Some(transport.clone().unbind())));
        let reader = this.reader(py)?;
        if let Some(reader) = &reader {
            reader.call_method1(crate::intern!(py, "set_transport"), (&transport,))?;
        }
        this.detect_tls(&transport)?;
        if let Some(callback) = this.state.client_connected.clone_ref(py) {
            Self::serve_client(slf, callback.bind(py), &transport, reader)?;
            drop(this.state.strong_reader.take(py));
        }
        Ok(())
    }

    fn connection_lost(slf: &Bound<'_, Self>, exc: Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        if exc.is_none() {
            this.end_reader(py)?;
        } else if let Some(reader) = this.reader(py)? {
            reader.call_method1(crate::intern!(py, "set_exception"), (&exc,))?;
        }
        Self::settle_closed(&Self::closed(slf)?, &exc)?;
        let paused = this.state.flags.update(py, |flags| {
            flags.connection_lost = true;
            flags.paused
        });
        if paused {
            this.wake(py, Some(&exc).filter(|exc| !exc.is_none()))?;
        }
        let state = &this.state;
        for slot in [&state.reader, &state.writer, &state.task, &state.transport] {
            drop(slot.take(py));
        }
        Ok(())
    }

    fn data_received(&self, data: Bound<'_, PyAny>) -> PyResult<()> {
        self.receive(&data)
    }

    /// The peer has closed its side. Keeps ours open, except over TLS, which
    /// does not support that.
    fn eof_received(&self, py: Python<'_>) -> PyResult<bool> {
        self.end_reader(py)?;
        Ok(!self.state.flags.get(py).over_ssl)
    }

    fn pause_writing(slf: &Bound<'_, Self>) -> PyResult<()> {
        let flags = &slf.get().state.flags;
        if flags.update(slf.py(), |flags| std::mem::replace(&mut flags.paused, true)) {
            return Err(PyAssertionError::new_err(()));
        }
        Self::log(slf, "%r pauses writing")
    }

    fn resume_writing(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let flags = &slf.get().state.flags;
        if !flags.update(py, |flags| std::mem::replace(&mut flags.paused, false)) {
            return Err(PyAssertionError::new_err(()));
        }
        Self::log(slf, "%r resumes writing")?;
        slf.get().wake(py, None)
    }

    /// Waits until the transport takes more data. `ConnectionResetError` once
    /// the connection is lost.
    fn _drain_helper(slf: Py<Self>, py: Python<'_>) -> PyResult<Py<Coroutine>> {
        Coroutine::new(py, WaitForDrain::new(slf))
    }

    /// The future that is done when the connection is lost.
    fn _get_close_waiter<'py>(
        slf: &Bound<'py, Self>,
        stream: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _ = stream;
        Self::closed(slf)
    }

    #[getter]
    fn _drain_waiters(&self, py: Python<'_>) -> Made<Vec<Py<Future>>> {
        Made(self.state.drain_waiters.all(py))
    }

    #[getter]
    fn get__loop(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.event_loop.clone_of(py, |it| it.as_ref().map(LoopRef::as_any))
    }

    #[setter]
    fn set__loop(&self, event_loop: Bound<'_, PyAny>) {
        let new = Some(LoopRef::of(&event_loop));
        drop(self.state.event_loop.replace(event_loop.py(), new));
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            state.event_loop.traverse(|event_loop| match event_loop {
                Some(event_loop) => visit.call(event_loop.as_any()),
                None => Ok(()),
            })?;
            state.drain_waiters.traverse(|waiters| waiters.traverse(&visit))?;
            state.slots().iter().try_for_each(|slot| slot.traverse(|object| visit.call(object)))
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        self.state.reset(py);
    }
}

impl StreamProtocolCore {
    fn use_transport(&self, py: Python<'_>, transport: &Bound<'_, PyAny>) -> PyResult<()> {
        drop(self.state.transport.replace(py, Some(transport.clone().unbind())));
        self.detect_tls(transport)
    }

    /// Over TLS our side cannot stay open when the peer's is closed.
    fn detect_tls(&self, transport: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = transport.py();
        let context = transport.call_method1(
            crate::intern!(py, "get_extra_info"),
            (crate::intern!(py, "sslcontext"),),
        )?;
        self.state.flags.update(py, |flags| flags.over_ssl = !context.is_none());
        Ok(())
    }
}

object_attributes!(StreamProtocolCore {
    _stream_reader_wr: reader, get__reader, set__reader;
    _strong_reader: strong_reader, get__strong, set__strong;
    _source_traceback: source_traceback, get__source_traceback, set__source_traceback;
    _client_connected_cb: client_connected, get__client_connected_cb, set__client_connected_cb;
    _task: task, get__task, set__task;
    _transport: transport, get__transport, set__transport;
    _stream_writer: writer, get__writer, set__writer;
    _closed: closed, get__closed, set__closed;
});

flag_attributes!(StreamProtocolCore {
    _reject_connection: reject, get__reject, set__reject;
    _over_ssl: over_ssl, get__over_ssl, set__over_ssl;
    _paused: paused, get__paused, set__paused;
    _connection_lost: connection_lost, get__lost, set__lost;
});
