//! The Python class `Future`.

use std::ffi::CStr;
use std::sync::OnceLock;

use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
#[cfg(Py_3_14)]
use pyo3::types::PyFrozenSet;
use pyo3::types::{PyDict, PyList, PyString, PyTuple, PyType};
use pyo3::{Borrowed, PyTraverseError};

#[cfg(Py_3_14)]
use super::AwaitedBy;
use super::{Callback, Callbacks, FutureIterator, FutureState, LoopRef, Outcome, invalid_state};
use crate::finalizer::Finalize;
use crate::methods::SingleMethod;
use crate::recycle::{Recycle, Shelf};
#[cfg(Py_3_14)]
use crate::with_cell::BareCell;
use crate::with_cell::WithCell;
use crate::{context, standard};

/// A result that is not there yet; `await` waits for it.
///
/// Future(*, loop=None): `loop` is the event loop it belongs to, by default
/// the current one. Not thread-safe: other threads go through
/// `loop.call_soon_threadsafe`. See the asyncio documentation of `Future`.
#[pyclass(frozen, subclass, weakref, dict, generic, module = "aioxide")]
#[repr(C)]
pub struct Future {
    pub(crate) state: WithCell<FutureState>,
    /// The distance at which CPython's tools look for what follows.
    #[cfg(Py_3_14)]
    room: [usize; 3],
    /// Behind the state is where CPython's tools look for it.
    #[cfg(Py_3_14)]
    pub(crate) awaited_by: BareCell<AwaitedBy>,
}

// What `crate::interpreter` wants to find on the usual machines.
#[cfg(all(Py_3_14, target_os = "linux", target_pointer_width = "64"))]
const _: () = assert!(std::mem::offset_of!(Future, awaited_by) == 80);

impl Future {
    /// Where the record of who awaits it is, from the beginning of the object.
    #[cfg(Py_3_14)]
    pub const RECORD_OFFSET: usize =
        size_of::<ffi::PyObject>() + std::mem::offset_of!(Future, awaited_by);

    /// Wraps a state.
    #[inline]
    pub fn new(state: FutureState) -> Self {
        Self {
            state: WithCell::new(state),
            #[cfg(Py_3_14)]
            room: [0; 3],
            #[cfg(Py_3_14)]
            awaited_by: BareCell::new(AwaitedBy::nobody(false)),
        }
    }

    /// The future that a task is.
    #[inline]
    pub fn of_task(state: FutureState) -> Self {
        Self {
            #[cfg(Py_3_14)]
            awaited_by: BareCell::new(AwaitedBy::nobody(true)),
            ..Self::new(state)
        }
    }

    /// Lets go of everything.
    #[inline]
    pub fn empty(&self, py: Python<'_>) {
        self.state.with(py, FutureState::take).release(py);
        #[cfg(Py_3_14)]
        if let Some(waiters) = self.awaited_by.with(py, AwaitedBy::take) {
            waiters.drop_ref(py);
        }
    }

