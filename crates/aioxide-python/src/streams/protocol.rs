//! The native half of the Python class `StreamReaderProtocol`.

use pyo3::PyTraverseError;
use pyo3::exceptions::{PyAssertionError, PyConnectionResetError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyWeakref, PyWeakrefMethods, PyWeakrefReference};

use super::attributes::{flag_attribute, object_attribute};
use super::{ClientDone, StreamReader, StreamWriter, WaitForDrain, uninitialized};
use crate::coroutines::{Coroutine, is_coroutine};
use crate::futures::{BoundLoop, Future, FutureState, LoopRef, as_native};
use crate::locks::Waiters;
use crate::standard;
use crate::with_cell::WithCell;

/// Between a transport and a `StreamReader`; and who waits for the transport to
/// want more data.
#[pyclass(frozen, subclass, module = "aioxide")]
pub struct StreamProtocolCore {
    pub(super) state: WithCell<State>,
}

#[derive(Default)]
pub(super) struct State {
    /// None until `__init__` has run.
    pub event_loop: Option<LoopRef>,
    /// A weak reference: a reader that nobody reads from any more goes.
    pub reader: Option<Py<PyAny>>,
    /// Keeps the reader of an accepted connection until somebody else does.
    pub strong_reader: Option<Py<PyAny>>,
    /// Where the reader was made (debug mode).
    pub source_traceback: Option<Py<PyAny>>,
    /// What an accepted connection is told to.
    pub client_connected: Option<Py<PyAny>>,
    /// The task that serves an accepted connection.
    pub task: Option<Py<PyAny>>,
    pub transport: Option<Py<PyAny>>,
    /// Until 3.12: the writer of an accepted connection.
    pub writer: Option<Py<PyAny>>,
    /// Done when the connection is lost.
    pub closed: Option<Py<PyAny>>,
    /// The connection is not wanted any more.
    pub reject: bool,
    pub over_ssl: bool,
    /// The transport wants no more data for now.
    pub paused: bool,
    pub connection_lost: bool,
    pub drain_waiters: Waiters,
    /// Which methods a subclass has replaced.
    pub replaced: Replaced,
}

/// Methods that are gone round unless a subclass has its own.
#[derive(Clone, Copy, Default)]
pub(super) struct Replaced {
    pub data_received: bool,
    pub drain_helper: bool,
    pub get_close_waiter: bool,
}

impl Replaced {
    fn by(protocol: &Bound<'_, StreamProtocolCore>) -> PyResult<Self> {
        let py = protocol.py();
        let (class, base) = (protocol.get_type(), py.get_type::<StreamProtocolCore>());
        let replaced = |name: &Bound<'_, pyo3::types::PyString>| -> PyResult<bool> {
            Ok(!class.getattr(name)?.is(&base.getattr(name)?))
        };
        Ok(Self {
            data_received: replaced(pyo3::intern!(py, "data_received"))?,
            drain_helper: replaced(pyo3::intern!(py, "_drain_helper"))?,
            get_close_waiter: replaced(pyo3::intern!(py, "_get_close_waiter"))?,
        })
    }
}

/// A future of the loop's own kind.
pub(super) fn create_future<'py>(event_loop: &BoundLoop<'py>) -> PyResult<Bound<'py, PyAny>> {
    match event_loop {
        BoundLoop::Native(core) => {
            Future::on_loop(core.py(), core).map(|future| future.into_bound(core.py()).into_any())
        }
        BoundLoop::Foreign(event_loop) => {
            event_loop.call_method0(pyo3::intern!(event_loop.py(), "create_future"))
        }
    }
}

impl StreamProtocolCore {
    pub(super) fn replaced(&self, py: Python<'_>) -> Replaced {
        self.state.with(py, |state| state.replaced)
    }

