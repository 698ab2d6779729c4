//! The Python class `Task`.

use std::sync::OnceLock;

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};
use pyo3::{Borrowed, PyTraverseError};

use super::name::Name;
use super::state::TaskState;
use super::{TaskOptions, registry};
use crate::core::dispatch::cancel_with_message;
use crate::core::futures::{Future, FutureState, Rare};
use crate::ffi::allocate;
use crate::ffi::allocate::Made;
use crate::ffi::finalizer::Finalize;
use crate::ffi::free_list::{FreeList, FreeListed};
use crate::ffi::gil_cell::{CloneRef, Contents};
use crate::ffi::recursion::{self};
use crate::{stdlib, watchdog};

/// A coroutine that the event loop runs, and the future of its result.
///
/// Task(coro, *, loop=None, name=None, context=None, eager_start=False).
/// Usually made by `create_task`. See the asyncio documentation of `Task`.
#[pyclass(frozen, subclass, extends = Future, generic, module = "aioxide")]
#[repr(C)]
pub struct Task {
    pub(crate) state: Contents<TaskState>,
}

impl Task {
    /// Wraps a state.
    pub fn new(state: TaskState) -> Self {
        Self { state: Contents::new(state) }
    }

    /// Counts a request to cancel; false if the task is done.
    #[inline]
    fn accept_request(&self, slf: &Bound<'_, Self>) -> bool {
        let py = slf.py();
        let future = slf.as_super().get();
        future.set_log_traceback(py, false);
        if future.is_done(py) {
            return false;
        }
        self.state.flags.update(py, |flags| {
            flags.cancel_requests = flags.cancel_requests.saturating_add(1);
        });
        true
    }

    /// Whether our tasks have the memory layout that CPython's tools expect: see
    /// `crate::ffi::debug_offsets`.
    #[cfg(Py_3_14)]
    pub fn is_laid_out_as(
        py: Python<'_>,
        offsets: &crate::ffi::debug_offsets::Offsets,
    ) -> PyResult<bool> {
        let future = Future::of_task(FutureState::uninitialized());
        let task = Self::new(TaskState::uninitialized());
        let task = Bound::new(py, PyClassInitializer::from(future).add_subclass(task))?;
        let base = task.as_ptr().addr();
        let state = std::ptr::from_ref(&task.get().state).addr() - base;
        let awaited_by = std::ptr::from_ref(&task.as_super().get().awaited_by).addr() - base;
        let (waiters, is_task, is_set) = crate::core::futures::AwaitedBy::OFFSETS;
        Ok(offsets.coroutine == state + std::mem::offset_of!(TaskState, legible)
            && offsets.task_name == state + std::mem::offset_of!(TaskState, name)
            && offsets.task_node == state + std::mem::offset_of!(TaskState, links)
            && awaited_by == Future::RECORD_OFFSET
            && offsets.awaited_by == awaited_by + waiters
            && offsets.is_task == awaited_by + is_task
            && offsets.awaited_by_is_set == awaited_by + is_set)
    }
}

