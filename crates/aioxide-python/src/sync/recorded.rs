//! Where tasks, locks and queues were made, and who has a lock, as the recorder has noted it.

use pyo3::prelude::*;
use pyo3::types::PyString;

use super::locks::{Condition, Event, Lock, Semaphore};
use super::queues::Queue;
use crate::core::tasks::Task;
use crate::ffi::allocate::{self, Made};
use crate::recorder;

/// The file, the line and the function in which an object was made. None if nothing was recorded
/// then, or it is no task, lock or queue of ours.
#[pyfunction]
#[pyo3(signature = (object, /))]
#[expect(clippy::type_complexity, reason = "a tuple for Python")]
pub fn _created_at<'py>(
    object: &Bound<'py, PyAny>,
) -> PyResult<Option<(Bound<'py, PyString>, u32, Bound<'py, PyString>)>> {
    let py = object.py();
    let Some((file, line, function)) = recorder::described(location(object)) else {
        return Ok(None);
    };
    Ok(Some((allocate::string(py, &file)?, line, allocate::string(py, &function)?)))
}

/// The recorded id of the task that has acquired a lock. None if that is not known, or it is no
/// lock of ours.
#[pyfunction]
#[pyo3(signature = (lock, /))]
pub fn _owner_of(lock: &Bound<'_, PyAny>) -> Option<Made<u64>> {
    let lock = lock.cast::<Lock>().ok()?;
    Some(lock.get().recorded_owner(lock.py())).filter(|owner| *owner != 0).map(Made)
}

fn location(object: &Bound<'_, PyAny>) -> u32 {
    let py = object.py();
    if let Ok(task) = object.cast::<Task>() {
        return task.get().record(py).map_or(0, |record| record.created_at());
    }
    if let Ok(queue) = object.cast::<Queue>() {
        return queue.get().recorded_location(py);
    }
    if let Ok(lock) = object.cast::<Lock>() {
        return lock.get().recorded_location(py);
    }
    if let Ok(semaphore) = object.cast::<Semaphore>() {
        return semaphore.get().recorded_location(py);
    }
    if let Ok(event) = object.cast::<Event>() {
        return event.get().recorded_location(py);
    }
    object.cast::<Condition>().map_or(0, |condition| condition.get().recorded_location(py))
}
