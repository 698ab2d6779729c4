//! One step of a task: resume the coroutine, and act on its outcome.

use pyo3::exceptions::{PyKeyboardInterrupt, PyRuntimeError, PyStopIteration, PySystemExit};
use pyo3::ffi;
use pyo3::prelude::*;

use super::waiting::wait_for;
use super::{Task, registry};
use crate::core::coroutines::{Coroutine, Flow};
use crate::core::dispatch::{Waiter, as_native};
use crate::core::event_loop::LoopCore;
use crate::core::futures::{Callback, Future, invalid_state};
use crate::ffi::errors::Settled;
use crate::ffi::{context, free_list};
use crate::{stdlib, watchdog};

/// The outcome of resuming a coroutine.
enum Resumed<'py> {
    Yielded(Bound<'py, PyAny>),
    Returned(Py<PyAny>),
    Raised(PyErr),
}

/// Runs a scheduled step of a task on its own loop.
#[inline(always)]
pub fn run_step(core: &Bound<'_, LoopCore>, task: &Bound<'_, Task>) -> PyResult<()> {
    run(core, task, None, Cause::Other)
}

/// Runs a scheduled step that throws `exception` into the coroutine.
pub fn run_throw(
    core: &Bound<'_, LoopCore>,
    task: &Bound<'_, Task>,
    exception: Py<PyAny>,
) -> PyResult<()> {
    let exception = exception.into_bound(core.py());
    run(core, task, Some(exception), Cause::Other)
}

/// Runs the step of a task whose awaited native future is done.
///
/// The wake-up does not name the future. It is the one that the task waits for, unless
/// something else has stepped the task meanwhile (a foreign future that calls its callback
/// twice). Then the future was recorded ([`keep_stale_wakeup`]): as in asyncio, it steps the
/// task although the task does not wait for it any more.
#[inline(always)]
pub fn run_wake(core: &Bound<'_, LoopCore>, task: &Bound<'_, Task>) -> PyResult<()> {
    let py = core.py();
    let state = &task.get().state;
    if state.stale_wakeups.is_some(py) {
        return run_stale_wakeup(core, task);
    }
    let waiter = state.waiter.clone_ref(py).map(|waiter| waiter.into_bound(py));
    let exception = match waiter.as_ref().and_then(as_native) {
        None => None,
        Some(future) => woken_by(task, future)?,
    };
    // The future is dropped before the step, not after it.
    drop(waiter);
    run(core, task, exception, Cause::Waiter)
}

/// The same for a future that the task does not wait for any more.
#[cold]
fn run_stale_wakeup(core: &Bound<'_, LoopCore>, task: &Bound<'_, Task>) -> PyResult<()> {
    let py = core.py();
    let exception = match task.get().state.stale_wakeups.take_first(py) {
        None => None,
        Some(future) => woken_by(task, future.bind(py))?,
    };
    run(core, task, exception, Cause::Other)
}

/// The exception of `future`, which is done, for the task that has waited for it.
#[inline]
fn woken_by<'py>(
    task: &Bound<'py, Task>,
    future: &Bound<'py, Future>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = task.py();
    #[cfg(Py_3_14)]
    future.get().awaited_by.discard(task.as_any())?;
    if future.get().has_result(py) {
        return Ok(None);
    }
    failure(py, future)
}

/// The task stops waiting for `waiter`, which will still wake it up.
#[cold]
pub fn keep_stale_wakeup(task: &Bound<'_, Task>, waiter: Py<PyAny>) -> PyResult<()> {
    let py = task.py();
    let waiter = waiter.into_bound(py);
    let Some(future) = as_native(&waiter) else {
        return Ok(()); // A foreign future passes itself to the callback.
    };
    if future.get().is_done(py) {
        if future.get().is_on_native_loop(py) {
            task.get().state.stale_wakeups.add(py, future.clone().unbind());
        }
        return Ok(());
    }
    let (function, context) = Waiter::task(task).into_python(py)?;
    let callback = Callback::python(function, context);
    drop(future.get().state.outcome.replace_waiter(py, task.as_any(), callback));
    Ok(())
}

/// What has caused a step.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The future that the task waits for.
    Waiter,
    /// Anything else.
    Other,
}

#[inline(always)]
fn run(
    core: &Bound<'_, LoopCore>,
    task: &Bound<'_, Task>,
    exception: Option<Bound<'_, PyAny>>,
    cause: Cause,
) -> PyResult<()> {
    let py = core.py();
    let current = core.get().current_task();
    let event_loop = core.as_any().as_unbound();
    current.step_begins(py, event_loop, task.as_any())?;
    let context = task.get().context(py);
    let result = context::run_in(&context, || advance(task, exception, cause));
    current.step_ended(py, event_loop);
    result
}

/// The exception of a done future without a result, for the coroutine that awaits it.
fn failure<'py>(
    py: Python<'py>,
    future: &Bound<'py, Future>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    if future.get().is_cancelled(py) {
        return future.get().make_cancelled_error(py).map(|error| Some(error.into_bound(py)));
    }
    match future.get().take_result(py).settled(py) {
        Ok(_) => Ok(None),
        Err(error) => Ok(Some(error.into_value(py).into_bound(py).into_any())),
    }
}