    pub(super) fn event_loop<'py>(slf: &Bound<'py, Self>) -> PyResult<BoundLoop<'py>> {
        slf.get()
            .state
            .with(slf.py(), |state| state.event_loop.as_ref().map(|it| it.bind(slf.py())))
            .ok_or_else(|| uninitialized(slf.as_any(), "_loop"))
    }

    /// The reader, while there is one.
    #[inline]
    fn reader<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(reference) =
            self.state.with(py, |state| state.reader.as_ref().map(|it| it.bind(py).clone()))
        else {
            return Ok(None);
        };
        match reference.cast::<PyWeakref>() {
            Ok(reference) => Ok(reference.upgrade()),
            Err(_) => reference.call0().map(|reader| Some(reader).filter(|it| !it.is_none())),
        }
    }

    /// The reader, if what is received may go into its buffer straight away.
    #[inline]
    pub fn direct_reader<'py>(&self, py: Python<'py>) -> Option<Bound<'py, StreamReader>> {
        let reader = self.reader(py).ok()??;
        if !reader.is_exact_instance_of::<StreamReader>() {
            return None;
        }
        // SAFETY: checked above.
        let reader = unsafe { reader.cast_into_unchecked::<StreamReader>() };
        reader.get().takes_bytes(py).then_some(reader)
    }

    /// Whether `data_received` is the one below.
    pub fn receives_natively(&self, py: Python<'_>) -> bool {
        !self.replaced(py).data_received
    }

    /// `data_received`.
    pub fn receive(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = data.py();
        let Some(reader) = self.reader(py)? else {
            return Ok(());
        };
        if reader.is_exact_instance_of::<StreamReader>() {
            // SAFETY: checked above.
            return unsafe { reader.cast_unchecked::<StreamReader>() }.get().feed(data);
        }
        reader.call_method1(pyo3::intern!(py, "feed_data"), (data,)).map(drop)
    }

    /// `reader.feed_eof()`.
    fn end_reader(&self, py: Python<'_>) -> PyResult<()> {
        match self.reader(py)? {
            None => Ok(()),
            Some(reader) if reader.is_exact_instance_of::<StreamReader>() => {
                // SAFETY: checked above.
                unsafe { reader.cast_unchecked::<StreamReader>() }.get().end(py)
            }
            Some(reader) => reader.call_method0(pyo3::intern!(py, "feed_eof")).map(drop),
        }
    }

    /// Whether data may be written: true at once, false after a wait.
    pub(super) fn may_write(&self, py: Python<'_>) -> PyResult<bool> {
        let (lost, paused) = self.state.with(py, |state| (state.connection_lost, state.paused));
        if lost {
            return Err(PyConnectionResetError::new_err("Connection lost"));
        }
        Ok(!paused)
    }

    /// Whether data may be written, as far as nobody has replaced what says so.
    #[inline]
    pub(super) fn takes_data(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| {
            !state.connection_lost && !state.paused && !state.replaced.drain_helper
        })
    }

    /// A place in the line of those who wait to write.
    pub(super) fn queue_up(slf: &Bound<'_, Self>) -> PyResult<(usize, Py<Future>)> {
        let py = slf.py();
        let future = match Self::event_loop(slf)? {
            BoundLoop::Native(core) => Future::on_loop(py, &core)?,
            BoundLoop::Foreign(event_loop) => {
                Py::new(py, Future::new(FutureState::pending(LoopRef::of(&event_loop))))?
            }
        };
        let kept = future.clone_ref(py);
        Ok((slf.get().state.with(py, |state| state.drain_waiters.push(kept)), future))
    }

    /// Gives that place up.
    pub(super) fn leave(&self, py: Python<'_>, key: usize) {
        drop(self.state.with(py, |state| state.drain_waiters.remove(key)));
    }

    /// Wakes everybody who waits to write, in order; each leaves by itself.
    fn wake(&self, py: Python<'_>, error: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        for future in self._drain_waiters(py) {
            let future = future.bind(py);
            if future.get().is_done(py) {
                continue;
            }
            match error {
                None => Future::finish(future, py.None())?,
                Some(error) => Future::fail(future, error.clone())?,
            }
        }
        Ok(())
    }

    fn log(slf: &Bound<'_, Self>, message: &str) -> PyResult<()> {
        if Self::event_loop(slf)?.debug()? {
            standard::logger(slf.py())?.call_method1("debug", (message, slf))?;
        }
        Ok(())
    }

    /// The future that is done when the connection is lost.
    pub(super) fn closed<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        slf.get()
            .state
            .with(py, |state| state.closed.as_ref().map(|closed| closed.bind(py).clone()))
            .ok_or_else(|| uninitialized(slf.as_any(), "_closed"))
    }

    fn settle_closed(closed: &Bound<'_, PyAny>, exc: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = closed.py();
        if closed.call_method0(pyo3::intern!(py, "done"))?.is_truthy()? {
            return Ok(());
        }
        if !exc.is_none() {
            closed.call_method1(pyo3::intern!(py, "set_exception"), (exc,))?;
            // Nobody has to wait for the end: whoever does is told.
            return closed.call_method0(pyo3::intern!(py, "exception")).map(drop);
        }
        match as_native(closed) {
            Some(future) => Future::finish(future, py.None()),
            None => closed.call_method1(pyo3::intern!(py, "set_result"), (py.None(),)).map(drop),
        }
    }

    /// Tells an accepted connection to whoever wants to know.
    fn greet(
        slf: &Bound<'_, Self>,
        callback: &Bound<'_, PyAny>,
        transport: &Bound<'_, PyAny>,
        reader: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let py = slf.py();
        let event_loop = Self::event_loop(slf)?;
        let event_loop = event_loop.as_any();
        let writer = StreamWriter::create(transport, slf.as_any(), reader.clone(), event_loop)?;
        if cfg!(not(Py_3_13)) {
            let kept = writer.clone().into_any().unbind();
            drop(slf.get().state.with(py, |state| state.writer.replace(kept)));
        }
        let served = callback.call1((reader, writer));
        if cfg!(Py_3_14)
            && let Err(error) = &served
            && error.is_instance_of::<pyo3::exceptions::PyException>(py)
        {
            return ClientDone::report(event_loop, transport, error.value(py));
        }
        let served = served?;
        if is_coroutine(&served)? {
            let task = event_loop.call_method1(pyo3::intern!(py, "create_task"), (served,))?;
            let kept = task.clone().unbind();
            drop(slf.get().state.with(py, |state| state.task.replace(kept)));
            let done = ClientDone::create(event_loop, transport)?;
            task.call_method1(pyo3::intern!(py, "add_done_callback"), (done,))?;
        }
        Ok(())
    }
}

