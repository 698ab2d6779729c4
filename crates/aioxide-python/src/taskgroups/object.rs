//! The Python class `TaskGroup`.

use pyo3::PyTraverseError;
use pyo3::exceptions::{PyKeyboardInterrupt, PySystemExit};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PySet, PyTuple};

use crate::event_loop::LoopCore;
use crate::futures::{Future, Outcome};
use crate::tasks;
use crate::with_cell::WithCell;

/// Tasks that end together: `async with TaskGroup()` waits for all of them, and
/// the first that fails cancels the others.
///
/// https://docs.python.org/3/library/asyncio-task.html#asyncio.TaskGroup
#[pyclass(frozen, subclass, weakref, dict, module = "asyncio.taskgroups")]
pub struct TaskGroup {
    pub(super) state: WithCell<State>,
}

/// The fields are asyncio's.
pub(super) struct State {
    pub entered: bool,
    pub exiting: bool,
    pub aborting: bool,
    /// Whether the group itself has cancelled its parent.
    pub parent_cancel_requested: bool,
    #[cfg(Py_3_15)]
    /// Whether `cancel()` came before the group was entered.
    pub cancel_on_enter: bool,
    pub event_loop: Option<Py<PyAny>>,
    /// The loop again, if it is ours and makes tasks as we do.
    pub core: Option<Py<LoopCore>>,
    pub parent: Option<Py<PyAny>>,
    pub tasks: Option<Py<PySet>>,
    /// None once they have been raised.
    pub errors: Option<Py<PyList>>,
    /// The first one that ends the program.
    pub base_error: Option<Py<PyAny>>,
    /// Done when no task is left, while the end waits for that.
    pub completed: Option<Py<Future>>,
}

impl State {
    fn new(tasks: Option<Py<PySet>>, errors: Option<Py<PyList>>) -> Self {
        Self {
            entered: false,
            exiting: false,
            aborting: false,
            parent_cancel_requested: false,
            #[cfg(Py_3_15)]
            cancel_on_enter: false,
            event_loop: None,
            core: None,
            parent: None,
            tasks,
            errors,
            base_error: None,
            completed: None,
        }
    }
}

