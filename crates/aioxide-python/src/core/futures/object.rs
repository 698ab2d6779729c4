//! The Python class `Future`.

use pyo3::PyTraverseError;
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
#[cfg(Py_3_14)]
use pyo3::types::PyFrozenSet;
use pyo3::types::{PyDict, PyList, PyString, PyTuple, PyType};

#[cfg(Py_3_14)]
use super::AwaitedBy;
use super::exception_object::is_exception;
use super::{
    Callback, FutureIterator, FutureState, LoopRef, Outcome, Rare, Seen, invalid_state,
    without_stop_iteration,
};
use crate::core::tasks::standard;
use crate::ffi::allocate::Made;
use crate::ffi::finalizer::Finalize;
use crate::ffi::gil_cell::Contents;
#[cfg(Py_3_14)]
use crate::ffi::gil_cell::GilCell;
use crate::ffi::{allocate, context};
use crate::{recorder, stdlib};

/// A result that will be available later; `await` waits for it.
///
/// Future(*, loop=None): `loop` is the event loop that it belongs to, by default the
/// current one. Not thread-safe: other threads use `loop.call_soon_threadsafe`. Awaiting
/// it raises its exception, or `CancelledError` if it was cancelled; if the awaiting task
/// is cancelled, the future is cancelled too. Programs rarely need futures: prefer tasks,
/// and make a future with `loop.create_future()`.
///
/// https://docs.python.org/3/library/asyncio-future.html#asyncio.Future
#[pyclass(frozen, subclass, weakref, dict, generic, module = "aioxide")]
#[repr(C)]
pub struct Future {
    pub(crate) state: Contents<FutureState>,
    /// Padding, so that the next field has the offset that CPython's tools expect.
    #[cfg(Py_3_14)]
    room: [usize; 3],
    /// At the offset, after the state, that CPython's tools expect.
    #[cfg(Py_3_14)]
    pub(crate) awaited_by: GilCell<AwaitedBy>,
}

// The offset that `crate::ffi::debug_offsets` checks, on 64-bit machines.
#[cfg(all(Py_3_14, target_os = "linux", target_pointer_width = "64"))]
const _: () = assert!(std::mem::offset_of!(Future, awaited_by) == 80);

impl Future {
    /// The offset of the record of its waiters in the object.
    #[cfg(Py_3_14)]
    pub const RECORD_OFFSET: usize =
        size_of::<pyo3::ffi::PyObject>() + std::mem::offset_of!(Future, awaited_by);

    /// Wraps a state.
    #[inline]
    pub fn new(state: FutureState) -> Self {
        Self {
            state: Contents::new(state),
            #[cfg(Py_3_14)]
            room: [0; 3],
            #[cfg(Py_3_14)]
            awaited_by: GilCell::new(AwaitedBy::none(false)),
        }
    }

    /// The future part of a task.
    #[inline]
    pub fn of_task(state: FutureState) -> Self {
        Self {
            #[cfg(Py_3_14)]
            awaited_by: GilCell::new(AwaitedBy::none(true)),
            ..Self::new(state)
        }
    }

    /// Drops all references.
    #[inline]
    pub fn empty(&self, py: Python<'_>) {
        self.state.release(py);
        #[cfg(Py_3_14)]
        if let Some(waiters) = self.awaited_by.take_waiters(py) {
            waiters.drop_ref(py);
        }
    }

    /// The common part of all constructors: finds the loop, resets the state of an earlier
    /// `__init__` (from 3.15 on there can be none), and records the stack in debug mode.
    pub fn initialize(slf: &Bound<'_, Self>, event_loop: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        if cfg!(Py_3_15) && this.is_initialized(py) {
            return Err(PyRuntimeError::new_err(format!(
                "{} object is already initialized",
                slf.get_type().fully_qualified_name()?
            )));
        }
        // An error from here on leaves a future without a loop.
        drop(this.state.restart(py));
        #[cfg(Py_3_14)]
        drop(this.awaited_by.take_waiters(py));
        let event_loop = match event_loop {
            Some(event_loop) if !event_loop.is_none() => event_loop,
            _ => stdlib::get_event_loop(py)?.call0()?,
        };
        let event_loop = LoopRef::of(&event_loop);
        let bound = event_loop.bind(py);
        drop(this.state.event_loop.replace(py, Some(event_loop)));
        if bound.debug()? {
            this.remember_origin(py)?;
        }
        Ok(())
    }

    /// The message of `cancel(msg)`.
    pub fn cancel_message(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.rare(py, Rare::CancelMessage)
    }

    /// Where the future was made (debug mode).
    pub fn source_traceback(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.rare(py, Rare::SourceTraceback)
    }

    #[inline]
    fn is_initialized(&self, py: Python<'_>) -> bool {
        self.state.event_loop.is_some(py)
    }

    /// asyncio's error for reading a future whose `__init__` never ran.
    fn require_initialized(&self, py: Python<'_>) -> PyResult<()> {
        if self.is_initialized(py) {
            return Ok(());
        }
        Err(invalid_state(py, "Future object is not initialized."))
    }
}

