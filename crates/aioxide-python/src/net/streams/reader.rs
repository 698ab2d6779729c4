//! The Python class `StreamReader`.

use pyo3::PyTraverseError;
use pyo3::exceptions::{PyAssertionError, PyRuntimeError, PyValueError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::buffer::Buffer;
use super::limit::{DEFAULT_LIMIT, GivenLimit, Limit};
use super::protocol::create_future;
use super::uninitialized;
use crate::core::coroutines::{Coroutine, Step, awaiting};
use crate::core::futures::{Future, LoopRef};
use crate::ffi::allocate::Made;
use crate::ffi::attributes::{Slot, flag_attributes, object_attributes};
use crate::ffi::gil_cell::{Contents, GilCell};
use crate::stdlib;

/// Reads the data of a connection by `await`.
///
/// `limit`, in bytes, is the length of the longest line. When twice as much
/// data waits to be read, the transport is paused. `ValueError` unless it is
/// above zero.
///
/// https://docs.python.org/3/library/asyncio-stream.html#asyncio.StreamReader
#[pyclass(frozen, subclass, weakref, dict, module = "asyncio.streams")]
pub struct StreamReader {
    pub(super) state: Contents<State>,
}

pub(super) struct State {
    /// None until `__init__` has run.
    pub event_loop: GilCell<Option<LoopRef>>,
    pub flags: GilCell<Flags>,
    /// The limit as it was given, if it is not a plain whole number.
    pub given_limit: Slot,
    pub buffer: GilCell<Buffer>,
    /// The future of the task that waits for data.
    pub waiter: Slot,
    /// The exception that ended the stream.
    pub exception: Slot,
    /// The transport, if there is one and it can be paused.
    pub transport: Slot,
    /// Where the reader was made (debug mode).
    pub source_traceback: Slot,
}

#[derive(Clone, Copy)]
pub(super) struct Flags {
    /// The largest whole number that is not above the limit.
    pub limit: usize,
    /// The same for twice the limit, above which the transport is paused.
    pub high_water: usize,
    /// `feed_eof` was called.
    pub eof: bool,
    /// Reading of the transport is paused.
    pub paused: bool,
}

impl Flags {
    const INITIAL: Self =
        Self { limit: DEFAULT_LIMIT, high_water: DEFAULT_LIMIT * 2, eof: false, paused: false };
}

impl State {
    /// The state of a reader whose `__init__` has not run.
    fn new() -> Self {
        Self {
            event_loop: GilCell::new(None),
            flags: GilCell::new(Flags::INITIAL),
            given_limit: GilCell::new(None),
            buffer: GilCell::new(Buffer::default()),
            waiter: GilCell::new(None),
            exception: GilCell::new(None),
            transport: GilCell::new(None),
            source_traceback: GilCell::new(None),
        }
    }

    /// Restores that state.
    fn reset(&self, py: Python<'_>) {
        self.flags.set(py, Flags::INITIAL);
        drop(self.event_loop.take(py));
        drop(self.buffer.take(py));
        for slot in [
            &self.given_limit,
            &self.waiter,
            &self.exception,
            &self.transport,
            &self.source_traceback,
        ] {
            drop(slot.take(py));
        }
    }
}

impl StreamReader {
    /// Raises the exception that ended the stream, if there is one.
    #[inline]
    pub(super) fn raise_exception(&self, py: Python<'_>) -> PyResult<()> {
        match self.state.exception.clone_ref(py) {
            None => Ok(()),
            Some(exception) => Err(PyErr::from_value(exception.into_bound(py))),
        }
    }

    /// Whether an exception ended the stream.
    #[inline]
    pub(super) fn has_failed(&self, py: Python<'_>) -> bool {
        self.state.exception.is_some(py)
    }

    /// Whether `feed_eof` was called.
    #[inline]
    pub(super) fn is_ended(&self, py: Python<'_>) -> bool {
        self.state.flags.get(py).eof
    }

    /// The limit as a whole number, for comparisons.
    #[inline]
    pub(super) fn limit(&self, py: Python<'_>) -> usize {
        self.state.flags.get(py).limit
    }

    /// Waits until more data or the end of the stream arrives.
    pub(super) fn wait_for_data(slf: &Bound<'_, Self>, method: &str) -> PyResult<Step> {
        let py = slf.py();
        let state = &slf.get().state;
        if state.waiter.is_some(py) {
            return Err(PyRuntimeError::new_err(format!(
                "{method}() called while another coroutine is already waiting for incoming data"
            )));
        }
        let flags = state.flags.get(py);
        if flags.eof {
            return Err(PyAssertionError::new_err(crate::name!("_wait_for_data after EOF")));
        }
        // While the transport is paused no data arrives, and the wait would
        // never end.
        if flags.paused {
            slf.get().resume_transport(py)?;
        }
        let event_loop = state
            .event_loop
            .clone_ref(py)
            .ok_or_else(|| uninitialized(slf.as_any(), "_loop"))?
            .into_bound(py);
        let waiter = create_future(&event_loop)?;
        // As in asyncio, resuming may have stored another future, which is
        // replaced.
        drop(state.waiter.replace(py, Some(waiter.clone().unbind())));
        match waiter.cast_into_exact::<Future>() {
            Ok(future) => Ok(Step::Wait(future.unbind())),
            Err(error) => awaiting(&error.into_inner()),
        }
    }

    /// The task does not wait any more.
    #[inline]
    pub(super) fn stop_waiting(&self, py: Python<'_>) {
        if let Some(waiter) = self.state.waiter.take(py) {
            waiter.drop_ref(py);
        }
    }

    /// Resumes the paused transport.
    fn resume_transport(&self, py: Python<'_>) -> PyResult<()> {
        self.state.flags.update(py, |flags| flags.paused = false);
        let transport = self.state.transport.clone_ref(py).unwrap_or_else(|| py.None());
        transport.into_bound(py).call_method0(crate::intern!(py, "resume_reading")).map(drop)
    }

    /// After a read: resumes a paused transport if the buffer has shrunk to the
    /// limit.
    #[inline]
    pub(super) fn after_read(&self, py: Python<'_>) -> PyResult<()> {
        if self.state.flags.get(py).paused && self.buffered(py)? <= self.limit(py) {
            self.resume_transport(py)
        } else {
            Ok(())
        }
    }

    /// Where the reader was made (debug mode).
    pub(super) fn source_traceback(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.source_traceback.clone_ref(py)
    }
}

#[pymethods]
impl StreamReader {
    // A subclass may take other arguments, which its `__init__` checks.
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords), text_signature = "(limit=65536, loop=None)")]
    fn __new__(_arguments: &Bound<'_, PyTuple>, _keywords: Option<&Bound<'_, PyDict>>) -> Self {
        Self { state: Contents::new(State::new()) }
    }

    #[pyo3(signature = (limit=GivenLimit::Default, r#loop=None))]
    fn __init__(
        &self,
        py: Python<'_>,
        limit: GivenLimit<'_>,
        r#loop: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let limit = match limit {
            GivenLimit::Default => Limit::DEFAULT,
            GivenLimit::Object(limit) => {
                if limit.le(0)? {
                    return Err(PyValueError::new_err(crate::name!("Limit cannot be <= 0")));
                }
                Limit::of(&limit)?
            }
        };
        let event_loop = match r#loop {
            Some(event_loop) => event_loop,
            None => stdlib::get_event_loop(py)?.call0()?,
        };
        let event_loop = LoopRef::of(&event_loop);
        let source_traceback = if event_loop.bind(py).debug()? {
            Some(stdlib::extract_stack(py)?.call0()?.unbind())
        } else {
            None
        };
        let state = &self.state;
        state.reset(py);
        limit.set(py, state);
        drop(state.event_loop.replace(py, Some(event_loop)));
        drop(state.source_traceback.replace(py, source_traceback));
        Ok(())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<Made<String>> {
        let py = slf.py();
        let this = slf.get();
        let state = &this.state;
        let mut text = "<StreamReader".to_owned();
        if !this.is_empty(py)? {
            text += &format!(" {} bytes", this.buffered(py)?);
        }
        if this.is_ended(py) {
            text += " eof";
        }
        let limit = this.get__limit(py)?.into_bound(py);
        if limit.ne(DEFAULT_LIMIT)? {
            text += &format!(" limit={}", limit.str()?);
        }
        for (name, slot) in [
            ("waiter", &state.waiter),
            ("exception", &state.exception),
            ("transport", &state.transport),
        ] {
            if let Some(object) = slot.clone_ref(py)
                && object.bind(py).is_truthy()?
            {
                let object = slot.clone_ref(py).unwrap_or_else(|| py.None());
                text += &format!(" {name}={}", object.bind(py).repr()?);
            }
        }
        if state.flags.get(py).paused {
            text += " paused";
        }
        Ok(Made(text + ">"))
    }

    /// The exception that ended the stream, or None.
    fn exception(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.exception.clone_ref(py)
    }

    /// Ends the stream: every read raises `exc` from now on.
    fn set_exception(&self, exc: Bound<'_, PyAny>) -> PyResult<()> {
        self.fail(&exc)
    }

    /// Sets the transport, which is paused when too much data waits to be read.
    pub fn set_transport(&self, py: Python<'_>, transport: Option<Py<PyAny>>) -> PyResult<()> {
        if self.state.transport.is_some(py) {
            return Err(PyAssertionError::new_err(crate::name!("Transport already set")));
        }
        drop(self.state.transport.replace(py, transport));
        Ok(())
    }

    /// Replaces the transport, after `start_tls`.
    #[cfg(Py_3_14)]
    fn _replace_transport(&self, py: Python<'_>, transport: Option<Py<PyAny>>) -> PyResult<()> {
        if self.state.transport.is_none(py) {
            return Err(PyAssertionError::new_err(crate::name!("Transport not set")));
        }
        drop(self.state.transport.replace(py, transport));
        Ok(())
    }

    /// Ends the stream: no more data follows.
    fn feed_eof(&self, py: Python<'_>) -> PyResult<()> {
        self.end(py)
    }

    /// Whether everything was read and the stream has ended.
    fn at_eof(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.is_ended(py) && self.is_empty(py)?)
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
    fn _wait_for_data(
        slf: Py<Self>,
        py: Python<'_>,
        func_name: Bound<'_, PyAny>,
    ) -> PyResult<Py<Coroutine>> {
        let method = func_name.str()?.to_string();
        Coroutine::new(py, super::WaitForData { reader: slf, method })
    }

    fn __aiter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __anext__(slf: Bound<'_, Self>) -> PyResult<Py<Coroutine>> {
        super::until::next_line(&slf)
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

    #[getter]
    fn get__limit(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self.state.given_limit.clone_ref(py) {
            Some(given) => Ok(given),
            None => Ok(Made(self.limit(py)).into_pyobject(py)?.into_any().unbind()),
        }
    }

    #[setter]
    fn set__limit(&self, limit: Bound<'_, PyAny>) -> PyResult<()> {
        Limit::of(&limit)?.set(limit.py(), &self.state);
        Ok(())
    }

    #[getter]
    fn get__buffer<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.buffer_object(py)
    }

    #[setter]
    fn set__buffer(&self, py: Python<'_>, buffer: Py<PyAny>) {
        drop(self.state.buffer.replace(py, Buffer::Object(buffer)));
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            state.event_loop.traverse(|event_loop| match event_loop {
                Some(event_loop) => visit.call(event_loop.as_any()),
                None => Ok(()),
            })?;
            state.buffer.traverse(|buffer| buffer.traverse(&visit))?;
            state.given_limit.traverse(|given| visit.call(given))?;
            state.waiter.traverse(|waiter| visit.call(waiter))?;
            state.exception.traverse(|exception| visit.call(exception))?;
            state.transport.traverse(|transport| visit.call(transport))?;
            state.source_traceback.traverse(|traceback| visit.call(traceback))
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        self.state.reset(py);
    }
}

object_attributes!(StreamReader {
    _waiter: waiter, get__waiter, set__waiter;
    _exception: exception, get__exception, set__exception;
    _transport: transport, get__transport, set__transport;
    _source_traceback: source_traceback, get__source_traceback, set__source_traceback;
});

flag_attributes!(StreamReader {
    _eof: eof, get__eof, set__eof;
    _paused: paused, get__paused, set__paused;
});
