//! Requests to cancel, of tasks of any kind.

use pyo3::prelude::*;

use super::Task;
use crate::ffi::free_list;

/// `task.cancel()`.
pub fn cancel(task: &Bound<'_, PyAny>) -> PyResult<()> {
    match as_native(task) {
        Some(task) => Task::cancel(task, None).map(drop),
        None => task.call_method0(crate::intern!(task.py(), "cancel")).map(drop),
    }
}

/// `task.cancelling()`.
#[inline]
pub fn cancelling(task: &Bound<'_, PyAny>) -> PyResult<i64> {
    match as_native(task) {
        Some(native) => Ok(native.get().cancelling(task.py()).0),
        None => task.call_method0(crate::intern!(task.py(), "cancelling"))?.extract(),
    }
}

/// `task.uncancel()`.
pub fn uncancel(task: &Bound<'_, PyAny>) -> PyResult<i64> {
    match as_native(task) {
        Some(native) => Ok(native.get().uncancel(task.py()).0),
        None => task.call_method0(crate::intern!(task.py(), "uncancel"))?.extract(),
    }
}

/// The task, if it is one of ours: a subclass may override any method.
#[inline]
fn as_native<'a, 'py>(task: &'a Bound<'py, PyAny>) -> Option<&'a Bound<'py, Task>> {
    // SAFETY: the type is compared first.
    free_list::is_exactly::<Task>(task).then(|| unsafe { task.cast_unchecked::<Task>() })
}
