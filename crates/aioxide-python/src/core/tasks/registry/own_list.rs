//! Our own list of live tasks, up to 3.13.

use std::ptr::NonNull;

use pyo3::Borrowed;
use pyo3::ffi;
use pyo3::prelude::*;

use crate::core::tasks::Task;
use crate::ffi::gil_cell::GilCell;

type Address = Option<NonNull<ffi::PyObject>>;

/// A task's neighbours in the list. One without neighbours is alone in it or is not in
/// it: see [`is_linked`].
#[derive(Clone, Copy, Default)]
pub struct Links {
    previous: Address,
    next: Address,
}

static NEWEST: GilCell<Address> = GilCell::new(None);

/// Adds `task`. Does nothing if it is there already.
#[inline]
pub fn link(task: &Bound<'_, Task>) -> PyResult<()> {
    let py = task.py();
    let address = NonNull::new(task.as_ptr());
    let next = NEWEST.get(py);
    if is_linked(py, task.get(), next) {
        return Ok(());
    }
    task.get().state.links.set(py, Links { previous: None, next });
    if let Some(next) = next {
        at(py, next).state.links.update(py, |links| links.previous = address);
    }
    NEWEST.set(py, address);
    Ok(())
}

/// Takes `task` out. Does nothing if it is not there.
pub fn unlink(py: Python<'_>, task: &Task) {
    if !is_linked(py, task, NEWEST.get(py)) {
        return;
    }
    let links = task.state.links.take(py);
    match links.previous {
        Some(previous) => at(py, previous).state.links.update(py, |it| it.next = links.next),
        None => NEWEST.set(py, links.next),
    }
    if let Some(next) = links.next {
        at(py, next).state.links.update(py, |it| it.previous = links.previous);
    }
}

/// Whether `task` is in the list, whose newest task is `newest`: every other one has one
/// before it.
#[inline]
fn is_linked(py: Python<'_>, task: &Task, newest: Address) -> bool {
    task.state.links.get(py).previous.is_some()
        || newest.is_some_and(|newest| std::ptr::eq(at(py, newest), task))
}

/// All tasks that are not done, newest first.
///
/// A task whose last reference is gone stays in the list until its memory is freed, and
/// its fields are dropped before that. Such a task must not be resurrected.
pub fn live_tasks(py: Python<'_>) -> Vec<Py<Task>> {
    let mut tasks = Vec::new();
    let mut cursor = NEWEST.get(py);
    while let Some(address) = cursor {
        cursor = at(py, address).state.links.get(py).next;
        // SAFETY: see `at`; if the count goes up, the task stays alive.
        unsafe {
            if ffi::Py_REFCNT(address.as_ptr()) > 0 {
                let task = Bound::from_borrowed_ptr(py, address.as_ptr());
                tasks.push(task.cast_into_unchecked::<Task>().unbind());
            }
        }
    }
    tasks
}

/// The task at an address taken from the list.
#[inline]
fn at(py: Python<'_>, address: NonNull<ffi::PyObject>) -> &Task {
    // SAFETY: a task unlinks itself before its memory is freed, and the list is
    // used only with the GIL held, so every address in it is a live task. The
    // caller uses the reference for one access, during which no other code runs.
    unsafe {
        let task: Borrowed<'_, '_, Task> =
            Borrowed::from_ptr(py, address.as_ptr()).cast_unchecked::<Task>();
        &*std::ptr::from_ref(task.get())
    }
}
