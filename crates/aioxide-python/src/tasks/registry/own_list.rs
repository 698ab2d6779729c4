//! Our own list of live tasks, up to 3.13.

use std::ptr::NonNull;

use pyo3::Borrowed;
use pyo3::ffi;
use pyo3::prelude::*;

use crate::tasks::Task;
use crate::with_cell::WithCell;

type Address = Option<NonNull<ffi::PyObject>>;

/// A task's neighbours in the list. One without neighbours is alone in it or is not in
/// it: see [`is_linked`].
#[derive(Default)]
pub struct Links {
    previous: Address,
    next: Address,
}

static NEWEST: WithCell<Address> = WithCell::new(None);

/// Adds `task`. Does nothing if it is there already.
#[inline]
pub fn link(task: &Bound<'_, Task>) -> PyResult<()> {
    let py = task.py();
    let address = NonNull::new(task.as_ptr());
    let next = NEWEST.with(py, |newest| *newest);
    if is_linked(py, task.get(), next) {
        return Ok(());
    }
    task.get().state.with(py, |state| state.links = Links { previous: None, next });
    if let Some(next) = next {
        at(py, next).state.with(py, |state| state.links.previous = address);
    }
    NEWEST.with(py, |newest| *newest = address);
    Ok(())
}

/// Takes `task` out. Does nothing if it is not there.
pub fn unlink(py: Python<'_>, task: &Task) {
    if !is_linked(py, task, NEWEST.with(py, |newest| *newest)) {
        return;
    }
    let links = task.state.with(py, |state| std::mem::take(&mut state.links));
    match links.previous {
        Some(previous) => at(py, previous).state.with(py, |state| state.links.next = links.next),
        None => NEWEST.with(py, |newest| *newest = links.next),
    }
    if let Some(next) = links.next {
        at(py, next).state.with(py, |state| state.links.previous = links.previous);
    }
}

/// Whether `task` is in the list, whose newest task is `newest`: every other one has one
/// before it.
#[inline]
fn is_linked(py: Python<'_>, task: &Task, newest: Address) -> bool {
    task.state.with(py, |state| state.links.previous.is_some())
        || newest.is_some_and(|newest| std::ptr::eq(at(py, newest), task))
}

/// All tasks that are not done, newest first.
pub fn live_tasks(py: Python<'_>) -> Vec<Py<Task>> {
    let mut tasks = Vec::new();
    let mut cursor = NEWEST.with(py, |newest| *newest);
    while let Some(address) = cursor {
        // SAFETY: see `at`; the count goes up, so the task stays alive.
        let task =
            unsafe { Bound::from_borrowed_ptr(py, address.as_ptr()).cast_into_unchecked::<Task>() };
        cursor = task.get().state.with(py, |state| state.links.next);
        tasks.push(task.unbind());
    }
    tasks
}

/// The task at an address taken from the list.
#[inline]
fn at(py: Python<'_>, address: NonNull<ffi::PyObject>) -> &Task {
    // SAFETY: a task unlinks itself before its memory goes, and the list is
    // touched under the GIL only, so every address in it is a live task. The
    // caller uses the reference for one access, during which nothing runs.
    unsafe {
        let task: Borrowed<'_, '_, Task> =
            Borrowed::from_ptr(py, address.as_ptr()).cast_unchecked::<Task>();
        &*std::ptr::from_ref(task.get())
    }
}
