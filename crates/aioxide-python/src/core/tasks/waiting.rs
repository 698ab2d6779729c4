//! What a task does with the object that its coroutine has yielded: wait for it, or
//! raise in the coroutine.

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;

use super::{Task, TaskStep, TaskWakeup};
use crate::core::dispatch::{Ready, Waiter, as_native};
use crate::core::futures::{BoundLoop, Callback, Future, call_soon};
use crate::ffi::allocate;

/// The coroutine has yielded `result`: wait for it, or raise in the coroutine.
#[inline]
pub fn wait_for(task: &Bound<'_, Task>, result: Bound<'_, PyAny>) -> PyResult<()> {
    let py = task.py();
    if result.is_none() {
        // A bare yield lets other tasks run for one iteration.
        let event_loop = task.as_super().get().event_loop(py)?;
        return schedule(task, &event_loop, None);
    }
    if let Some(future) = as_native(&result) {
        return wait_for_native(task, future);
    }
    let Some(blocking) = result.getattr_opt(crate::intern!(py, "_asyncio_future_blocking"))? else {
        return bad_yield(task, &result);
    };
    if blocking.is_none() {
        return bad_yield(task, &result);
    }
    wait_for_foreign(task, &result, blocking.is_truthy()?)
}

fn bad_yield(task: &Bound<'_, Task>, result: &Bound<'_, PyAny>) -> PyResult<()> {
    // SAFETY: the reference is alive; this compares its type.
    let message = if unsafe { ffi::PyGen_CheckExact(result.as_ptr()) } != 0 {
        format!(
            "yield was used instead of yield from for generator in task {} with {}",
            task.repr()?,
            result.repr()?
        )
    } else {
        format!("Task got bad yield: {}", result.repr()?)
    };
    misuse(task, message)
}

/// Waits for a native future or task.
#[inline]
fn wait_for_native(task: &Bound<'_, Task>, future: &Bound<'_, Future>) -> PyResult<()> {
    let py = task.py();
    let event_loop = task.as_super().get().event_loop(py)?;
    let blocking = future.get().take_blocking(py);
    if !future.get().belongs_to(py, event_loop.as_any().as_ptr()) {
        return other_loop(task, future.as_any());
    }
    if !blocking {
        return yielded_without_await(task, future.as_any());
    }
    if future.is(task) {
        return misuse(task, format!("Task cannot await on itself: {}", task.repr()?));
    }
    #[cfg(Py_3_14)]
    future.get().awaited_by.add(task.as_any())?;
    Future::add_callback(future, Callback::Waiter(Waiter::task(task)))?;
    if waits_for(task, future.as_any()) { cancel_waiter(task, future.as_any()) } else { Ok(()) }
}

/// Waits for an object that follows asyncio's future protocol.
fn wait_for_foreign(
    task: &Bound<'_, Task>,
    result: &Bound<'_, PyAny>,
    blocking: bool,
) -> PyResult<()> {
    let py = task.py();
    let event_loop = task.as_super().get().event_loop(py)?;
    let theirs = match result.getattr_opt(crate::intern!(py, "get_loop"))? {
        Some(get_loop) => get_loop.call0()?,
        None => result.getattr(crate::intern!(py, "_loop"))?,
    };
    if !theirs.is(event_loop.as_any()) {
        return other_loop(task, result);
    }
    if !blocking {
        return yielded_without_await(task, result);
    }
    if result.is(task) {
        return misuse(task, format!("Task cannot await on itself: {}", task.repr()?));
    }
    #[cfg(Py_3_14)]
    if let Some(record) = crate::core::futures::record_of(result)? {
        record.add(task.as_any())?;
    }
    result.setattr(crate::intern!(py, "_asyncio_future_blocking"), false)?;
    let wakeup = TaskWakeup::new(py, task.clone().unbind())?;
    let keywords = allocate::dict(py)?;
    keywords.set_item(crate::intern!(py, "context"), task.get().context(py))?;
    result.call_method(crate::intern!(py, "add_done_callback"), (wakeup,), Some(&keywords))?;
    if waits_for(task, result) { cancel_waiter(task, result) } else { Ok(()) }
}

/// Records what the task waits for. Returns whether the task was cancelled meanwhile.
#[inline]
fn waits_for(task: &Bound<'_, Task>, waiter: &Bound<'_, PyAny>) -> bool {
    let py = task.py();
    let state = &task.get().state;
    if let Some(before) = state.waiter.replace(py, Some(waiter.clone().unbind())) {
        before.drop_ref(py);
    }
    state.flags.get(py).must_cancel
}

/// The task was cancelled during its step: cancels what it waits for now.
fn cancel_waiter(task: &Bound<'_, Task>, waiter: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = task.py();
    let message = task.as_super().get().cancel_message(py);
    if crate::core::dispatch::cancel_with_message(waiter, message)? {
        task.get().state.flags.update(py, |flags| flags.must_cancel = false);
    }
    Ok(())
}

fn other_loop(task: &Bound<'_, Task>, future: &Bound<'_, PyAny>) -> PyResult<()> {
    if crate::watchdog::is_started() {
        crate::stdlib::note_other_loop(future);
    }
    misuse(
        task,
        format!("Task {} got Future {} attached to a different loop", task.repr()?, future.repr()?),
    )
}

fn yielded_without_await(task: &Bound<'_, Task>, future: &Bound<'_, PyAny>) -> PyResult<()> {
    misuse(
        task,
        format!(
            "yield was used instead of yield from in task {} with {}",
            task.repr()?,
            future.repr()?
        ),
    )
}

/// The coroutine has yielded something invalid: the next step throws a
/// `RuntimeError` into it.
fn misuse(task: &Bound<'_, Task>, message: String) -> PyResult<()> {
    let py = task.py();
    let error = PyRuntimeError::new_err(message).into_value(py).into_any();
    let event_loop = task.as_super().get().event_loop(py)?;
    schedule(task, &event_loop, Some(error))
}

/// Appends the next step of `task` to the ready queue.
#[inline]
pub fn schedule(
    task: &Bound<'_, Task>,
    event_loop: &BoundLoop<'_>,
    exception: Option<Py<PyAny>>,
) -> PyResult<()> {
    let py = task.py();
    match event_loop {
        BoundLoop::Native(core) if core.get().schedules_natively(py) => {
            core.get().admit(py)?;
            if core.get().debug(py) {
                task.as_super().get().remember_step(py)?;
            }
            let ready = match exception {
                None => super::step_of(task),
                Some(exception) => Ready::throw(task.clone().unbind(), exception),
            };
            core.get().schedule(py, ready);
            Ok(())
        }
        _ => {
            let step = TaskStep::new(py, task.clone().unbind(), exception)?;
            call_soon(event_loop.as_any(), step.as_any(), None, &task.get().context(py))
        }
    }
}