#[pymethods]
impl StreamProtocolCore {
    // A subclass may take what it likes; its `__init__` says what.
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords), text_signature = "(stream_reader, client_connected_cb=None, loop=None)")]
    fn __new__(_arguments: &Bound<'_, PyTuple>, _keywords: Option<&Bound<'_, PyDict>>) -> Self {
        Self { state: WithCell::new(State::default()) }
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
            None => standard::get_event_loop(py)?.call0()?,
        };
        let event_loop = LoopRef::of(&event_loop);
        let mut state = State { replaced: Replaced::by(slf)?, ..State::default() };
        if let Some(reader) = stream_reader {
            state.reader = Some(PyWeakrefReference::new(&reader)?.into_any().unbind());
            state.source_traceback = match reader.cast_exact::<StreamReader>() {
                Ok(reader) => reader.get().source_traceback(py),
                Err(_) => {
                    Some(reader.getattr("_source_traceback")?.unbind()).filter(|it| !it.is_none(py))
                }
            };
            if client_connected_cb.is_some() {
                state.strong_reader = Some(reader.unbind());
            }
        }
        state.client_connected = client_connected_cb;
        state.closed = Some(create_future(&event_loop.bind(py))?.unbind());
        state.event_loop = Some(event_loop);
        drop(slf.get().state.with(py, |old| std::mem::replace(old, state)));
        Ok(())
    }

    #[getter]
    fn _stream_reader<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.reader(py)
    }

    /// The connection goes over another transport from now on.
    #[cfg(Py_3_13)]
    fn _replace_transport(&self, transport: Bound<'_, PyAny>) -> PyResult<()> {
        let py = transport.py();
        #[cfg(Py_3_14)]
        if let Some(reader) = self.reader(py)? {
            reader.call_method1(pyo3::intern!(py, "_replace_transport"), (&transport,))?;
        }
        self.use_transport(py, &transport)
    }

    /// The connection goes over another transport, the writer's, from now on.
    #[cfg(not(Py_3_13))]
    fn _replace_writer(&self, writer: Bound<'_, PyAny>) -> PyResult<()> {
        let py = writer.py();
        let transport = writer.getattr(pyo3::intern!(py, "transport"))?;
        drop(self.state.with(py, |state| state.writer.replace(writer.unbind())));
        self.use_transport(py, &transport)
    }

    fn connection_made(slf: &Bound<'_, Self>, transport: Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let reject = this.state.with(py, |state| state.reject);
        if reject {
            let details = PyDict::new(py);
            details.set_item(
                "message",
                "An open stream was garbage collected prior to establishing network connection; \
                 call \"stream.close()\" explicitly.",
            )?;
            if let Some(traceback) = this.get__source_traceback(py) {
                details.set_item("source_traceback", traceback)?;
            }
            let event_loop = Self::event_loop(slf)?;
            event_loop.as_any().call_method1("call_exception_handler", (details,))?;
            return transport.call_method0("abort").map(drop);
        }
        let reader = this.reader(py)?;
        if let Some(reader) = &reader {
            reader.call_method1(pyo3::intern!(py, "set_transport"), (&transport,))?;
        }
        this.use_transport(py, &transport)?;
        let callback = this
            .state
            .with(py, |state| state.client_connected.as_ref().map(|it| it.bind(py).clone()));
        if let Some(callback) = callback {
            Self::greet(slf, &callback, &transport, reader)?;
            drop(this.state.with(py, |state| state.strong_reader.take()));
        }
        Ok(())
    }

    fn connection_lost(slf: &Bound<'_, Self>, exc: Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        if exc.is_none() {
            this.end_reader(py)?;
        } else if let Some(reader) = this.reader(py)? {
            reader.call_method1(pyo3::intern!(py, "set_exception"), (&exc,))?;
        }
        Self::settle_closed(&Self::closed(slf)?, &exc)?;
        let paused = this.state.with(py, |state| {
            state.connection_lost = true;
            state.paused
        });
        if paused {
            this.wake(py, Some(&exc).filter(|exc| !exc.is_none()))?;
        }
        drop(this.state.with(py, |state| {
            (state.reader.take(), state.writer.take(), state.task.take(), state.transport.take())
        }));
        Ok(())
    }

    fn data_received(&self, data: Bound<'_, PyAny>) -> PyResult<()> {
        self.receive(&data)
    }

    /// The peer has ended its side. Keeps ours open, unless over TLS, which
    /// cannot.
    fn eof_received(&self, py: Python<'_>) -> PyResult<bool> {
        self.end_reader(py)?;
        Ok(!self.state.with(py, |state| state.over_ssl))
    }

    fn pause_writing(slf: &Bound<'_, Self>) -> PyResult<()> {
        if slf.get().state.with(slf.py(), |state| std::mem::replace(&mut state.paused, true)) {
            return Err(PyAssertionError::new_err(()));
        }
        Self::log(slf, "%r pauses writing")
    }

    fn resume_writing(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        if !slf.get().state.with(py, |state| std::mem::replace(&mut state.paused, false)) {
            return Err(PyAssertionError::new_err(()));
        }
        Self::log(slf, "%r resumes writing")?;
        slf.get().wake(py, None)
    }

    /// Waits until the transport wants more data. `ConnectionResetError` once
    /// the connection is lost.
    fn _drain_helper(slf: Py<Self>, py: Python<'_>) -> PyResult<Py<Coroutine>> {
        Coroutine::new(py, WaitForDrain::new(slf))
    }

    /// The future that is done when the connection is lost.
    fn _get_close_waiter<'py>(
        slf: &Bound<'py, Self>,
        _stream: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::closed(slf)
    }

    #[getter]
    fn _drain_waiters(&self, py: Python<'_>) -> Vec<Py<Future>> {
        self.state.with(py, |state| state.drain_waiters.iter().map(|it| it.clone_ref(py)).collect())
    }

    #[getter]
    fn get__loop(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.with(py, |state| state.event_loop.as_ref().map(|it| it.as_any().clone_ref(py)))
    }

    #[setter]
    fn set__loop(&self, event_loop: Bound<'_, PyAny>) {
        let new = Some(LoopRef::of(&event_loop));
        drop(
            self.state.with(event_loop.py(), |state| std::mem::replace(&mut state.event_loop, new)),
        );
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            if let Some(event_loop) = &state.event_loop {
                visit.call(event_loop.as_any())?;
            }
            state.drain_waiters.traverse(&visit)?;
            visit.call(&state.reader)?;
            visit.call(&state.strong_reader)?;
            visit.call(&state.source_traceback)?;
            visit.call(&state.client_connected)?;
            visit.call(&state.task)?;
            visit.call(&state.transport)?;
            visit.call(&state.writer)?;
            visit.call(&state.closed)
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.state.with(py, std::mem::take));
    }
}