/// Resumes the coroutine, with `exception` if there is one, and acts on the outcome.
/// The caller has entered the task's context and made the task the current one.
///
/// # Errors
///
/// Exceptions that end the loop (`KeyboardInterrupt`, `SystemExit`), and
/// `InvalidStateError` for a step of a task that is done.
pub fn advance(
    task: &Bound<'_, Task>,
    exception: Option<Bound<'_, PyAny>>,
    cause: Cause,
) -> PyResult<()> {
    let py = task.py();
    let future = task.as_super();
    if future.get().is_done(py) {
        let exception = exception.unwrap_or_else(|| py.None().into_bound(py));
        let (task, exception) = (task.repr()?, exception.repr()?);
        let step = if cfg!(Py_3_14) { "__step()" } else { "_step()" };
        return Err(invalid_state(py, &format!("{step}: already done: {task} {exception}")));
    }
    let state = &task.get().state;
    let must_cancel = state.flags.update(py, |flags| std::mem::take(&mut flags.must_cancel));
    let exception = if must_cancel {
        match exception {
            Some(exception) if exception.is_instance(stdlib::cancelled_error(py)?)? => {
                Some(exception)
            }
            _ => Some(future.get().make_cancelled_error(py)?.into_bound(py)),
        }
    } else {
        exception
    };
    if let Some(waiter) = state.waiter.take(py) {
        match cause {
            Cause::Waiter => waiter.drop_ref(py),
            Cause::Other => keep_stale_wakeup(task, waiter)?,
        }
    }
    let Some(coroutine) = state.coroutine.clone_ref(py).map(|it| it.into_bound(py)) else {
        return Err(PyRuntimeError::new_err(crate::name!("uninitialized Task object")));
    };
    match resume(&coroutine, exception) {
        Resumed::Yielded(result) => wait_for(task, result),
        Resumed::Returned(value) => {
            registry::unlink(py, task.get());
            finish(task, value)
        }
        Resumed::Raised(error) => {
            registry::unlink(py, task.get());
            fail(task, error)
        }
    }
}

#[inline]
fn resume<'py>(
    coroutine: &Bound<'py, PyAny>,
    exception: Option<Bound<'py, PyAny>>,
) -> Resumed<'py> {
    let py = coroutine.py();
    match exception {
        Some(exception) if free_list::is_exactly::<Coroutine>(coroutine) => {
            // SAFETY: checked above.
            let coroutine = unsafe { coroutine.cast_unchecked::<Coroutine>() };
            match coroutine.get().throw_in(exception) {
                Ok(Flow::Yielded(result)) => Resumed::Yielded(result),
                Ok(Flow::Returned(value)) => Resumed::Returned(value.unbind()),
                Err(error) => Resumed::Raised(error),
            }
        }
        None => {
            let mut result = std::ptr::null_mut();
            // SAFETY: the thread is attached, the references are alive, and
            // `result` receives a new reference unless an error is reported.
            unsafe {
                match ffi::PyIter_Send(coroutine.as_ptr(), ffi::Py_None(), &mut result) {
                    ffi::PySendResult::PYGEN_NEXT => {
                        Resumed::Yielded(Bound::from_owned_ptr(py, result))
                    }
                    ffi::PySendResult::PYGEN_RETURN => {
                        Resumed::Returned(Bound::from_owned_ptr(py, result).unbind())
                    }
                    ffi::PySendResult::PYGEN_ERROR => {
                        Resumed::Raised(crate::ffi::errors::fetched(py))
                    }
                }
            }
        }
        Some(exception) => {
            match coroutine.call_method1(crate::intern!(py, "throw"), (exception,)) {
                Ok(result) => Resumed::Yielded(result),
                Err(error) if error.is_instance_of::<PyStopIteration>(py) => {
                    match error.value(py).getattr(crate::intern!(py, "value")) {
                        Ok(value) => Resumed::Returned(value.unbind()),
                        Err(error) => Resumed::Raised(error),
                    }
                }
                Err(error) => Resumed::Raised(error),
            }
        }
    }
}

/// The coroutine has returned.
#[inline]
fn finish(task: &Bound<'_, Task>, value: Py<PyAny>) -> PyResult<()> {
    let py = task.py();
    let cancelled_at_the_end =
        task.get().state.flags.update(py, |flags| std::mem::take(&mut flags.must_cancel));
    if cancelled_at_the_end {
        let message = task.as_super().get().cancel_message(py);
        Future::cancel_with(task.as_super(), message)?;
        return Ok(());
    }
    Future::finish(task.as_super(), value)
}

/// The coroutine has raised.
fn fail(task: &Bound<'_, Task>, error: PyErr) -> PyResult<()> {
    let py = task.py();
    let future = task.as_super();
    let value = error.into_value(py).into_bound(py).into_any();
    if value.is_instance(stdlib::cancelled_error(py)?)? {
        return Future::cancel_by(future, None, Some(value.unbind())).map(drop);
    }
    let ends_the_loop =
        value.is_instance_of::<PyKeyboardInterrupt>() || value.is_instance_of::<PySystemExit>();
    Future::fail(future, value.clone())?;
    watchdog::note_failure(task)?;
    if ends_the_loop { Err(PyErr::from_value(value)) } else { Ok(()) }
}
