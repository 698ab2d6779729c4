//! The Python class `TaskGroup`.

use pyo3::exceptions::{PyKeyboardInterrupt, PySystemExit};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PySet, PyTuple};

use crate::core::event_loop::LoopCore;
use crate::core::futures::Future;
use crate::core::tasks;
use crate::ffi::allocate;
use crate::ffi::allocate::Made;
use crate::ffi::attributes::{collected_fields, uninitialized};
use crate::ffi::gil_cell::{Contents, GilCell};

/// Tasks that end together: `async with TaskGroup()` waits for all of them, and
/// the first that fails cancels the others.
///
/// https://docs.python.org/3/library/asyncio-task.html#asyncio.TaskGroup
#[pyclass(frozen, subclass, weakref, dict, module = "asyncio.taskgroups")]
pub struct TaskGroup {
    pub(super) state: Contents<State>,
}

/// The fields are asyncio's.
pub(super) struct State {
    pub flags: GilCell<Flags>,
    pub event_loop: GilCell<Option<Py<PyAny>>>,
    /// The loop again, if it is native and its `create_task` is not overridden.
    pub core: GilCell<Option<Py<LoopCore>>>,
    pub parent: GilCell<Option<Py<PyAny>>>,
    /// None until `__init__`.
    pub tasks: GilCell<Option<Py<PySet>>>,
    /// None once they have been raised.
    pub errors: GilCell<Option<Py<PyAny>>>,
    /// The first one that ends the program.
    pub base_error: GilCell<Option<Py<PyAny>>>,
    /// Done when no task is left, while `__aexit__` waits for that.
    pub completed: GilCell<Option<Py<Future>>>,
}

/// The state of a group.
#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    pub entered: bool,
    pub exiting: bool,
    pub aborting: bool,
    /// Whether the group itself has cancelled its parent.
    pub parent_cancel_requested: bool,
    #[cfg(Py_3_15)]
    /// Whether `cancel()` came before the group was entered.
    pub cancel_on_enter: bool,
}

impl State {
    fn new() -> Self {
        Self {
            flags: GilCell::new(Flags::default()),
            event_loop: GilCell::new(None),
            core: GilCell::new(None),
            parent: GilCell::new(None),
            tasks: GilCell::new(None),
            errors: GilCell::new(None),
            base_error: GilCell::new(None),
            completed: GilCell::new(None),
        }
    }
}

impl TaskGroup {
    /// The tasks that are not done. asyncio's error if `__init__` never ran.
    #[inline]
    pub(super) fn members<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PySet>> {
        match slf.get().state.tasks.clone_ref(slf.py()) {
            Some(tasks) => Ok(tasks.into_bound(slf.py())),
            None => Err(uninitialized(slf.as_any(), "_tasks")),
        }
    }

    /// The state. asyncio's error if `__init__` never ran.
    #[inline]
    pub(super) fn flags(slf: &Bound<'_, Self>) -> PyResult<Flags> {
        if slf.get().state.tasks.is_none(slf.py()) {
            return Err(uninitialized(slf.as_any(), "_entered"));
        }
        Ok(slf.get().state.flags.get(slf.py()))
    }

    /// The errors so far; Python's None once they were raised.
    pub(super) fn errors<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        let errors = self.state.errors.clone_ref(py);
        errors.map_or_else(|| py.None().into_bound(py), |errors| errors.into_bound(py))
    }

    /// The task that has entered the group; Python's None when there is none.
    pub(super) fn parent<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        let parent = self.state.parent.clone_ref(py);
        parent.map_or_else(|| py.None().into_bound(py), |parent| parent.into_bound(py))
    }

    /// Cancels every task of the group, as the class of `slf` does it.
    pub(super) fn abort(slf: &Bound<'_, Self>) -> PyResult<()> {
        if slf.is_exact_instance_of::<Self>() {
            return Self::_abort(slf);
        }
        slf.call_method0(crate::intern!(slf.py(), "_abort")).map(drop)
    }

    /// Cancels the parent for the group.
    fn cancel_parent(&self, py: Python<'_>) -> PyResult<()> {
        self.state.flags.update(py, |flags| flags.parent_cancel_requested = true);
        tasks::cancel(&self.parent(py))
    }

    /// A native task of the group is done.
    #[inline]
    pub fn task_done(slf: &Bound<'_, Self>, task: &Bound<'_, Future>) -> PyResult<()> {
        let py = slf.py();
        Self::leave(slf, task.as_any())?;
        if !task.get().has_exception(py) {
            return Ok(());
        }
        let error = task.call_method0(crate::intern!(py, "exception"))?;
        Self::task_failed(slf, task.as_any(), error)
    }

    /// Removes a task that is done. If it was the last one, wakes the parent that waits in
    /// `__aexit__`.
    #[inline]
    fn leave(slf: &Bound<'_, Self>, task: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let members = Self::members(slf)?;
        members.discard(task)?;
        #[cfg(Py_3_14)]
        crate::core::futures::future_discard_from_awaited_by(task.clone(), this.parent(py))?;
        if !members.is_empty() {
            return Ok(());
        }
        match this.state.completed.clone_ref(py).filter(|future| !future.get().is_done(py)) {
            Some(future) => {
                let result = PyBool::new(py, true).to_owned().into_any().unbind();
                Future::finish(future.bind(py), result)
            }
            None => Ok(()),
        }
    }

    fn task_failed(
        slf: &Bound<'_, Self>,
        task: &Bound<'_, PyAny>,
        error: Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        this.errors(py).call_method1(crate::intern!(py, "append"), (&error,))?;
        this.note_base_error(&error);
        let parent = this.parent(py);
        if parent.call_method0(crate::intern!(py, "done"))?.is_truthy()? {
            let message = format!(
                "Task {} has errored out but its parent task {} is already completed",
                task.repr()?,
                parent.str()?
            );
            let details = allocate::dict(py)?;
            details.set_item(crate::name!("message"), Made(message))?;
            details.set_item(crate::name!("exception"), error)?;
            details.set_item(crate::name!("task"), task)?;
            let event_loop = this._loop(py);
            let report = crate::intern!(py, "call_exception_handler");
            return event_loop.into_pyobject(py)?.call_method1(report, (details,)).map(drop);
        }
        let flags = this.state.flags.get(py);
        if flags.aborting || flags.parent_cancel_requested {
            return Ok(());
        }
        // The parent may wait for something else inside the block.
        Self::abort(slf)?;
        this.cancel_parent(py)
    }

    /// Remembers the first error that ends the program.
    pub(super) fn note_base_error(&self, error: &Bound<'_, PyAny>) {
        if !is_base_error(error) {
            return;
        }
        let base_error = &self.state.base_error;
        if base_error.is_none(error.py()) {
            drop(base_error.replace(error.py(), Some(error.clone().unbind())));
        }
    }
}

