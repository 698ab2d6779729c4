//! What a task remembers beyond what a future does.

use pyo3::PyTraverseError;
#[cfg(Py_3_14)]
use pyo3::ffi;
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
    /// The coroutine, unless it is one that only Python code understands: CPython's
    /// tools take every coroutine for the interpreter's own. Null without one.
    #[cfg(Py_3_14)]
    pub legible: *const ffi::PyObject,
    /// See [`Name`].
    pub name: Name,
    /// The context every step runs in; None until `__init__` has run.
    pub context: Option<Py<PyAny>>,
    /// Its place in the list of live tasks.
    pub links: Links,
    /// What is driven; None once an eager task has ended.
    pub coroutine: Option<Py<PyAny>>,
    /// The future whose completion wakes the task. None while a step runs or
    /// is scheduled without one.
    pub waiter: Option<Py<PyAny>>,
    /// Requests by `cancel()` that no `uncancel()` has taken back.
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
            legible: std::ptr::null(),
            name: Name::default(),
            context: None,
            links: Links::default(),
            coroutine: None,
            waiter: None,
            cancel_requests: 0,
            must_cancel: false,
            log_destroy_pending: false,
        }
    }

    /// Takes the coroutine to drive.
    #[inline]
    pub fn drive(&mut self, coroutine: Py<PyAny>) {
        #[cfg(Py_3_14)]
        {
            // SAFETY: the reference is alive; its type is looked at.
            let legible = unsafe {
                ffi::PyCoro_CheckExact(coroutine.as_ptr()) != 0
                    || ffi::PyGen_CheckExact(coroutine.as_ptr()) != 0
            };
            self.legible = if legible { coroutine.as_ptr() } else { std::ptr::null() };
        }
        self.coroutine = Some(coroutine);
    }

    /// Hands out the coroutine, which has ended.
    #[inline]
    pub fn take_coroutine(&mut self) -> Option<Py<PyAny>> {
        #[cfg(Py_3_14)]
        {
            self.legible = std::ptr::null();
        }
        self.coroutine.take()
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
