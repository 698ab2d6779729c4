//! The Python class `StreamReader`.

use pyo3::PyTraverseError;
use pyo3::exceptions::{
    PyAssertionError, PyNotImplementedError, PyRuntimeError, PyTypeError, PyValueError,
};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyTuple};

use super::attributes::{flag_attribute, object_attribute};
use super::buffer::Buffer;
use super::uninitialized;
use crate::buffers::BufferView;
use crate::coroutines::{Coroutine, Step};
use crate::futures::{BoundLoop, Future, FutureState, LoopRef, as_native};
use crate::standard;
use crate::with_cell::WithCell;

/// asyncio's limit, in bytes, for those who name none.
pub const DEFAULT_LIMIT: usize = 64 * 1024;

/// What a connection receives, to be read by `await`.
///
/// `limit`, in bytes, is the longest line; when twice as much waits to be read,
/// the transport is paused. `ValueError` unless it is above zero.
///
/// https://docs.python.org/3/library/asyncio-stream.html#asyncio.StreamReader
#[pyclass(frozen, subclass, weakref, dict, module = "asyncio.streams")]
pub struct StreamReader {
    pub(super) state: WithCell<State>,
}

pub(super) struct State {
    /// None until `__init__` has run.
    pub event_loop: Option<LoopRef>,
    pub limit: usize,
    /// What the limit is, if it is not a whole number.
    pub odd_limit: Option<Py<PyAny>>,
    pub buffer: Buffer,
    /// Nothing more will come.
    pub eof: bool,
    /// The future of the one who waits for data.
    pub waiter: Option<Py<PyAny>>,
    /// Why nothing more will come.
    pub exception: Option<Py<PyAny>>,
    /// What can be asked to pause. None when there is none, or it cannot.
    pub transport: Option<Py<PyAny>>,
    /// The transport was asked to pause, and not to go on.
    pub paused: bool,
    /// Where the reader was made (debug mode).
    pub source_traceback: Option<Py<PyAny>>,
}

impl State {
    /// Of a reader whose `__init__` has not run.
    fn fresh() -> Self {
        Self {
            event_loop: None,
            limit: DEFAULT_LIMIT,
            odd_limit: None,
            buffer: Buffer::default(),
            eof: false,
            waiter: None,
            exception: None,
            transport: None,
            paused: false,
            source_traceback: None,
        }
    }
}

impl StreamReader {
    /// Raises what ended the stream, if something did.
    #[inline]
    pub(super) fn raise_exception(&self, py: Python<'_>) -> PyResult<()> {
        match self.state.with(py, |state| state.exception.as_ref().map(|it| it.clone_ref(py))) {
            None => Ok(()),
            Some(exception) => Err(PyErr::from_value(exception.into_bound(py))),
        }
    }

