//! Fields that few futures have.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use crate::ffi::gil_cell::unsafe_cell_methods;

/// A field that few futures have.
#[derive(Clone, Copy)]
pub enum Rare {
    /// The traceback that the exception had when it was set.
    ExceptionTraceback,
    /// The message of `cancel(msg)`.
    CancelMessage,
    /// Where the future was made (debug mode).
    SourceTraceback,
    /// Where the next step of the task was scheduled (debug mode).
    StepTraceback,
}

/// These fields, allocated on first use.
#[derive(Default)]
pub struct RareFields(pub(super) Option<Box<[Option<Py<PyAny>>; 4]>>);

impl RareFields {
    /// One of them.
    pub fn field(&self, field: Rare) -> Option<&Py<PyAny>> {
        self.0.as_ref()?[field as usize].as_ref()
    }

    /// Sets a field and returns the old value.
    pub fn put(&mut self, field: Rare, value: Option<Py<PyAny>>) -> Option<Py<PyAny>> {
        if value.is_none() && self.0.is_none() {
            return None;
        }
        let place = &mut self.0.get_or_insert_default()[field as usize];
        std::mem::replace(place, value)
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.0.iter().flat_map(|fields| fields.iter()).try_for_each(|field| visit.call(field))
    }
}

// SAFETY (of the method): values are moved in and out.
unsafe_cell_methods!(RareFields {
    /// See [`RareFields::put`].
    fn put(&mut self, field: Rare, value: Option<Py<PyAny>>) -> Option<Py<PyAny>>;
});