impl StreamProtocolCore {
    fn use_transport(&self, py: Python<'_>, transport: &Bound<'_, PyAny>) -> PyResult<()> {
        let context =
            transport.call_method1(pyo3::intern!(py, "get_extra_info"), ("sslcontext",))?;
        let (over_ssl, kept) = (!context.is_none(), transport.clone().unbind());
        drop(self.state.with(py, |state| {
            state.over_ssl = over_ssl;
            state.transport.replace(kept)
        }));
        Ok(())
    }
}

object_attribute!(StreamProtocolCore, reader, _stream_reader_wr, get__reader, set__reader);
object_attribute!(StreamProtocolCore, strong_reader, _strong_reader, get__strong, set__strong);
object_attribute!(
    StreamProtocolCore,
    source_traceback,
    _source_traceback,
    get__source_traceback,
    set__source_traceback
);
object_attribute!(
    StreamProtocolCore,
    client_connected,
    _client_connected_cb,
    get__client_connected_cb,
    set__client_connected_cb
);
object_attribute!(StreamProtocolCore, task, _task, get__task, set__task);
object_attribute!(StreamProtocolCore, transport, _transport, get__transport, set__transport);
object_attribute!(StreamProtocolCore, writer, _stream_writer, get__writer, set__writer);
object_attribute!(StreamProtocolCore, closed, _closed, get__closed, set__closed);
flag_attribute!(StreamProtocolCore, reject, _reject_connection, get__reject, set__reject);
flag_attribute!(StreamProtocolCore, over_ssl, _over_ssl, get__over_ssl, set__over_ssl);
flag_attribute!(StreamProtocolCore, paused, _paused, get__paused, set__paused);
flag_attribute!(StreamProtocolCore, connection_lost, _connection_lost, get__lost, set__lost);