impl TaskGroup {
    /// The tasks that are not done.
    #[inline]
    pub(super) fn members<'py>(&self, py: Python<'py>) -> Bound<'py, PySet> {
        let tasks =
            self.state.with(py, |state| state.tasks.as_ref().map(|tasks| tasks.bind(py).clone()));
        // Only the collector takes it away.
        tasks.unwrap_or_else(|| PySet::empty(py).expect("an empty set can be made"))
    }

    /// What has gone wrong so far; Python's None once that was raised.
    pub(super) fn errors<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        let errors = self
            .state
            .with(py, |state| state.errors.as_ref().map(|errors| errors.bind(py).clone()));
        errors.map_or_else(|| py.None().into_bound(py), Bound::into_any)
    }

    /// The task that has entered the group; Python's None when there is none.
    pub(super) fn parent<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        let parent = self
            .state
            .with(py, |state| state.parent.as_ref().map(|parent| parent.bind(py).clone()));
        parent.unwrap_or_else(|| py.None().into_bound(py))
    }

    /// Cancels every task of the group, as the class of `slf` does it.
    pub(super) fn abort(slf: &Bound<'_, Self>) -> PyResult<()> {
        if slf.is_exact_instance_of::<Self>() {
            return Self::_abort(slf);
        }
        slf.call_method0(pyo3::intern!(slf.py(), "_abort")).map(drop)
    }

    /// Cancels the parent in the name of the group.
    fn cancel_parent(&self, py: Python<'_>) -> PyResult<()> {
        self.state.with(py, |state| state.parent_cancel_requested = true);
        tasks::cancel(&self.parent(py))
    }

    /// A task of ours that belongs to the group is done.
    #[inline]
    pub fn task_done(slf: &Bound<'_, Self>, task: &Bound<'_, Future>) -> PyResult<()> {
        let py = slf.py();
        Self::leave(slf, task.as_any())?;
        let failed =
            task.get().state.with(py, |state| matches!(state.outcome, Outcome::Exception(_)));
        if !failed {
            return Ok(());
        }
        let error = task.call_method0(pyo3::intern!(py, "exception"))?;
        Self::task_failed(slf, task.as_any(), error)
    }

    /// Takes a task that is done out, and lets the end of the group go on if it
    /// was the last one.
    #[inline]
    fn leave(slf: &Bound<'_, Self>, task: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let members = this.members(py);
        members.discard(task)?;
        #[cfg(Py_3_14)]
        crate::futures::future_discard_from_awaited_by(task.clone(), this.parent(py))?;
        if !members.is_empty() {
            return Ok(());
        }
        let completed = this
            .state
            .with(py, |state| state.completed.as_ref().map(|future| future.bind(py).clone()));
        match completed.filter(|future| !future.get().is_done(py)) {
            Some(future) => {
                Future::finish(&future, true.into_pyobject(py)?.to_owned().into_any().unbind())
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
        this.errors(py).call_method1(pyo3::intern!(py, "append"), (&error,))?;
        this.note_base_error(&error);
        let parent = this.parent(py);
        if parent.call_method0(pyo3::intern!(py, "done"))?.is_truthy()? {
            let message = format!(
                "Task {} has errored out but its parent task {} is already completed",
                task.repr()?,
                parent.str()?
            );
            let details = PyDict::new(py);
            details.set_item("message", message)?;
            details.set_item("exception", error)?;
            details.set_item("task", task)?;
            let event_loop = this._loop(py);
            let report = pyo3::intern!(py, "call_exception_handler");
            return event_loop.into_pyobject(py)?.call_method1(report, (details,)).map(drop);
        }
        let (aborting, requested) =
            this.state.with(py, |state| (state.aborting, state.parent_cancel_requested));
        if aborting || requested {
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
        let kept = error.clone().unbind();
        // One that is not kept is not the last reference: the caller has it.
        self.state.with(error.py(), |state| {
            state.base_error.get_or_insert(kept);
        });
    }
}

fn is_base_error(error: &Bound<'_, PyAny>) -> bool {
    error.is_instance_of::<PySystemExit>() || error.is_instance_of::<PyKeyboardInterrupt>()
}

#[pymethods]
impl TaskGroup {
    // A subclass may take what it likes; its `__init__` says what.
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords), text_signature = "()")]
    fn __new__(
        py: Python<'_>,
        _arguments: &Bound<'_, PyTuple>,
        _keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let (tasks, errors) = (PySet::empty(py)?.unbind(), PyList::empty(py).unbind());
        Ok(Self { state: WithCell::new(State::new(Some(tasks), Some(errors))) })
    }

    fn __init__(&self) {}

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let tasks = self.members(py).len();
        let errors = self.errors(py);
        let errors = if errors.is_none() { 0 } else { errors.len()? };
        let (aborting, entered) = self.state.with(py, |state| (state.aborting, state.entered));
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
        Ok(shown + ">")
    }

    /// Cancels what is in the group, the body of the block included, which then
    /// ends without an exception. Once is enough; before the block is entered it
    /// counts from then on.
    #[cfg(Py_3_15)]
    pub(super) fn cancel(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let (entered, exiting, aborting, requested, parent) = this.state.with(py, |state| {
            state.cancel_on_enter |= !state.entered;
            (
                state.entered,
                state.exiting,
                state.aborting,
                state.parent_cancel_requested,
                state.parent.is_some(),
            )
        });
        if !entered || (exiting && this.members(py).is_empty()) || aborting {
            return Ok(());
        }
        Self::abort(slf)?;
        if parent && !requested { this.cancel_parent(py) } else { Ok(()) }
    }

    fn _abort(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        slf.get().state.with(py, |state| state.aborting = true);
        for task in slf.get().members(py).try_iter()? {
            let task = task?;
            if !task.call_method0(pyo3::intern!(py, "done"))?.is_truthy()? {
                tasks::cancel(&task)?;
            }
        }
        Ok(())
    }

    fn _on_task_done(slf: &Bound<'_, Self>, task: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        Self::leave(slf, task)?;
        if task.call_method0(pyo3::intern!(py, "cancelled"))?.is_truthy()? {
            return Ok(());
        }
        let error = task.call_method0(pyo3::intern!(py, "exception"))?;
        if error.is_none() { Ok(()) } else { Self::task_failed(slf, task, error) }
    }

    #[staticmethod]
    fn _is_base_error(exc: Bound<'_, PyAny>) -> bool {
        is_base_error(&exc)
    }

    #[getter]
    fn _entered(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.entered)
    }

    #[getter]
    fn _exiting(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.exiting)
    }

    #[getter]
    fn get__aborting(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.aborting)
    }

    #[setter]
    fn set__aborting(&self, py: Python<'_>, value: bool) {
        self.state.with(py, |state| state.aborting = value);
    }

    #[getter]
    fn get__parent_cancel_requested(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.parent_cancel_requested)
    }

    #[setter]
    fn set__parent_cancel_requested(&self, py: Python<'_>, value: bool) {
        self.state.with(py, |state| state.parent_cancel_requested = value);
    }

    #[getter]
    fn _loop(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.with(py, |state| state.event_loop.as_ref().map(|it| it.clone_ref(py)))
    }

    #[getter]
    fn _parent_task<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.parent(py)
    }

    #[getter]
    fn _tasks<'py>(&self, py: Python<'py>) -> Bound<'py, PySet> {
        self.members(py)
    }

    #[getter]
    fn _errors<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.errors(py)
    }

    #[getter]
    pub(super) fn _base_error(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.with(py, |state| state.base_error.as_ref().map(|it| it.clone_ref(py)))
    }

    #[getter]
    fn _on_completed_fut(&self, py: Python<'_>) -> Option<Py<Future>> {
        self.state.with(py, |state| state.completed.as_ref().map(|it| it.clone_ref(py)))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            visit.call(&state.event_loop)?;
            visit.call(&state.core)?;
            visit.call(&state.parent)?;
            visit.call(&state.tasks)?;
            visit.call(&state.errors)?;
            visit.call(&state.base_error)?;
            visit.call(&state.completed)
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        let cleared = State::new(None, None);
        drop(self.state.with(py, |state| std::mem::replace(state, cleared)));
    }
}