fn is_base_error(error: &Bound<'_, PyAny>) -> bool {
    error.is_instance_of::<PySystemExit>() || error.is_instance_of::<PyKeyboardInterrupt>()
}

collected_fields!(TaskGroup { event_loop, core, parent, tasks, errors, base_error, completed });

#[pymethods]
impl TaskGroup {
    // A subclass may have other arguments, which its `__init__` takes.
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords), text_signature = "()")]
    fn __new__(_arguments: &Bound<'_, PyTuple>, _keywords: Option<&Bound<'_, PyDict>>) -> Self {
        Self { state: Contents::new(State::new()) }
    }

    fn __init__(&self, py: Python<'_>) -> PyResult<()> {
        let tasks = PySet::empty(py)?.unbind();
        let errors = allocate::list::<PyAny>(py, [])?.into_any().unbind();
        let state = &self.state;
        self.__clear__(py);
        state.flags.set(py, Flags::default());
        drop((state.tasks.replace(py, Some(tasks)), state.errors.replace(py, Some(errors))));
        Ok(())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<Made<String>> {
        let tasks = Self::members(slf)?.len();
        let errors = slf.get().errors(slf.py());
        let errors = if errors.is_none() { 0 } else { errors.len()? };
        let Flags { aborting, entered, .. } = Self::flags(slf)?;
        let mut shown = "<TaskGroup".to_owned();
        if tasks > 0 {
            shown += &format!(" tasks={tasks}");
        }
        if errors > 0 {
            shown += &format!(" errors={errors}");
        }
        if aborting {
            shown += " cancelling";
        } else if entered {
            shown += " entered";
        }
        Ok(Made(shown + ">"))
    }

    /// Cancels the tasks of the group and the body of the block, which then ends without
    /// an exception. Further calls do nothing; a call before the block is entered takes
    /// effect then.
    #[cfg(Py_3_15)]
    pub(super) fn cancel(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let flags = Self::flags(slf)?;
        this.state.flags.update(py, |flags| flags.cancel_on_enter |= !flags.entered);
        let is_over = flags.exiting && Self::members(slf)?.is_empty();
        if !flags.entered || is_over || flags.aborting {
            return Ok(());
        }
        Self::abort(slf)?;
        if this.state.parent.is_some(py) && !flags.parent_cancel_requested {
            this.cancel_parent(py)
        } else {
            Ok(())
        }
    }

    fn _abort(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        slf.get().state.flags.update(py, |flags| flags.aborting = true);
        for task in Self::members(slf)?.try_iter()? {
            let task = task?;
            if !task.call_method0(crate::intern!(py, "done"))?.is_truthy()? {
                tasks::cancel(&task)?;
            }
        }
        Ok(())
    }

    fn _on_task_done(slf: &Bound<'_, Self>, task: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        Self::leave(slf, task)?;
        if task.call_method0(crate::intern!(py, "cancelled"))?.is_truthy()? {
            return Ok(());
        }
        let error = task.call_method0(crate::intern!(py, "exception"))?;
        if error.is_none() { Ok(()) } else { Self::task_failed(slf, task, error) }
    }

    #[staticmethod]
    fn _is_base_error(exc: Bound<'_, PyAny>) -> bool {
        is_base_error(&exc)
    }

    #[getter]
    fn _entered(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Ok(Self::flags(slf)?.entered)
    }

    #[getter]
    fn _exiting(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Ok(Self::flags(slf)?.exiting)
    }

    #[getter]
    fn get__aborting(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Ok(Self::flags(slf)?.aborting)
    }

    #[setter]
    fn set__aborting(&self, py: Python<'_>, value: bool) {
        self.state.flags.update(py, |flags| flags.aborting = value);
    }

    #[getter]
    fn get__parent_cancel_requested(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Ok(Self::flags(slf)?.parent_cancel_requested)
    }

    #[setter]
    fn set__parent_cancel_requested(&self, py: Python<'_>, value: bool) {
        self.state.flags.update(py, |flags| flags.parent_cancel_requested = value);
    }

    #[getter]
    fn _loop(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.event_loop.clone_ref(py)
    }

    #[getter]
    fn _parent_task<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.parent(py)
    }

    #[getter]
    fn _tasks<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PySet>> {
        Self::members(slf)
    }

    #[getter]
    fn _errors<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.errors(py)
    }

    #[getter]
    pub(super) fn _base_error(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.base_error.clone_ref(py)
    }

    #[getter]
    fn _on_completed_fut(&self, py: Python<'_>) -> Option<Py<Future>> {
        self.state.completed.clone_ref(py)
    }
}