#[pymethods]
impl Task {
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords), text_signature = "(coro, *, loop=None, name=None, context=None, eager_start=False)")]
    fn __new__(
        _arguments: &Bound<'_, PyTuple>,
        _keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyClassInitializer<Self> {
        let future = Future::of_task(FutureState::uninitialized());
        PyClassInitializer::from(future).add_subclass(Self::new(TaskState::uninitialized()))
    }

    #[pyo3(signature = (coro, *, r#loop=None, name=None, context=None, eager_start=None))]
    fn __init__(
        slf: &Bound<'_, Self>,
        coro: Bound<'_, PyAny>,
        r#loop: Option<Bound<'_, PyAny>>,
        name: Option<Bound<'_, PyAny>>,
        context: Option<Bound<'_, PyAny>>,
        eager_start: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        // By its truth value, as in asyncio.
        let eager_start = eager_start.map_or(Ok(false), |it| it.is_truthy())?;
        Future::initialize(slf.as_super(), r#loop)?;
        Self::start(slf, coro, TaskOptions { name, context, eager_start })
    }

    /// See [`Future`]: `isinstance(x, asyncio.Task)` is true.
    #[getter]
    fn __class__(slf: &Bound<'_, Self>) -> PyResult<Py<PyType>> {
        let py = slf.py();
        let actual = slf.get_type();
        if actual.is(py.get_type::<Self>()) {
            Ok(stdlib::task_type(py)?.clone().unbind())
        } else {
            Ok(actual.unbind())
        }
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        crate::ffi::exiting::arm();
        Ok(stdlib::task_repr(slf.py())?.call1((slf,))?.unbind())
    }

    /// Requests the task to end: `CancelledError` is thrown into its coroutine in the
    /// next iteration of the loop. Returns False if it was done already.
    ///
    /// https://docs.python.org/3/library/asyncio-task.html#asyncio.Task.cancel
    #[pyo3(signature = (msg=None))]
    pub fn cancel(slf: &Bound<'_, Self>, msg: Option<Py<PyAny>>) -> PyResult<bool> {
        let py = slf.py();
        if !slf.get().accept_request(slf) {
            return Ok(false);
        }
        super::recording::cancel_requested(slf);
        watchdog::note_cancellation(slf)?;
        // A loop, not recursion: a chain of tasks that await one another may be long.
        let mut task = slf.clone();
        let mut circle = Circle::new(&task);
        while let Some(waiter) = task.get().state.waiter.clone_ref(py) {
            let waiter = waiter.into_bound(py);
            let accepted = match waiter.cast_exact::<Task>() {
                Ok(awaited) => {
                    if circle.is_closed_by(awaited) {
                        return Err(recursion::too_deep());
                    }
                    if awaited.get().accept_request(awaited) {
                        watchdog::note_cancellation(awaited)?;
                        task = awaited.clone();
                        continue;
                    }
                    false
                }
                // The waiter stays: it may suppress the cancellation and have to be
                // cancelled again later.
                Err(_) => cancel_with_message(&waiter, CloneRef::clone_ref(&msg, py))?,
            };
            if accepted {
                return Ok(true);
            }
            break;
        }
        task.get().state.flags.update(py, |flags| flags.must_cancel = true);
        task.as_super().get().set_rare(py, Rare::CancelMessage, msg);
        Ok(true)
    }

    /// Returns the number of pending requests to cancel.
    pub fn cancelling(&self, py: Python<'_>) -> Made<i64> {
        Made(self.state.flags.get(py).cancel_requests.into())
    }

    /// Withdraws one request to cancel; returns how many are left.
    pub fn uncancel(&self, py: Python<'_>) -> Made<i64> {
        self.state.flags.update(py, |flags| {
            if flags.cancel_requests > 0 {
                flags.cancel_requests -= 1;
                // Since 3.13 the last uncancel also withdraws a cancellation that
                // was not delivered yet.
                if cfg!(Py_3_13) && flags.cancel_requests == 0 {
                    flags.must_cancel = false;
                }
            }
            Made(flags.cancel_requests.into())
        })
    }

    /// Returns the task's name.
    fn get_name<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.state.name.clone_ref(py).into_python(py)
    }

    /// Renames the task; the value is converted to a `str`.
    #[pyo3(signature = (value, /))]
    fn set_name(&self, value: Bound<'_, PyAny>) -> PyResult<()> {
        let py = value.py();
        let name = Name::given(&value)?;
        drop(self.state.name.replace(py, name));
        super::recording::renamed(py, self);
        Ok(())
    }

    /// Returns the coroutine.
    fn get_coro(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self._coro(py)
    }

    /// Returns the context that its steps run in.
    fn get_context<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.context(py)
    }

    /// Returns the frames of the suspended coroutine, or of the exception's traceback.
    #[pyo3(signature = (*, limit=None))]
    fn get_stack(slf: &Bound<'_, Self>, limit: Option<Bound<'_, PyAny>>) -> PyResult<Py<PyAny>> {
        Ok(stdlib::task_get_stack(slf.py())?.call1((slf, limit))?.unbind())
    }

    /// Prints these frames to `file`, by default `sys.stderr`.
    #[pyo3(signature = (*, limit=None, file=None))]
    fn print_stack(
        slf: &Bound<'_, Self>,
        limit: Option<Bound<'_, PyAny>>,
        file: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        Ok(stdlib::task_print_stack(slf.py())?.call1((slf, limit, file))?.unbind())
    }

    /// A task's result is its coroutine's.
    #[pyo3(signature = (_result, /), text_signature = "($self, result, /)")]
    fn set_result(&self, _result: Bound<'_, PyAny>) -> PyResult<()> {
        Err(PyRuntimeError::new_err(crate::name!("Task does not support set_result operation")))
    }

    /// A task's exception is its coroutine's.
    #[pyo3(signature = (_exception, /), text_signature = "($self, exception, /)")]
    fn set_exception(&self, _exception: Bound<'_, PyAny>) -> PyResult<()> {
        Err(PyRuntimeError::new_err(crate::name!("Task does not support set_exception operation")))
    }

    #[getter]
    fn _coro(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.coroutine.clone_ref(py)
    }

    #[getter]
    fn _context<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.context(py)
    }

    #[getter]
    fn _fut_waiter(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.waiter.clone_ref(py)
    }

    #[getter]
    fn get__must_cancel(&self, py: Python<'_>) -> bool {
        self.state.flags.get(py).must_cancel
    }

    #[setter]
    fn set__must_cancel(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let (py, value) = (value.py(), value.is_truthy()?);
        self.state.flags.update(py, |flags| flags.must_cancel = value);
        Ok(())
    }

    #[getter]
    fn _num_cancels_requested(&self, py: Python<'_>) -> Made<i64> {
        self.cancelling(py)
    }

    #[getter]
    fn get__log_destroy_pending(&self, py: Python<'_>) -> bool {
        self.state.flags.get(py).log_destroy_pending
    }

    #[setter]
    fn set__log_destroy_pending(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        Task::set_log_destroy_pending(self, value.py(), value.is_truthy()?);
        Ok(())
    }

    fn __del__(slf: &Bound<'_, Self>) {
        <Self as Finalize>::delete(slf);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| state.traverse(&visit))
    }

    fn __clear__(&self, py: Python<'_>) {
        registry::unlink(py, self);
        self.state.clear(py);
    }
}

