//! The record of an object, in the object.

use aioxide_engine::recorder::ObjectRecord;
use aioxide_trace::ObjectKind;
use pyo3::prelude::*;

use super::entries;
use crate::ffi::gil_cell::GilCell;

/// The record of the object that has this field, made when it is first needed and retired with
/// the object.
#[derive(Default)]
pub struct ObjectMark(GilCell<Option<&'static ObjectRecord>>);

impl ObjectMark {
    /// The record, if there is one.
    #[inline(always)]
    pub fn get(&self, py: Python<'_>) -> Option<&'static ObjectRecord> {
        self.0.get(py)
    }

    /// The record, and whether it was made now. None if there is no memory for it.
    pub fn get_or_begin(
        &self,
        py: Python<'_>,
        kind: ObjectKind,
        location: impl FnOnce() -> u32,
    ) -> Option<(&'static ObjectRecord, bool)> {
        if let Some(record) = self.0.get(py) {
            return Some((record, false));
        }
        let location = location();
        let record = entries::begin_object(py, kind, location)?;
        self.0.set(py, Some(record));
        Some((record, true))
    }
}

impl Drop for ObjectMark {
    fn drop(&mut self) {
        // SAFETY: an object is deallocated with the GIL held.
        let py = unsafe { Python::assume_attached() };
        if let Some(record) = self.0.get(py) {
            entries::end_object(py, record);
        }
    }
}
