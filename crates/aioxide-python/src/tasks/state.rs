//! What a task remembers beyond what a future does.

use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::registry::Links;

/// A task's name. Most are never read, so the made-up ones stay numbers.
pub enum Name {
    /// `Task-N`.
    Number(u64),
    /// What the caller chose, as a `str`.
    Given(Py<PyAny>),
}

impl Name {
    /// The next made-up name of this process.
    pub fn next() -> Self {
        static COUNTER: AtomicU64 = AtomicU64::new(1);
        Self::Number(COUNTER.fetch_add(1, Ordering::Relaxed))
    }
}

/// The state of one task.
pub struct TaskState {
    /// What is driven; None once an eager task has ended.
    pub coroutine: Option<Py<PyAny>>,
    /// The context every step runs in; None until `__init__` has run.
    pub context: Option<Py<PyAny>>,
    /// The future whose completion wakes the task. None while a step runs or
    /// is scheduled without one.
    pub waiter: Option<Py<PyAny>>,
    /// See [`Name`].
    pub name: Name,
    /// Requests by `cancel()` that no `uncancel()` has taken back.
    pub cancel_requests: i64,
    /// The next step throws `CancelledError` into the coroutine.
    pub must_cancel: bool,
    /// Whether to report the task when it is dropped before it is done.
    pub log_destroy_pending: bool,
    /// Its place in the list of live tasks.
    pub links: Links,
}

impl TaskState {
    /// Before `__init__`.
    pub fn uninitialized() -> Self {
        Self {
            coroutine: None,
            context: None,
            waiter: None,
            name: Name::Number(0),
            cancel_requests: 0,
            must_cancel: false,
            log_destroy_pending: false,
            links: Links::default(),
        }
    }

    /// Lets go of everything.
    #[inline]
    pub fn release(self, py: Python<'_>) {
        if let Some(coroutine) = self.coroutine {
            coroutine.drop_ref(py);
        }
        if let Some(context) = self.context {
            context.drop_ref(py);
        }
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.coroutine)?;
        visit.call(&self.context)?;
        visit.call(&self.waiter)?;
        if let Name::Given(name) = &self.name {
            visit.call(name)?;
        }
        Ok(())
    }
}
