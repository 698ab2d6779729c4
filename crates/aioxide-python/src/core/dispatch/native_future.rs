//! Recognising a native future: `Future`, `Task`, or the result of `gather()`.

use aioxide_trace::WaitKind;
use pyo3::prelude::*;

use crate::core::futures::Future;
use crate::core::tasks::Task;
use crate::ffi::recursion::Level;
use crate::ffi::{allocate, free_list};
use crate::stdlib;
use crate::sync::waiting::GatheringFuture;

/// The exact native future, task or `gather()` behind `object`, if it is one: subclasses
/// may override anything, so they go through the public protocol.
#[inline]
pub fn as_native<'a, 'py>(object: &'a Bound<'py, PyAny>) -> Option<&'a Bound<'py, Future>> {
    if free_list::is_exactly::<Future>(object)
        || free_list::is_exactly::<Task>(object)
        || free_list::is_exactly::<GatheringFuture>(object)
    {
        // SAFETY: checked above; the others are futures in memory.
        Some(unsafe { object.cast_unchecked::<Future>() })
    } else {
        None
    }
}

/// What the recorder calls a future that a task waits for and that is no task.
pub fn kind_of_future(object: &Bound<'_, PyAny>) -> WaitKind {
    if object.cast::<GatheringFuture>().is_ok() {
        WaitKind::Gather
    } else if object.cast::<Future>().is_ok() || is_standard(object).unwrap_or(false) {
        WaitKind::Future
    } else {
        WaitKind::ForeignFuture
    }
}

/// Whether it is asyncio's own, as libraries make them that name the class.
#[cold]
fn is_standard(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    object.get_type().is_subclass(stdlib::future_type(object.py())?)
}

/// `waiter.cancel(msg=message)`, directly for native futures.
pub fn cancel_with_message(
    waiter: &Bound<'_, PyAny>,
    message: Option<Py<PyAny>>,
) -> PyResult<bool> {
    let py = waiter.py();
    if let Ok(future) = waiter.cast_exact::<Future>() {
        return Future::cancel_with(future, message);
    }
    // It may pass the request on to other futures, in the end perhaps to the first one.
    let _level = Level::enter(py)?;
    if let Ok(task) = waiter.cast_exact::<Task>() {
        return Task::cancel(task, message);
    }
    if let Ok(gathering) = waiter.cast_exact::<GatheringFuture>() {
        return GatheringFuture::cancel(gathering, message);
    }
    let keywords = allocate::dict(py)?;
    keywords.set_item(crate::intern!(py, "msg"), message)?;
    waiter.call_method(crate::intern!(py, "cancel"), (), Some(&keywords))?.is_truthy()
}
