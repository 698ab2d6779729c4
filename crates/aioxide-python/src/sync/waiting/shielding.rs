//! `shield`.

use pyo3::prelude::*;

use super::done_callback::{DoneCallback, Role};
use super::ensuring::ensured;
use super::outcomes::{exception_of, fail, is_cancelled, is_done, result_of};
use crate::core::dispatch::as_native;
use crate::core::event_loop::{LoopCore, Methods};
use crate::core::futures::{Future, edges, loop_of};
use crate::stdlib;

/// A future with the outcome of `arg`, whose cancellation does not cancel `arg`.
///
/// A coroutine becomes a task; the caller should keep a reference to it. A future that is
/// done is returned unchanged. If `arg` itself is cancelled, so is the future.
///
/// https://docs.python.org/3/library/asyncio-task.html#asyncio.shield
#[pyfunction]
#[pyo3(signature = (arg))]
pub fn shield<'py>(arg: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = arg.py();
    let inner = ensured(&arg, None)?;
    if is_done(&inner)? {
        return Ok(inner);
    }
    let event_loop = loop_of(&inner)?;
    let outer = match LoopCore::of(&event_loop) {
        Some(core) if core.get().calls_own(py, Methods::CREATE_FUTURE) => {
            Future::on_loop(py, core)?.into_bound(py).into_any()
        }
        _ => event_loop.call_method0(crate::intern!(py, "create_future"))?,
    };
    #[cfg(Py_3_14)]
    let caller = crate::core::current_task::current_task_of(&event_loop)?;
    #[cfg(not(Py_3_14))]
    let caller: Option<Bound<'py, PyAny>> = None;
    edges::note_edge(&inner, caller.as_ref())?;
    let kept = || caller.as_ref().map(|caller| caller.clone().unbind());
    let pass_on = Role::PassOn { outer: outer.clone().unbind(), caller: kept() };
    let pass_on = DoneCallback::new(py, pass_on)?;
    DoneCallback::listen_to(pass_on.bind(py), &inner)?;
    let unshield = Role::Unshield { inner: inner.unbind(), callback: pass_on, caller: kept() };
    let unshield = DoneCallback::new(py, unshield)?;
    DoneCallback::listen_to(unshield.bind(py), &outer)?;
    Ok(outer)
}

/// `inner` is done.
pub fn pass_on(inner: &Bound<'_, PyAny>, outer: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = inner.py();
    if is_cancelled(outer)? {
        if stdlib::shield_takes_note(py)?.is_truthy()? && !is_cancelled(inner)? {
            exception_of(inner)?;
        }
        return Ok(());
    }
    let native = as_native(outer);
    if is_cancelled(inner)? {
        return match native {
            Some(outer) => Future::cancel_with(outer, None).map(drop),
            None => outer.call_method0(crate::intern!(py, "cancel")).map(drop),
        };
    }
    match (exception_of(inner)?, native) {
        (Some(exception), Some(outer)) => fail(outer, exception),
        (Some(exception), None) => {
            outer.call_method1(crate::intern!(py, "set_exception"), (exception,)).map(drop)
        }
        (None, Some(outer)) => Future::finish(outer, result_of(inner)?.unbind()),
        (None, None) => {
            outer.call_method1(crate::intern!(py, "set_result"), (result_of(inner)?,)).map(drop)
        }
    }
}

/// The outer future is done. If `inner` is not, the outer one was cancelled, and `callback`
/// has no future any more to which it could pass the outcome.
pub fn unshield(
    inner: &Bound<'_, PyAny>,
    callback: &Bound<'_, DoneCallback>,
    caller: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    if is_done(inner)? {
        return Ok(());
    }
    let py = inner.py();
    DoneCallback::leave(callback, inner)?;
    edges::forget_edge(inner, caller)?;
    let report = stdlib::shield_reports(py)?;
    if !report.is_none() {
        // Once, even if there were several shields.
        inner.call_method1(crate::intern!(py, "remove_done_callback"), (report,))?;
        inner.call_method1(crate::intern!(py, "add_done_callback"), (report,))?;
    }
    Ok(())
}