impl FreeListed for Task {
    fn free_list() -> &'static FreeList {
        static FREE_LIST: FreeList = FreeList::new();
        &FREE_LIST
    }

    fn empty(slf: Borrowed<'_, '_, Self>) {
        let py = slf.py();
        slf.get().state.release(py);
        slf.as_super().get().empty(py);
    }
}

impl Finalize for Task {
    fn original_dealloc() -> &'static OnceLock<ffi::destructor> {
        static ORIGINAL: OnceLock<ffi::destructor> = OnceLock::new();
        &ORIGINAL
    }

    fn wants_finalizer(slf: Borrowed<'_, '_, Self>) -> bool {
        let py = slf.py();
        let future = slf.as_super().get();
        future.logs_traceback(py)
            || (!future.is_done(py) && slf.get().state.flags.get(py).log_destroy_pending)
    }

    fn finalize(slf: &Bound<'_, Self>) {
        // If the exception handler keeps the report, the task is resurrected, but it is no
        // longer in `all_tasks()`.
        registry::unlink(slf.py(), slf.get());
        report_destroyed(slf);
        crate::core::futures::report_unretrieved(slf.as_super());
    }

    fn forget(slf: Borrowed<'_, '_, Self>) {
        registry::unlink(slf.py(), slf.get());
    }
}

/// Reports a pending task that is destroyed to the loop's exception handler.
fn report_destroyed(slf: &Bound<'_, Task>) {
    let py = slf.py();
    let future = slf.as_super().get();
    let pending = !future.is_done(py);
    if !pending || !slf.get().state.flags.get(py).log_destroy_pending {
        return;
    }
    let report = || -> PyResult<()> {
        let event_loop = future.event_loop(py)?;
        let details = allocate::dict(py)?;
        details.set_item(crate::name!("task"), slf)?;
        details.set_item(
            crate::name!("message"),
            crate::name!("Task was destroyed but it is pending!"),
        )?;
        if let Some(stack) = future.source_traceback(py) {
            details.set_item(crate::name!("source_traceback"), stack)?;
        }
        event_loop
            .as_any()
            .call_method1(crate::intern!(py, "call_exception_handler"), (details,))?;
        Ok(())
    };
    if let Err(error) = report() {
        error.write_unraisable(py, Some(slf.as_any()));
    }
}

/// Detects whether tasks await one another in a cycle (Brent's algorithm): compares each
/// task with an earlier one, which is replaced at every power of two.
struct Circle {
    mark: usize,
    passed: usize,
    next: usize,
}

impl Circle {
    fn new(first: &Bound<'_, Task>) -> Self {
        Self { mark: first.as_ptr().addr(), passed: 0, next: 1 }
    }

    fn is_closed_by(&mut self, task: &Bound<'_, Task>) -> bool {
        let address = task.as_ptr().addr();
        if address == self.mark {
            return true;
        }
        self.passed += 1;
        if self.passed == self.next {
            (self.mark, self.passed) = (address, 0);
            self.next = self.next.saturating_mul(2);
        }
        false
    }
}
