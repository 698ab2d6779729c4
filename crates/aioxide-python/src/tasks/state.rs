//! What a task remembers beyond what a future does.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::name::Name;
use super::registry::Links;

/// The state of one task.
///
/// From 3.14 on, CPython's tools read the coroutine, the name and the links of any
/// task in a process where its own tasks have them (`crate::interpreter`); the order
/// of the first four fields is CPython's.
#[repr(C)]
pub struct TaskState {
    /// What is driven; None once an eager task has ended.
    pub coroutine: Option<Py<PyAny>>,
    /// See [`Name`].
    pub name: Name,
    /// The context every step runs in; None until `__init__` has run.
    pub context: Option<Py<PyAny>>,
    /// Its place in the list of live tasks.
    pub links: Links,
    /// The future whose completion wakes the task. None while a step runs or
    /// is scheduled without one.
    pub waiter: Option<Py<PyAny>>,
    /// Requests by `cancel()` that no `uncancel()` has taken back.
    pub cancel_requests: i64,
    /// The next step throws `CancelledError` into the coroutine.
    pub must_cancel: bool,
    /// Whether to report the task when it is dropped before it is done.
    pub log_destroy_pending: bool,
}

impl TaskState {
    /// Before `__init__`.
    pub fn uninitialized() -> Self {
        Self {
            coroutine: None,
            name: Name::default(),
            context: None,
            links: Links::default(),
            waiter: None,
            cancel_requests: 0,
            must_cancel: false,
            log_destroy_pending: false,
        }
    }

    /// Lets go of everything.
    #[inline]
    pub fn release(self, py: Python<'_>) {
        if let Some(coroutine) = self.coroutine {
            coroutine.drop_ref(py);
        }
        self.name.release(py);
        if let Some(context) = self.context {
            context.drop_ref(py);
        }
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.coroutine)?;
        visit.call(&self.context)?;
        visit.call(&self.waiter)?;
        self.name.traverse(visit)
    }
}