    /// What every constructor does: finds the loop, forgets what an earlier
    /// `__init__` left (from 3.15 on there can be none), and remembers the stack in
    /// debug mode.
    pub fn initialize(slf: &Bound<'_, Self>, event_loop: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        if cfg!(Py_3_15) && this.is_initialized(py) {
            return Err(PyRuntimeError::new_err(format!(
                "{} object is already initialized",
                slf.get_type().fully_qualified_name()?
            )));
        }
        let event_loop = match event_loop {
            Some(event_loop) if !event_loop.is_none() => event_loop,
            _ => standard::get_event_loop(py)?.call0()?,
        };
        let event_loop = LoopRef::of(&event_loop);
        let debug = event_loop.bind(py).debug()?;
        drop(
            this.state.with(py, |state| std::mem::replace(state, FutureState::pending(event_loop))),
        );
        #[cfg(Py_3_14)]
        drop(this.awaited_by.with(py, AwaitedBy::take));
        if debug {
            this.remember_origin(py)?;
        }
        Ok(())
    }

    /// What `cancel(msg)` was given.
    pub fn cancel_message(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.rare(py, |rare| rare.cancel_message.as_ref().map(|message| message.clone_ref(py)))
    }

    /// Where the future was made (debug mode).
    pub fn source_traceback(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.rare(py, |rare| rare.source_traceback.as_ref().map(|stack| stack.clone_ref(py)))
    }

    #[inline]
    fn is_initialized(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.event_loop.is_some())
    }

    /// asyncio's error for reading a future whose `__init__` never ran.
    fn require_initialized(&self, py: Python<'_>) -> PyResult<()> {
        if self.is_initialized(py) {
            return Ok(());
        }
        Err(invalid_state(py, "Future object is not initialized."))
    }

    fn rare<R>(
        &self,
        py: Python<'_>,
        read: impl FnOnce(&super::state::Rare) -> Option<R>,
    ) -> Option<R> {
        self.state.with(py, |state| state.rare.as_deref().and_then(read))
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
        Self::initialize(slf, r#loop)
    }

    /// Code that asks `isinstance(x, asyncio.Future)` gets the answer it
    /// means: yes. A subclass written in Python stays what it is.
    #[getter]
    fn __class__(slf: &Bound<'_, Self>) -> PyResult<Py<PyType>> {
        let py = slf.py();
        let actual = slf.get_type();
        if actual.is(py.get_type::<Self>()) {
            Ok(standard::future_type(py)?.clone().unbind())
        } else {
            Ok(actual.unbind())
        }
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        Ok(standard::future_repr(slf.py())?.call1((slf,))?.unbind())
    }

    /// The value, or raises the exception. `InvalidStateError` if the future
    /// is not done, `CancelledError` if it was cancelled.
    fn result<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.require_initialized(py)?;
        self.take_result(py)
    }

    /// The exception, or None. Raises as `result` does if there is neither.
    fn exception(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.require_initialized(py)?;
        let exception = self.state.with(py, |state| match &state.outcome {
            Outcome::Pending(_) | Outcome::Cancelled(_) => None,
            Outcome::Result(_) => Some(py.None()),
            Outcome::Exception(exception) => {
                state.log_traceback = false;
                Some(exception.clone_ref(py))
            }
        });
        match exception {
            Some(exception) => Ok(exception),
            None if self.is_cancelled(py) => {
                Err(PyErr::from_value(self.make_cancelled_error(py)?.into_bound(py)))
            }
            None => Err(invalid_state(py, "Exception is not set.")),
        }
    }

    /// Marks the future done with `exception`, an instance or a class.
    #[pyo3(signature = (exception, /))]
    fn set_exception(slf: &Bound<'_, Self>, exception: Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        slf.get().require_event_loop(py)?;
        slf.get().require_pending(slf)?;
        let exception = match exception.cast::<PyType>() {
            Ok(class) => class.call0()?,
            Err(_) => exception,
        };
        // SAFETY: the thread is attached and the reference is alive.
        if unsafe { ffi::PyExceptionInstance_Check(exception.as_ptr()) } == 0 {
            return Err(PyTypeError::new_err("invalid exception object"));
        }
        Self::fail(slf, without_stop_iteration(exception)?)
    }

    /// Registers `fn(future)` to be called by the loop when the future
    /// is done, in `context` or a copy of the current one.
    #[pyo3(signature = (r#fn, /, *, context=None))]
    fn add_done_callback(
        slf: &Bound<'_, Self>,
        r#fn: Py<PyAny>,
        context: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let py = slf.py();
        slf.get().require_event_loop(py)?;
        let context = context::given_or_copy(py, context)?;
        Self::add_callback(slf, Callback::python(r#fn, context))
    }

    /// Removes every registration of `fn`; returns how many there were.
    #[pyo3(signature = (r#fn, /))]
    fn remove_done_callback(&self, py: Python<'_>, r#fn: Bound<'_, PyAny>) -> PyResult<usize> {
        self.require_event_loop(py)?;
        // Comparing runs Python code, which may register and remove in turn:
        // what it sees is the list as it was, and what it adds is kept behind.
        let before: Vec<Callback> = self.state.with(py, |state| {
            state.callbacks().iter().map(|callback| callback.clone_ref(py)).collect()
        });
        let mut kept = Vec::with_capacity(before.len());
        let mut removed = Vec::new();
        for callback in &before {
            let (candidate, _) = callback.clone_ref(py).into_python(py)?;
            if candidate.bind(py).eq(&r#fn)? {
                removed.push(callback.clone_ref(py));
            } else {
                kept.push(callback.clone_ref(py));
            }
        }
        let replaced = self.state.with(py, |state| {
            let Outcome::Pending(callbacks) = &mut state.outcome else {
                return Callbacks::None;
            };
            if callbacks.is_empty() {
                return Callbacks::None;
            }
            let mut current = std::mem::take(callbacks).into_iter();
            let old: Callbacks = current.by_ref().take(before.len()).collect();
            *callbacks = kept.into_iter().chain(current).collect();
            old
        });
        drop(replaced);
        Ok(removed.len())
    }

    /// Cancels the future and schedules its callbacks. False if it was done.
    #[pyo3(signature = (msg=None))]
    fn cancel(slf: &Bound<'_, Self>, msg: Option<Py<PyAny>>) -> PyResult<bool> {
        slf.get().require_event_loop(slf.py())?;
        Self::cancel_with(slf, msg)
    }

    /// Whether the future was cancelled.
    fn cancelled(&self, py: Python<'_>) -> bool {
        self.is_cancelled(py)
    }

    /// Whether it has a result or an exception, or was cancelled.
    fn done(&self, py: Python<'_>) -> bool {
        self.is_done(py)
    }

    /// The loop it belongs to.
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
    fn _state(&self, py: Python<'_>) -> &'static str {
        self.state.with(py, |state| state.outcome.name())
    }

    #[getter]
    fn get__asyncio_future_blocking(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.blocking)
    }

    #[setter]
    fn set__asyncio_future_blocking(&self, py: Python<'_>, blocking: bool) {
        self.state.with(py, |state| state.blocking = blocking);
    }

    #[getter]
    fn _loop(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.with(py, |state| state.event_loop.as_ref().map(|it| it.as_any().clone_ref(py)))
    }

    #[getter]
    fn _callbacks<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyList>>> {
        let callbacks: Vec<Callback> = self.state.with(py, |state| {
            state.callbacks().iter().map(|callback| callback.clone_ref(py)).collect()
        });
        if callbacks.is_empty() {
            return Ok(None);
        }
        let list = PyList::empty(py);
        for callback in callbacks {
            list.append(callback.into_python(py)?)?;
        }
        Ok(Some(list))
    }

    #[getter]
    fn _result(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.with(py, |state| match &state.outcome {
            Outcome::Result(value) => Some(value.clone_ref(py)),
            _ => None,
        })
    }

    #[getter]
    fn _exception(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.with(py, |state| match &state.outcome {
            Outcome::Exception(exception) => Some(exception.clone_ref(py)),
            _ => None,
        })
    }

    #[getter]
    fn get__cancel_message(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.cancel_message(py)
    }

    #[setter]
    fn set__cancel_message(&self, py: Python<'_>, message: Option<Py<PyAny>>) {
        drop(self.state.with(py, |state| state.set_cancel_message(message)));
    }

    #[getter]
    fn _source_traceback(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.source_traceback(py)
    }

    #[getter]
    fn get__log_traceback(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.log_traceback)
    }

    #[setter]
    fn set__log_traceback(&self, py: Python<'_>, value: Bound<'_, PyAny>) -> PyResult<()> {
        if value.is_truthy()? {
            return Err(PyValueError::new_err("_log_traceback can only be set to False"));
        }
        self.state.with(py, |state| state.log_traceback = false);
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
        drop(self.state.with(py, |state| {
            // The outcome's kind stays: a cleared future is still done.
            let cleared = FutureState { log_traceback: false, ..FutureState::uninitialized() };
            std::mem::replace(state, cleared)
        }));
        #[cfg(Py_3_14)]
        drop(self.awaited_by.with(py, AwaitedBy::take));
    }
}

