//! Entering and leaving `async with TaskGroup()`.

use std::ffi::CStr;

use pyo3::PyTraverseError;
use pyo3::exceptions::{PyGeneratorExit, PyRuntimeError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyType};

use super::TaskGroup;
use crate::core::coroutines::{Coroutine, Input, Routine, Step};
use crate::core::current_task::{find_current_task, running_loop};
use crate::core::event_loop::LoopCore;
use crate::core::futures::Future;
use crate::core::tasks;
use crate::ffi::errors::raised;
use crate::ffi::fastcall::{
    CallArguments, FastMethod, Parsed, PlainMethod, Signature, unless_none,
};
use crate::stdlib;

/// `TaskGroup.__aenter__`.
pub struct EnterGroup {
    group: Py<TaskGroup>,
}

impl EnterGroup {
    fn enter(slf: &Bound<'_, TaskGroup>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        if TaskGroup::flags(slf)?.entered {
            let message = format!("TaskGroup {} has already been entered", slf.repr()?);
            return Err(PyRuntimeError::new_err(message));
        }
        let event_loop = match this.state.event_loop.clone_ref(py) {
            Some(event_loop) => event_loop.into_bound(py),
            None => running_loop(py)?,
        };
        let core = LoopCore::of(&event_loop).filter(|core| core.get().creates_natively(py));
        let core = core.map(|core| core.clone().unbind());
        let parent = find_current_task(&event_loop)?;
        let missing = parent.is_none();
        let state = &this.state;
        state.flags.update(py, |flags| flags.entered = !missing);
        drop(state.event_loop.replace(py, Some(event_loop.unbind())));
        drop((state.core.replace(py, core), state.parent.replace(py, parent.map(Bound::unbind))));
        if missing {
            let message = format!("TaskGroup {} cannot determine the parent task", slf.repr()?);
            return Err(PyRuntimeError::new_err(message));
        }
        #[cfg(Py_3_15)]
        if state.flags.get(py).cancel_on_enter {
            slf.call_method0(crate::intern!(py, "cancel"))?;
        }
        Ok(())
    }
}

impl Routine for EnterGroup {
    fn resume(&mut self, py: Python<'_>, _input: Input<'_>) -> PyResult<Step> {
        Self::enter(self.group.bind(py))?;
        Ok(Step::Return(self.group.clone_ref(py).into_any()))
    }

    fn qualname(&self) -> &'static str {
        "TaskGroup.__aenter__"
    }

    fn release(self, py: Python<'_>) {
        self.group.drop_ref(py);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.group)
    }
}

/// `TaskGroup.__aexit__`.
pub struct ExitGroup {
    group: Py<TaskGroup>,
    /// The class of the exception that leaves the block, if one does.
    kind: Option<Py<PyAny>>,
    /// That exception.
    error: Option<Py<PyAny>>,
    /// The cancellation that is raised when the tasks have ended.
    cancellation: Option<Py<PyAny>>,
    /// The last cancellation while the tasks were ending.
    latest: Option<Py<PyAny>>,
}

impl ExitGroup {
    /// The block has ended.
    fn begin(&mut self, py: Python<'_>) -> PyResult<Step> {
        let slf = self.group.bind(py).clone();
        let this = slf.get();
        TaskGroup::flags(&slf)?;
        this.state.flags.update(py, |flags| flags.exiting = true);
        if let Some(error) = &self.error {
            this.note_base_error(error.bind(py));
        }
        if self.left_by_cancellation(py)? {
            self.cancellation = self.error.as_ref().map(|error| error.clone_ref(py));
        }
        // Since 3.13 this comes when the tasks have ended.
        if cfg!(not(Py_3_13)) {
            self.forgive_the_parent(py)?;
        }
        if self.kind.is_some() && !this.state.flags.get(py).aborting {
            TaskGroup::abort(&slf)?;
        }
        self.drain(py)
    }

    /// Waits until no task is left.
    fn drain(&mut self, py: Python<'_>) -> PyResult<Step> {
        let this = self.group.get();
        if TaskGroup::members(self.group.bind(py))?.is_empty() {
            return self.conclude(py);
        }
        let Some(event_loop) = this.state.event_loop.clone_ref(py) else {
            return Err(PyRuntimeError::new_err(crate::name!("the group was not entered")));
        };
        let future = Future::for_any_loop(event_loop.bind(py))?;
        if TaskGroup::members(self.group.bind(py))?.is_empty() {
            // The last one has ended while the future was made.
            return self.conclude(py);
        }
        drop(this.state.completed.replace(py, Some(future.clone_ref(py))));
        Ok(Step::Wait(future))
    }

    /// The wait has ended.
    fn go_on(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        let slf = self.group.bind(py).clone();
        let this = slf.get();
        if let Input::Error(error) = input {
            if !error.is_instance(py, stdlib::cancelled_error(py)?) {
                return Err(error);
            }
            let error = error.into_value(py).into_any();
            if cfg!(Py_3_15) {
                self.latest = Some(error.clone_ref(py));
            }
            if !this.state.flags.get(py).aborting {
                self.cancellation = Some(error);
                TaskGroup::abort(&slf)?;
            }
        }
        drop(this.state.completed.take(py));
        self.drain(py)
    }

