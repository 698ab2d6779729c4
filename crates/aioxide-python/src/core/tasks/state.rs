//! The state of a task, in addition to that of a future.

use std::collections::VecDeque;

use aioxide_engine::recorder::TaskMark;
use pyo3::PyTraverseError;
#[cfg(Py_3_14)]
use pyo3::ffi;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::name::Name;
use super::registry::Links;
use crate::core::futures::Future;
use crate::ffi::gil_cell::{GilCell, unsafe_cell_methods};

/// The state of one task.
///
/// From 3.14 on, CPython's tools read the coroutine, the name and the links of any
/// task in a process where its own tasks have them (`crate::ffi::debug_offsets`); the order
/// of the first four fields is CPython's.
#[repr(C)]
pub struct TaskState {
    /// The coroutine, if it is one of the interpreter's; else null. CPython's tools assume
    /// that every coroutine is.
    #[cfg(Py_3_14)]
    pub legible: GilCell<*const ffi::PyObject>,
    /// See [`Name`].
    pub name: GilCell<Name>,
    /// The context of every step; None until `__init__` has run.
    pub context: GilCell<Option<Py<PyAny>>>,
    /// Its place in the list of live tasks.
    pub links: GilCell<Links>,
    /// The coroutine; None once an eager task has ended.
    pub coroutine: GilCell<Option<Py<PyAny>>>,
    /// The future whose completion wakes the task. None while a step runs or
    /// is scheduled without one.
    pub waiter: GilCell<Option<Py<PyAny>>>,
    /// Native futures whose wake-ups are in the ready queue although the task does not wait
    /// for them any more: see [`super::step`].
    pub stale_wakeups: GilCell<StaleWakeups>,
    /// See [`Flags`].
    pub flags: GilCell<Flags>,
    /// Its record, if it was recorded: see [`super::recording`].
    pub record: GilCell<TaskMark>,
}

/// Small fields of a task.
#[derive(Clone, Copy, Default)]
pub struct Flags {
    /// Requests by `cancel()` that no `uncancel()` has withdrawn.
    pub cancel_requests: u32,
    /// The next step throws `CancelledError` into the coroutine.
    pub must_cancel: bool,
    /// Whether to report the task when it is dropped before it is done.
    pub log_destroy_pending: bool,
}

impl TaskState {
    /// Before `__init__`.
    pub fn uninitialized() -> Self {
        Self {
            #[cfg(Py_3_14)]
            legible: GilCell::new(std::ptr::null()),
            name: GilCell::new(Name::default()),
            context: GilCell::new(None),
            links: GilCell::new(Links::default()),
            coroutine: GilCell::new(None),
            waiter: GilCell::new(None),
            stale_wakeups: GilCell::new(None),
            flags: GilCell::new(Flags::default()),
            record: GilCell::new(TaskMark::NONE),
        }
    }

    /// Sets the coroutine and returns the previous one.
    #[inline]
    #[must_use = "what was there is dropped here and now: say so with `drop`"]
    pub fn drive(&self, py: Python<'_>, coroutine: Py<PyAny>) -> Option<Py<PyAny>> {
        #[cfg(Py_3_14)]
        {
            // SAFETY: the reference is alive; its type is looked at.
            let legible = unsafe {
                ffi::PyCoro_CheckExact(coroutine.as_ptr()) != 0
                    || ffi::PyGen_CheckExact(coroutine.as_ptr()) != 0
            };
            let legible = if legible { coroutine.as_ptr().cast_const() } else { std::ptr::null() };
            self.legible.set(py, legible);
        }
        self.coroutine.replace(py, Some(coroutine))
    }

    /// Removes and returns the coroutine, which has ended.
    #[inline]
    #[must_use = "what was there is dropped here and now: say so with `drop`"]
    pub fn take_coroutine(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        #[cfg(Py_3_14)]
        self.legible.set(py, std::ptr::null());
        self.coroutine.take(py)
    }

    /// Resets the state to that before `__init__`, except for the place in the list. For
    /// the garbage collector.
    pub fn clear(&self, py: Python<'_>) {
        self.flags.set(py, Flags::default());
        drop(self.take_coroutine(py));
        drop(self.context.take(py));
        drop(self.waiter.take(py));
        drop(self.stale_wakeups.take(py));
        drop(self.name.take(py));
    }

    /// Drops everything, in an object that is not reachable any more.
    #[inline]
    pub fn release(&self, py: Python<'_>) {
        if let Some(coroutine) = self.take_coroutine(py) {
            coroutine.drop_ref(py);
        }
        self.name.take(py).release(py);
        if let Some(context) = self.context.take(py) {
            context.drop_ref(py);
        }
        if let Some(waiter) = self.waiter.take(py) {
            waiter.drop_ref(py);
        }
        if let Some(stale_wakeups) = self.stale_wakeups.take(py) {
            drop(stale_wakeups);
        }
        self.flags.set(py, Flags::default());
        self.record.set(py, TaskMark::NONE);
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.coroutine.traverse(|it| visit.call(it))?;
        self.context.traverse(|it| visit.call(it))?;
        self.waiter.traverse(|it| visit.call(it))?;
        self.name.traverse(|name| name.traverse(visit))?;
        self.stale_wakeups.traverse(|futures| {
            futures.iter().flat_map(|it| it.iter()).try_for_each(|future| visit.call(future))
        })
    }
}

/// The futures behind [`TaskState::stale_wakeups`].
pub trait FutureQueue {
    /// Appends a future.
    fn add(&mut self, future: Py<Future>);
    /// Removes the first future.
    fn take_first(&mut self) -> Option<Py<Future>>;
}

/// One word, because hardly any task has stale wake-ups.
pub type StaleWakeups = Option<Box<VecDeque<Py<Future>>>>;

impl FutureQueue for StaleWakeups {
    fn add(&mut self, future: Py<Future>) {
        self.get_or_insert_default().push_back(future);
    }

    fn take_first(&mut self) -> Option<Py<Future>> {
        let futures = self.as_mut()?;
        let first = futures.pop_front();
        if futures.is_empty() {
            *self = None;
        }
        first
    }
}

// SAFETY (of the methods): references are moved in and out; the box that goes is empty.
unsafe_cell_methods!(StaleWakeups {
    /// See [`FutureQueue::add`].
    fn add(&mut self, future: Py<Future>);
    /// See [`FutureQueue::take_first`].
    fn take_first(&mut self) -> Option<Py<Future>>;
});