/// `future.set_result(result)`.
pub struct SetResult;

impl SingleMethod for SetResult {
    type Class = Future;
    const NAME: &'static CStr = c"set_result";
    const DOC: &'static CStr =
        c"set_result($self, result, /)\n--\n\nMarks the future done with `result`.";

    #[inline]
    fn call(slf: &Bound<'_, Future>, result: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        slf.get().require_event_loop(slf.py())?;
        Future::finish(slf, result.clone().unbind())?;
        Ok(slf.py().None())
    }
}

/// `StopIteration` cannot pass through a generator-based coroutine as itself:
/// asyncio wraps it (refuses it, before 3.13).
pub fn without_stop_iteration(exception: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyAny>> {
    let py = exception.py();
    if !exception.is_instance_of::<pyo3::exceptions::PyStopIteration>() {
        return Ok(exception);
    }
    let message =
        "StopIteration interacts badly with generators and cannot be raised into a Future";
    if cfg!(not(Py_3_13)) {
        return Err(PyTypeError::new_err(message));
    }
    let wrapped = PyRuntimeError::new_err(message).into_value(py).into_bound(py).into_any();
    wrapped.setattr(pyo3::intern!(py, "__cause__"), &exception)?;
    wrapped.setattr(pyo3::intern!(py, "__context__"), &exception)?;
    Ok(wrapped)
}

impl Recycle for Future {
    fn shelf() -> &'static Shelf {
        static SHELF: Shelf = Shelf::new();
        &SHELF
    }

    fn empty(slf: Borrowed<'_, '_, Self>) {
        slf.get().empty(slf.py());
    }
}

impl Finalize for Future {
    fn original_dealloc() -> &'static OnceLock<ffi::destructor> {
        static ORIGINAL: OnceLock<ffi::destructor> = OnceLock::new();
        &ORIGINAL
    }

    fn wants_finalizer(slf: Borrowed<'_, '_, Self>) -> bool {
        slf.get().state.with(slf.py(), |state| state.log_traceback)
    }

    fn finalize(slf: &Bound<'_, Self>) {
        report_unretrieved(slf);
    }
}

/// Tells the loop's exception handler of an exception that nobody looked at.
pub fn report_unretrieved(slf: &Bound<'_, Future>) {
    let py = slf.py();
    let this = slf.get();
    if !this.state.with(py, |state| std::mem::take(&mut state.log_traceback)) {
        return;
    }
    let report = || -> PyResult<()> {
        let event_loop = this.event_loop(py)?;
        let name = slf.as_any().getattr(pyo3::intern!(py, "__class__"))?;
        let name = name.cast::<PyType>()?.name()?;
        let details = PyDict::new(py);
        details.set_item(
            "message",
            PyString::new(py, &format!("{name} exception was never retrieved")),
        )?;
        details.set_item("exception", this._exception(py))?;
        details.set_item("future", slf)?;
        if let Some(stack) = this._source_traceback(py) {
            details.set_item("source_traceback", stack)?;
        }
        event_loop
            .as_any()
            .call_method1(pyo3::intern!(py, "call_exception_handler"), (details,))?;
        Ok(())
    };
    if let Err(error) = report() {
        error.write_unraisable(py, Some(slf.as_any()));
    }
}
