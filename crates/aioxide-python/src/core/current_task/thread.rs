//! The running task as a field of the thread's state, from 3.14 on.
//!
//! Writing the field costs almost nothing, so it is always right, and there is nothing
//! to flush.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::other_task_runs;
use crate::ffi::debug_offsets::ThreadState;

/// The running task of a loop, in the state of the thread that runs the loop.
pub struct CurrentTask;

impl CurrentTask {
    /// For a loop on which no task has run.
    pub fn new() -> Self {
        Self
    }

    /// A native task begins a step on `event_loop`, which runs in this thread.
    /// `RuntimeError` if another task is running, or if another loop is the running one
    /// by asyncio's record.
    #[inline]
    pub fn step_begins(
        &self,
        py: Python<'_>,
        event_loop: &Py<PyAny>,
        task: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        // The loop is running, whatever was passed to `_set_running_loop`.
        if ThreadState::get(py).is_some_and(|state| state.runs_nothing()) {
            return Ok(());
        }
        enter(py, event_loop, task)
    }

    /// The step has ended.
    #[inline]
    pub fn step_ended(&self, py: Python<'_>, event_loop: &Py<PyAny>) {
        leave(py, event_loop);
    }

    /// Called before other code may read the record.
    #[inline]
    pub fn flush(&self, _py: Python<'_>, _event_loop: &Py<PyAny>) -> PyResult<()> {
        Ok(())
    }

    /// Called before a stdlib task may run.
    #[inline]
    pub fn remove_entry(&self, _py: Python<'_>, _event_loop: &Py<PyAny>) -> PyResult<()> {
        Ok(())
    }
}

/// The task that runs on `event_loop`.
#[inline]
pub fn current_task_of<'py>(event_loop: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = event_loop.py();
    if let Some(state) = ThreadState::get(py)
        && state.runs(event_loop.as_unbound())
    {
        return Ok(state.task());
    }
    // Another thread may run it.
    static CELL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let current_task: &Bound<'_, PyAny> = CELL
        .get_or_try_init(py, || {
            let module = py.import(crate::name!("_asyncio"))?;
            Ok::<_, PyErr>(module.getattr(crate::name!("current_task"))?.cast_into()?.unbind())
        })?
        .bind(py);
    let task = current_task.call1((event_loop,))?;
    Ok((!task.is_none()).then_some(task))
}

/// Runs `body` with `task` as the current one and restores the previous one, for an eager
/// task, which starts inside another task or a callback.
pub fn swapped<R>(
    py: Python<'_>,
    event_loop: &Py<PyAny>,
    task: &Bound<'_, PyAny>,
    body: impl FnOnce() -> PyResult<R>,
) -> PyResult<R> {
    let before = replace(py, event_loop, Some(task.clone()))?;
    let result = body();
    drop(replace(py, event_loop, before)?);
    result
}

/// For a native task on a foreign loop.
pub fn entered<R>(
    py: Python<'_>,
    event_loop: &Py<PyAny>,
    task: &Bound<'_, PyAny>,
    body: impl FnOnce() -> PyResult<R>,
) -> PyResult<R> {
    enter(py, event_loop, task)?;
    let result = body();
    leave(py, event_loop);
    result
}

#[inline]
fn enter(py: Python<'_>, event_loop: &Py<PyAny>, task: &Bound<'_, PyAny>) -> PyResult<()> {
    if let Some(state) = ThreadState::get(py) {
        if !state.runs(event_loop) {
            return Err(not_the_running_loop(event_loop.bind(py))?);
        }
        return match state.task() {
            None => {
                state.replace_task(Some(task.clone()));
                Ok(())
            }
            Some(other) => Err(other_task_runs(task, &other)?),
        };
    }
    match replace(py, event_loop, Some(task.clone()))? {
        None => Ok(()),
        Some(other) => {
            replace(py, event_loop, Some(other.clone()))?;
            Err(other_task_runs(task, &other)?)
        }
    }
}

#[inline]
fn leave(py: Python<'_>, event_loop: &Py<PyAny>) {
    match ThreadState::get(py) {
        Some(state) => drop(state.replace_task(None)),
        None => {
            if let Err(error) = replace(py, event_loop, None) {
                error.write_unraisable(py, None);
            }
        }
    }
}

/// Makes `task` the running one and returns the previous one.
fn replace<'py>(
    py: Python<'py>,
    event_loop: &Py<PyAny>,
    task: Option<Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    if let Some(state) = ThreadState::get(py) {
        if !state.runs(event_loop) {
            return Err(not_the_running_loop(event_loop.bind(py))?);
        }
        return Ok(state.replace_task(task));
    }
    static CELL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let swap: &Bound<'_, PyAny> = CELL
        .get_or_try_init(py, || {
            let module = py.import(crate::name!("_asyncio"))?;
            Ok::<_, PyErr>(
                module.getattr(crate::name!("_swap_current_task"))?.cast_into()?.unbind(),
            )
        })?
        .bind(py);
    let before = swap.call1((event_loop, task))?;
    Ok((!before.is_none()).then_some(before))
}

/// A task was to take a step on `event_loop`, which does not run in this thread.
pub fn not_the_running_loop(event_loop: &Bound<'_, PyAny>) -> PyResult<PyErr> {
    Ok(PyRuntimeError::new_err(format!("loop {} is not the running loop", event_loop.repr()?)))
}