    /// Whether something ended the stream.
    #[inline]
    pub(super) fn has_failed(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.exception.is_some())
    }

    /// Waits until more arrives, or nothing more will.
    pub(super) fn wait_for_data(slf: &Bound<'_, Self>, method: &str) -> PyResult<Step> {
        let py = slf.py();
        let this = slf.get();
        let (waited_for, eof, event_loop) = this.state.with(py, |state| {
            (
                state.waiter.is_some(),
                state.eof,
                state.event_loop.as_ref().map(|event_loop| event_loop.bind(py)),
            )
        });
        if waited_for {
            return Err(PyRuntimeError::new_err(format!(
                "{method}() called while another coroutine is already waiting for incoming data"
            )));
        }
        if eof {
            return Err(PyAssertionError::new_err("_wait_for_data after EOF"));
        }
        // Waiting while paused would be for ever.
        this.resume_transport(py, |_, _| true)?;
        let future = match event_loop {
            Some(BoundLoop::Native(core)) => Future::on_loop(py, &core)?,
            Some(BoundLoop::Foreign(event_loop)) => {
                Py::new(py, Future::new(FutureState::pending(LoopRef::of(&event_loop))))?
            }
            None => return Err(uninitialized(slf.as_any(), "_loop")),
        };
        let kept = future.clone_ref(py).into_any();
        this.state.with(py, |state| state.waiter = Some(kept));
        Ok(Step::Wait(future))
    }

    /// Whoever waited waits no longer.
    #[inline]
    pub(super) fn stop_waiting(&self, py: Python<'_>) {
        if let Some(waiter) = self.state.with(py, |state| state.waiter.take()) {
            waiter.drop_ref(py);
        }
    }

    /// Wakes whoever waits.
    #[inline]
    fn wake(&self, py: Python<'_>) -> PyResult<()> {
        let Some(waiter) = self.state.with(py, |state| state.waiter.take()) else {
            return Ok(());
        };
        let waiter = waiter.into_bound(py);
        match as_native(&waiter) {
            Some(future) if future.get().is_cancelled(py) => Ok(()),
            Some(future) => Future::finish(future, py.None()),
            None if waiter.call_method0(pyo3::intern!(py, "cancelled"))?.is_truthy()? => Ok(()),
            None => waiter.call_method1(pyo3::intern!(py, "set_result"), (py.None(),)).map(drop),
        }
    }

    /// Lets a paused transport go on, if `may` says so of the state.
    #[inline]
    fn resume_transport(
        &self,
        py: Python<'_>,
        may: impl FnOnce(&State, usize) -> bool,
    ) -> PyResult<()> {
        if !self.state.with(py, |state| state.paused) {
            return Ok(());
        }
        let buffered = self.buffered(py);
        let transport = self.state.with(py, |state| {
            if !may(state, buffered) {
                return None;
            }
            state.paused = false;
            state.transport.as_ref().map(|transport| transport.bind(py).clone())
        });
        match transport {
            Some(transport) => {
                transport.call_method0(pyo3::intern!(py, "resume_reading")).map(drop)
            }
            None => Ok(()),
        }
    }

    /// Something was read: a paused transport goes on once little is left.
    #[inline]
    pub(super) fn after_read(&self, py: Python<'_>) -> PyResult<()> {
        self.resume_transport(py, |state, buffered| buffered <= state.limit)
    }

    /// Whether data may come straight from a transport.
    #[inline]
    pub(super) fn takes_bytes(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| matches!(state.buffer, Buffer::Native(_)))
    }

    /// Takes in what a transport has received, which is not empty. False if the
    /// stream has ended. No Python code runs; [`Self::arrived`] does the rest.
    #[inline]
    pub fn take_in(&self, py: Python<'_>, bytes: &[u8]) -> bool {
        let open = self.state.with(py, |state| !state.eof);
        open && self.append(py, bytes)
    }

    /// What follows from [`Self::take_in`], which has returned `taken`.
    #[inline]
    pub fn arrived(&self, py: Python<'_>, taken: bool) -> PyResult<()> {
        if !taken {
            return Err(PyAssertionError::new_err("feed_data after feed_eof"));
        }
        self.wake(py)?;
        let full = self.buffered(py);
        let transport = self.state.with(py, |state| {
            let full = !state.paused && full > state.limit.saturating_mul(2);
            state.transport.as_ref().filter(|_| full).map(|transport| transport.bind(py).clone())
        });
        let Some(transport) = transport else {
            return Ok(());
        };
        match transport.call_method0(pyo3::intern!(py, "pause_reading")) {
            Ok(_) => {
                self.state.with(py, |state| state.paused = true);
                Ok(())
            }
            // It cannot, and is not asked again.
            Err(error) if error.is_instance_of::<PyNotImplementedError>(py) => {
                drop(self.state.with(py, |state| state.transport.take()));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// `feed_data`.
    pub(super) fn feed(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = data.py();
        if self.state.with(py, |state| state.eof) {
            return self.arrived(py, false);
        }
        if let Ok(bytes) = data.cast::<PyBytes>() {
            let bytes = bytes.as_bytes();
            if bytes.is_empty() {
                return Ok(());
            }
            if self.append(py, bytes) {
                return self.arrived(py, true);
            }
        } else if !data.is_truthy()? {
            return Ok(());
        } else if self.takes_bytes(py)
            && let Ok(view) = BufferView::readable(data)
        {
            self.append(py, view.bytes());
            drop(view);
            return self.arrived(py, true);
        }
        self.buffer_object(py).call_method1(pyo3::intern!(py, "extend"), (data,))?;
        self.arrived(py, true)
    }

    /// `feed_eof`.
    pub(super) fn end(&self, py: Python<'_>) -> PyResult<()> {
        self.state.with(py, |state| state.eof = true);
        self.wake(py)
    }

    /// `set_exception`.
    pub(super) fn fail(&self, exception: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = exception.py();
        let kept = exception.clone().unbind();
        let (replaced, waiter) =
            self.state.with(py, |state| (state.exception.replace(kept), state.waiter.take()));
        drop(replaced);
        let Some(waiter) = waiter else {
            return Ok(());
        };
        let waiter = waiter.into_bound(py);
        if waiter.call_method0(pyo3::intern!(py, "cancelled"))?.is_truthy()? {
            return Ok(());
        }
        waiter.call_method1(pyo3::intern!(py, "set_exception"), (exception,)).map(drop)
    }

    /// Where the reader was made (debug mode).
    pub(super) fn source_traceback(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.with(py, |state| state.source_traceback.as_ref().map(|it| it.clone_ref(py)))
    }

    /// The limit, as a number of bytes that a count is compared with, and as it
    /// was given if that says more.
    fn read_limit(limit: &Bound<'_, PyAny>) -> PyResult<(usize, Option<Py<PyAny>>)> {
        match limit.extract::<usize>() {
            Ok(whole) => Ok((whole, None)),
            // A float, or a number beyond all memory: compared as it is.
            Err(_) => {
                let whole = limit.extract::<f64>()?.floor();
                Ok((whole as usize, Some(limit.clone().unbind())))
            }
        }
    }
}

#[pymethods]
impl StreamReader {
    // A subclass may take what it likes; its `__init__` says what.
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords), text_signature = "(limit=65536, loop=None)")]
    fn __new__(_arguments: &Bound<'_, PyTuple>, _keywords: Option<&Bound<'_, PyDict>>) -> Self {
        Self { state: WithCell::new(State::fresh()) }
    }

    #[pyo3(signature = (limit=None, r#loop=None))]
    fn __init__(
        &self,
        py: Python<'_>,
        limit: Option<Bound<'_, PyAny>>,
        r#loop: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let (limit, odd_limit) = match limit {
            None => (DEFAULT_LIMIT, None),
            Some(limit) => {
                if limit.le(0)? {
                    return Err(PyValueError::new_err("Limit cannot be <= 0"));
                }
                Self::read_limit(&limit)?
            }
        };
        let event_loop = match r#loop {
            Some(event_loop) => event_loop,
            None => standard::get_event_loop(py)?.call0()?,
        };
        let event_loop = LoopRef::of(&event_loop);
        let source_traceback = if event_loop.bind(py).debug()? {
            Some(standard::extract_stack(py)?.call0()?.unbind())
        } else {
            None
        };
        let fresh = State {
            event_loop: Some(event_loop),
            limit,
            odd_limit,
            source_traceback,
            ..State::fresh()
        };
        drop(self.state.with(py, |state| std::mem::replace(state, fresh)));
        Ok(())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let py = slf.py();
        let this = slf.get();
        let mut text = "<StreamReader".to_owned();
        let buffered = this.buffered(py);
        if buffered > 0 {
            text += &format!(" {buffered} bytes");
        }
        let (eof, paused, limit, objects) = this.state.with(py, |state| {
            let objects = [&state.waiter, &state.exception, &state.transport]
                .map(|it| it.as_ref().map(|it| it.bind(py).clone()));
            (state.eof, state.paused, state.limit, objects)
        });
        if eof {
            text += " eof";
        }
        if limit != DEFAULT_LIMIT {
            text += &format!(" limit={}", this.get__limit(py)?.bind(py));
        }
        for (name, object) in ["waiter", "exception", "transport"].iter().zip(objects) {
            if let Some(object) = object
                && object.is_truthy()?
            {
                text += &format!(" {name}={}", object.repr()?);
            }
        }
        if paused {
            text += " paused";
        }
        Ok(text + ">")
    }

    /// What ended the stream, or None.
    fn exception(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.with(py, |state| state.exception.as_ref().map(|it| it.clone_ref(py)))
    }

    /// Ends the stream: every read raises `exc` from now on.
    fn set_exception(&self, exc: Bound<'_, PyAny>) -> PyResult<()> {
        self.fail(&exc)
    }

    /// Says which transport is paused when too much waits to be read.
    pub fn set_transport(&self, py: Python<'_>, transport: Py<PyAny>) -> PyResult<()> {
        if self.state.with(py, |state| state.transport.is_some()) {
            return Err(PyAssertionError::new_err("Transport already set"));
        }
        self.state.with(py, |state| state.transport = Some(transport));
        Ok(())
    }

    /// Puts another transport in its place, as TLS does.
    #[cfg(Py_3_14)]
    fn _replace_transport(&self, py: Python<'_>, transport: Py<PyAny>) -> PyResult<()> {
        if self.state.with(py, |state| state.transport.is_none()) {
            return Err(PyAssertionError::new_err("Transport not set"));
        }
        drop(self.state.with(py, |state| state.transport.replace(transport)));
        Ok(())
    }

    /// Says that nothing more will come.
    fn feed_eof(&self, py: Python<'_>) -> PyResult<()> {
        self.end(py)
    }

    /// Whether everything was read and nothing more will come.
    fn at_eof(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.eof) && self.buffered(py) == 0
    }

    /// Adds `data` to what can be read.
    fn feed_data(&self, data: Bound<'_, PyAny>) -> PyResult<()> {
        self.feed(&data)
    }

    fn _wakeup_waiter(&self, py: Python<'_>) -> PyResult<()> {
        self.wake(py)
    }

    fn _maybe_resume_transport(&self, py: Python<'_>) -> PyResult<()> {
        self.after_read(py)
    }

    /// Waits until `feed_data` or `feed_eof` is called.
    fn _wait_for_data(slf: Py<Self>, py: Python<'_>, func_name: String) -> PyResult<Py<Coroutine>> {
        Coroutine::new(py, super::WaitForData { reader: slf, method: func_name })
    }

    fn __aiter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __anext__(slf: Bound<'_, Self>) -> PyResult<Py<Coroutine>> {
        super::reading::next_line(&slf)
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

    #[getter]
    fn get__limit(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let (whole, odd) = self
            .state
            .with(py, |state| (state.limit, state.odd_limit.as_ref().map(|odd| odd.clone_ref(py))));
        match odd {
            Some(odd) => Ok(odd),
            None => Ok(whole.into_pyobject(py)?.into_any().unbind()),
        }
    }

    #[setter]
    fn set__limit(&self, limit: Bound<'_, PyAny>) -> PyResult<()> {
        let (whole, odd) = Self::read_limit(&limit)?;
        drop(self.state.with(limit.py(), |state| {
            state.limit = whole;
            std::mem::replace(&mut state.odd_limit, odd)
        }));
        Ok(())
    }

    #[getter]
    fn get__buffer<'py>(&self, py: Python<'py>) -> Bound<'py, PyByteArray> {
        self.buffer_object(py)
    }

    #[setter]
    fn set__buffer(&self, buffer: Bound<'_, PyAny>) -> PyResult<()> {
        match buffer.cast::<PyByteArray>() {
            Ok(bytes) => {
                self.put_buffer(buffer.py(), Buffer::Object(bytes.clone().unbind()));
                Ok(())
            }
            Err(_) => Err(PyTypeError::new_err(format!(
                "_buffer must be a bytearray, not {}",
                buffer.get_type().name()?
            ))),
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            if let Some(event_loop) = &state.event_loop {
                visit.call(event_loop.as_any())?;
            }
            state.buffer.traverse(&visit)?;
            visit.call(&state.odd_limit)?;
            visit.call(&state.waiter)?;
            visit.call(&state.exception)?;
            visit.call(&state.transport)?;
            visit.call(&state.source_traceback)
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        let fresh = State::fresh();
        drop(self.state.with(py, |state| std::mem::replace(state, fresh)));
    }
}

object_attribute!(StreamReader, waiter, _waiter, get__waiter, set__waiter);
object_attribute!(StreamReader, exception, _exception, get__exception, set__exception);
object_attribute!(StreamReader, transport, _transport, get__transport, set__transport);
object_attribute!(
    StreamReader,
    source_traceback,
    _source_traceback,
    get__source_traceback,
    set__source_traceback
);
flag_attribute!(StreamReader, eof, _eof, get__eof, set__eof);
flag_attribute!(StreamReader, paused, _paused, get__paused, set__paused);