#[pymethods]
impl Future {
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords), text_signature = "(*, loop=None)")]
    fn __new__(_arguments: &Bound<'_, PyTuple>, _keywords: Option<&Bound<'_, PyDict>>) -> Self {
        Self::new(FutureState::uninitialized())
    }

    #[pyo3(signature = (*, r#loop=None))]
    fn __init__(slf: &Bound<'_, Self>, r#loop: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        Self::initialize(slf, r#loop)?;
        slf.get().note_place(slf.py());
        Ok(())
    }

    /// So that `isinstance(x, asyncio.Future)` is true. A subclass written in Python
    /// keeps its own class.
    #[getter]
    fn __class__(slf: &Bound<'_, Self>) -> PyResult<Py<PyType>> {
        let py = slf.py();
        let actual = slf.get_type();
        if actual.is(py.get_type::<Self>()) {
            Ok(stdlib::future_type(py)?.clone().unbind())
        } else {
            Ok(actual.unbind())
        }
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        crate::ffi::exiting::arm();
        Ok(stdlib::future_repr(slf.py())?.call1((slf,))?.unbind())
    }

    /// Returns the result, or raises the exception. Raises `InvalidStateError` if the
    /// future is not done, and `CancelledError` if it was cancelled.
    ///
    /// https://docs.python.org/3/library/asyncio-future.html#asyncio.Future.result
    fn result<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.require_initialized(py)?;
        self.take_result(py)
    }

    /// Returns the exception, or None if there is a result. Otherwise raises as `result`.
    ///
    /// https://docs.python.org/3/library/asyncio-future.html#asyncio.Future.exception
    fn exception(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.require_initialized(py)?;
        match self.state.outcome.seen(py) {
            Seen::Exception(exception) => {
                self.set_log_traceback(py, false);
                Ok(exception)
            }
            Seen::Result(value) => {
                value.drop_ref(py);
                Ok(py.None())
            }
            Seen::Cancelled => {
                Err(PyErr::from_value(self.make_cancelled_error(py)?.into_bound(py)))
            }
            Seen::Pending => Err(invalid_state(py, "Exception is not set.")),
        }
    }

    /// Marks the future as done with `exception`, an instance or a class. Raises
    /// `InvalidStateError` if it is done already, and `TypeError` for anything else. A
    /// `StopIteration` is wrapped in a `RuntimeError` (before 3.13 it is a `TypeError`).
    ///
    /// https://docs.python.org/3/library/asyncio-future.html#asyncio.Future.set_exception
    #[pyo3(signature = (exception, /))]
    fn set_exception(slf: &Bound<'_, Self>, exception: Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        slf.get().require_event_loop(py)?;
        slf.get().require_pending(py)?;
        let exception = match exception.cast::<PyType>() {
            Ok(class) => class.call0()?,
            Err(_) => exception,
        };
        // The constructor of the exception may have finished the future.
        slf.get().require_pending(py)?;
        if !is_exception(&exception) {
            return Err(PyTypeError::new_err(crate::name!("invalid exception object")));
        }
        Self::fail(slf, without_stop_iteration(exception)?)
    }

    /// Makes the loop call `fn(future)` when the future is done, in `context` or a copy of
    /// the current one. If it is done already, `fn` is scheduled at once.
    ///
    /// https://docs.python.org/3/library/asyncio-future.html#asyncio.Future.add_done_callback
    #[pyo3(signature = (r#fn, /, *, context=None))]
    fn add_done_callback(
        slf: &Bound<'_, Self>,
        r#fn: Py<PyAny>,
        context: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let py = slf.py();
        slf.get().require_event_loop(py)?;
        let context = context::given_or_copy(py, context)?;
        if recorder::is_on() {
            standard::awaits(slf, r#fn.bind(py));
        }
        Self::add_callback(slf, Callback::python(r#fn, context))
    }

    /// Removes every registration of `fn`; returns how many there were.
    #[pyo3(signature = (r#fn, /))]
    fn remove_done_callback(
        &self,
        py: Python<'_>,
        r#fn: Bound<'_, PyAny>,
    ) -> PyResult<Made<isize>> {
        self.require_event_loop(py)?;
        // Comparing runs Python code, which may add and remove callbacks. As asyncio does,
        // this iterates over the list as it is at each moment, and then replaces all
        // callbacks but the first, which is stored apart, by those that it has kept.
        let outcome = &self.state.outcome;
        let is_it = |callback: Callback| -> PyResult<bool> {
            let (candidate, _context) = callback.into_python(py)?;
            Ok(candidate.is(&r#fn) || candidate.bind(py).eq(&r#fn)?)
        };
        let mut removed = 0;
        let mut kept_first = 0;
        if let Some(first) = outcome.callback_at(py, 0) {
            if is_it(first.clone_ref(py))? {
                drop(outcome.take_callback(py, &first));
                removed = 1;
            } else {
                kept_first = 1;
            }
        }
        let mut kept = Vec::new();
        let mut index = kept_first;
        while let Some(callback) = outcome.callback_at(py, index) {
            index += 1;
            if !is_it(callback.clone_ref(py))? {
                kept.push(callback);
            }
        }
        let count = outcome.callback_count(py).saturating_sub(kept_first);
        removed += count as isize - kept.len() as isize;
        if count != kept.len() {
            drop(outcome.keep_behind(py, kept_first, kept));
        }
        Ok(Made(removed))
    }

    /// Cancels the future and schedules its callbacks. Returns False if it was done already.
    ///
    /// https://docs.python.org/3/library/asyncio-future.html#asyncio.Future.cancel
    #[pyo3(signature = (msg=None))]
    fn cancel(slf: &Bound<'_, Self>, msg: Option<Py<PyAny>>) -> PyResult<bool> {
        slf.get().require_event_loop(slf.py())?;
        Self::cancel_with(slf, msg)
    }

    /// Returns whether the future was cancelled.
    fn cancelled(&self, py: Python<'_>) -> bool {
        self.is_cancelled(py)
    }

    /// Returns whether it has a result or an exception, or was cancelled.
    fn done(&self, py: Python<'_>) -> bool {
        self.is_done(py)
    }

    /// Returns the loop that it belongs to.
    fn get_loop(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(self.event_loop(py)?.as_any().clone().unbind())
    }

    fn __await__(slf: Bound<'_, Self>) -> PyResult<Py<FutureIterator>> {
        let py = slf.py();
        slf.get().require_event_loop(py)?;
        FutureIterator::new(py, slf.unbind())
    }

    fn __iter__(slf: Bound<'_, Self>) -> PyResult<Py<FutureIterator>> {
        Self::__await__(slf)
    }

    fn _make_cancelled_error(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.make_cancelled_error(py)
    }

    #[getter]
    fn _state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        allocate::string(py, self.state.outcome.read(py, Outcome::name))
    }

    #[getter]
    fn get__asyncio_future_blocking(&self, py: Python<'_>) -> bool {
        self.state.flags.get(py).blocking
    }

    #[setter]
    fn set__asyncio_future_blocking(&self, blocking: &Bound<'_, PyAny>) -> PyResult<()> {
        self.set_blocking(blocking.py(), blocking.is_truthy()?);
        Ok(())
    }

    #[getter]
    fn _loop(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.event_loop.clone_of(py, |it| it.as_ref().map(LoopRef::as_any))
    }

    #[getter]
    fn _callbacks<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyList>>> {
        let callbacks = self.state.outcome.all_callbacks(py);
        if callbacks.is_empty() {
            return Ok(None);
        }
        let pairs = callbacks.into_iter().map(|callback| {
            let (function, context) = callback.into_python(py)?;
            allocate::tuple(py, [function.into_bound(py), context.into_bound(py)])
        });
        allocate::list(py, pairs.collect::<PyResult<Vec<_>>>()?).map(Some)
    }

    #[getter]
    fn _result(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.outcome.clone_of(py, Outcome::result)
    }

    #[getter]
    pub(super) fn _exception(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.outcome.clone_of(py, Outcome::exception)
    }

    #[getter]
    fn get__cancel_message(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.cancel_message(py)
    }

    #[setter]
    fn set__cancel_message(&self, py: Python<'_>, message: Option<Py<PyAny>>) {
        self.set_rare(py, Rare::CancelMessage, message);
    }

    #[getter]
    pub(super) fn _source_traceback(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.source_traceback(py)
    }

    #[getter]
    fn get__log_traceback(&self, py: Python<'_>) -> bool {
        self.logs_traceback(py)
    }

    #[setter]
    fn set__log_traceback(&self, py: Python<'_>, value: Bound<'_, PyAny>) -> PyResult<()> {
        if value.is_truthy()? {
            return Err(PyValueError::new_err(crate::name!(
                "_log_traceback can only be set to False"
            )));
        }
        self.set_log_traceback(py, false);
        Ok(())
    }

    fn __del__(slf: &Bound<'_, Self>) {
        <Self as Finalize>::delete(slf);
    }

    #[cfg(Py_3_14)]
    #[getter]
    fn _asyncio_awaited_by<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<Option<Bound<'py, PyFrozenSet>>> {
        self.awaited_by.all(py)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        #[cfg(Py_3_14)]
        self.awaited_by.traverse(|record| record.traverse(&visit))?;
        self.state.traverse(|state| state.traverse(&visit))
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.state.restart(py));
        #[cfg(Py_3_14)]
        drop(self.awaited_by.take_waiters(py));
    }
}
