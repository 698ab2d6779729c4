//! Entries of the tables of tasks and objects, made and ended under the GIL.

use aioxide_engine::recorder::{
    Allotment, LoopRecord, ObjectRecord, TaskName, TaskRecord, next_id, objects,
};
use aioxide_trace::ObjectKind;
use pyo3::prelude::*;

use crate::ffi::gil_cell::{GilCell, unsafe_cell_methods};

static ALLOTMENT: GilCell<Allotment> = GilCell::new(Allotment::new());

// SAFETY (of the methods): records are no Python objects.
unsafe_cell_methods!(Allotment {
    /// See [`Allotment::open`].
    fn open(&mut self, record: &'static LoopRecord);
    /// See [`Allotment::task`].
    fn task(&mut self, place: usize) -> Option<&'static TaskRecord>;
    /// See [`Allotment::retire_task`].
    fn retire_task(&mut self, record: &'static TaskRecord);
    /// See [`Allotment::object`].
    fn object(&mut self) -> Option<&'static ObjectRecord>;
    /// See [`Allotment::retire_object`].
    fn retire_object(&mut self, record: &'static ObjectRecord);
    /// See [`Allotment::forget_gone`].
    fn forget_gone(&mut self);
});

/// The record of a loop is used: what its ring named is free.
pub(super) fn open_home(py: Python<'_>, home: &'static LoopRecord) {
    ALLOTMENT.open(py, home);
}

/// A recording begins: objects that are gone are no part of it, and others may have changed hands
/// since the last one.
pub(super) fn begin_session(py: Python<'_>) {
    ALLOTMENT.forget_gone(py);
    objects().for_each(|record| record.set_holders(0, []));
}

/// The record of a task that was created, or that is met for the first time (`created` is 0).
/// None if there is no memory for it.
#[inline]
pub fn begin_task(
    py: Python<'_>,
    home: &'static LoopRecord,
    parent: u64,
    (created, now): (u64, u64),
    (coroutine, created_at): (u32, u32),
    name: &TaskName<'_>,
) -> Option<&'static TaskRecord> {
    let record = ALLOTMENT.task(py, home.place())?;
    let place = (home.id(), home.place());
    record.fill(next_id(), parent, created, coroutine, created_at, place, name);
    if created == 0 {
        record.set_state(now, 0);
    }
    Some(record)
}

/// The task has ended, or is gone.
#[inline]
pub fn end_task(py: Python<'_>, record: &'static TaskRecord) {
    ALLOTMENT.retire_task(py, record);
}

/// The task has another name.
pub fn rename_task(record: &'static TaskRecord, name: &TaskName<'_>) {
    record.rename(name);
}

/// The record of an object of this kind, seen at `location`. None if there is no memory for it.
pub fn begin_object(
    py: Python<'_>,
    kind: ObjectKind,
    location: u32,
) -> Option<&'static ObjectRecord> {
    let record = ALLOTMENT.object(py)?;
    record.fill(next_id(), kind as u8, location);
    Some(record)
}

/// The object is gone.
pub fn end_object(py: Python<'_>, record: &'static ObjectRecord) {
    ALLOTMENT.retire_object(py, record);
}