    /// All tasks have ended: raises the errors or the cancellation.
    fn conclude(&mut self, py: Python<'_>) -> PyResult<Step> {
        let group = self.group.clone_ref(py);
        let this = group.get();
        if let Some(error) = this._base_error(py) {
            return Err(raised(py, PyErr::from_value(error.into_bound(py))));
        }
        if cfg!(Py_3_13) {
            self.forgive_the_parent(py)?;
        }
        let errors = this.errors(py);
        if let Some(cancellation) = self.cancellation.take()
            && !errors.is_truthy()?
        {
            return Err(raised(py, PyErr::from_value(cancellation.into_bound(py))));
        }
        if self.kind.is_some() && !self.left_by_cancellation(py)? {
            errors.call_method1(crate::intern!(py, "append"), (&self.error,))?;
        }
        if errors.is_truthy()? {
            return Err(self.together(py, &errors)?);
        }
        Ok(Step::Return(if cfg!(Py_3_15) {
            PyBool::new(py, true).to_owned().into_any().unbind()
        } else {
            py.None()
        }))
    }

    /// The errors as one group.
    fn together(&self, py: Python<'_>, errors: &Bound<'_, PyAny>) -> PyResult<PyErr> {
        let this = self.group.get();
        if cfg!(Py_3_13) {
            // Cancelled from outside, too: it stays cancelled, once.
            let parent = this.parent(py);
            if tasks::cancelling(&parent)? != 0 {
                tasks::uncancel(&parent)?;
                tasks::cancel(&parent)?;
            }
        }
        if cfg!(Py_3_15)
            && errors.len()? == 1
            && let (Some(kind), Some(error)) = (&self.kind, &self.error)
            && kind.bind(py).cast::<PyType>()?.is_subclass_of::<PyGeneratorExit>()?
        {
            return Ok(raised(py, PyErr::from_value(error.bind(py).clone())));
        }
        let class = stdlib::base_exception_group(py)?;
        let group = class.call1((crate::name!("unhandled errors in a TaskGroup"), errors))?;
        let group = PyErr::from_value(group);
        group.set_cause(py, None);
        if cfg!(not(Py_3_14)) {
            drop(this.state.errors.take(py));
        }
        Ok(raised(py, group))
    }

    /// Takes back the group's own request to cancel the parent.
    fn forgive_the_parent(&mut self, py: Python<'_>) -> PyResult<()> {
        let this = self.group.get();
        if !this.state.flags.get(py).parent_cancel_requested {
            return Ok(());
        }
        if tasks::uncancel(&this.parent(py))? == 0 {
            self.cancellation = None;
        } else if cfg!(Py_3_15) && self.cancellation.is_none() {
            self.cancellation = self.latest.take();
        }
        Ok(())
    }

    /// Whether the block was left by a `CancelledError`; up to 3.12 that means the
    /// class itself.
    fn left_by_cancellation(&self, py: Python<'_>) -> PyResult<bool> {
        let Some(kind) = &self.kind else {
            return Ok(false);
        };
        let cancelled = stdlib::cancelled_error(py)?;
        if cfg!(Py_3_13) {
            kind.bind(py).cast::<PyType>()?.is_subclass(cancelled)
        } else {
            Ok(kind.is(cancelled))
        }
    }
}

/// Whether a group drops its references when it has ended: from 3.14 on, and in later releases
/// of the versions before.
fn drops_references(py: Python<'_>) -> PyResult<bool> {
    Ok(cfg!(Py_3_14) || stdlib::task_group_drops(py)?.is_truthy()?)
}

impl Routine for ExitGroup {
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        let step = match input {
            Input::Start => self.begin(py),
            input => self.go_on(py, input),
        };
        if !matches!(step, Ok(Step::Wait(_))) && drops_references(py)? {
            let state = &self.group.get().state;
            drop((state.parent.take(py), state.errors.take(py), state.base_error.take(py)));
        }
        step
    }

    fn qualname(&self) -> &'static str {
        "TaskGroup.__aexit__"
    }

    fn release(self, py: Python<'_>) {
        self.group.drop_ref(py);
        let exceptions = [self.kind, self.error, self.cancellation, self.latest];
        for exception in exceptions.into_iter().flatten() {
            exception.drop_ref(py);
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.group)?;
        visit.call(&self.kind)?;
        visit.call(&self.error)?;
        visit.call(&self.cancellation)?;
        visit.call(&self.latest)
    }
}

/// Entering `async with group`.
pub struct Enter;

impl PlainMethod for Enter {
    type Class = TaskGroup;
    const NAME: &'static CStr = c"__aenter__";
    const DOC: &'static CStr =
        c"Makes the current task the parent. RuntimeError if there is none, or the second time.";

    fn call(slf: &Bound<'_, TaskGroup>) -> PyResult<Py<PyAny>> {
        let group = slf.clone().unbind();
        Coroutine::new(slf.py(), EnterGroup { group }).map(Py::into_any)
    }
}

/// Leaving `async with group`.
pub struct Exit;

const EXIT: Signature<3, 0> = Signature::method("TaskGroup.__aexit__", ["et", "exc", "tb"], []);

impl FastMethod for Exit {
    type Class = TaskGroup;
    const NAME: &'static CStr = c"__aexit__";
    const DOC: &'static CStr = c"Waits for the tasks.\n\nRaises what they and the block have raised as one group. Cancellation is passed on\nto the tasks, and goes on when they have ended.";

    fn call<'py>(
        slf: &Bound<'py, TaskGroup>,
        arguments: CallArguments<'_, 'py>,
    ) -> PyResult<Py<PyAny>> {
        let Parsed { required: [kind, error, _traceback], .. } = EXIT.parse(&arguments)?;
        let (kind, error) = (unless_none(kind), unless_none(error));
        let group = slf.clone().unbind();
        let exit = ExitGroup { group, kind, error, cancellation: None, latest: None };
        Coroutine::new(slf.py(), exit).map(Py::into_any)
    }
}
