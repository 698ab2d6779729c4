//! Which tasks have a permit of a semaphore, while the program is recorded.

use aioxide_engine::recorder::ObjectRecord;
use pyo3::prelude::*;

use crate::ffi::gil_cell::{GilCell, unsafe_cell_methods};
use crate::recorder;

/// One word, and nothing behind it unless the program was recorded when a permit was acquired.
#[derive(Default)]
pub struct Holders(GilCell<Option<Box<Permits>>>);

#[derive(Default)]
struct Permits {
    /// The recording in which this was noted: what has happened between two is not known.
    recording: u64,
    /// The task of each permit that is given out, in the order in which they were acquired; 0 for
    /// one that was acquired outside of any task.
    tasks: Vec<u64>,
    /// Whether these are all, since the semaphore was made in this recording.
    are_all: bool,
}

impl Permits {
    fn of(recording: u64) -> Self {
        Self { recording, ..Self::default() }
    }

    /// Whether the task had one; None if that is not known.
    fn release(&mut self, task: u64) -> Option<bool> {
        match self.tasks.iter().position(|holder| *holder == task) {
            Some(index) => {
                self.tasks.remove(index);
                (task != 0).then_some(true)
            }
            None => self.are_all.then_some(false),
        }
    }
}

trait PermitList {
    fn begin(&mut self);
    fn change(&mut self, task: u64, acquired: bool, record: &'static ObjectRecord);
    fn known(&mut self) -> Option<Vec<u64>>;
}

impl PermitList for Option<Box<Permits>> {
    fn begin(&mut self) {
        let recording = recorder::number();
        *self = Some(Box::new(Permits { are_all: true, ..Permits::of(recording) }));
    }

    fn change(&mut self, task: u64, acquired: bool, record: &'static ObjectRecord) {
        let permits = self.get_or_insert_default();
        let recording = recorder::number();
        if permits.recording != recording {
            **permits = Permits::of(recording);
        }
        if record.is_signal() {
            return;
        }
        if acquired {
            permits.tasks.push(task);
        } else if let Some(by_holder) = permits.release(task) {
            record.note_release(by_holder);
            if !by_holder {
                permits.tasks = Vec::new();
            }
        }
        let count = u32::try_from(permits.tasks.len()).unwrap_or(u32::MAX);
        record.set_holders(count, permits.tasks.iter().copied());
    }

    fn known(&mut self) -> Option<Vec<u64>> {
        let permits = self.as_ref()?;
        (permits.are_all && permits.recording == recorder::number()).then(|| permits.tasks.clone())
    }
}

// SAFETY (of the methods): numbers only.
unsafe_cell_methods!(Option<Box<Permits>> {
    /// See [`PermitList::begin`].
    fn begin(&mut self);
    /// See [`PermitList::change`].
    fn change(&mut self, task: u64, acquired: bool, record: &'static ObjectRecord);
    /// See [`PermitList::known`].
    fn known(&mut self) -> Option<Vec<u64>>;
});

impl Holders {
    /// The semaphore is made while the program is recorded.
    pub fn begin(&self, py: Python<'_>) {
        self.0.begin(py);
    }

    /// The task with this id (0: none) has acquired or released a permit.
    pub fn change(&self, py: Python<'_>, task: u64, acquired: bool, record: &'static ObjectRecord) {
        self.0.change(py, task, acquired, record);
    }

    /// The ids of the tasks that have permits, one for each permit; None unless all are known.
    pub fn known(&self, py: Python<'_>) -> Option<Vec<u64>> {
        self.0.known(py)
    }
}
