//! Where tasks, locks and queues were made, and who has a lock, as the recorder has noted it.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use super::locks::{Condition, Event, Lock, Semaphore};
use super::queues::Queue;
use crate::core::futures::Future;
use crate::ffi::allocate::{self, Made};
use crate::recorder;

/// The file, the line and the function in which an object was made. None if nothing was recorded
/// then and no lints looked, or it is no task, future, lock or queue of ours.
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

/// The ids under which the tasks are recorded that have a lock of ours, or a permit of a semaphore
/// of ours: one for each permit, 0 for one that no task has acquired. None unless all are known.
#[pyfunction]
#[pyo3(signature = (object, /))]
pub fn _recorded_holders<'py>(object: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyList>>> {
    let py = object.py();
    let tasks = match (object.cast::<Lock>(), object.cast::<Semaphore>()) {
        (Ok(lock), _) => lock.get().recorded_owner(py).map(|owner| vec![owner]),
        (_, Ok(semaphore)) => semaphore.get().recorded_holders(py),
        _ => None,
    };
    let Some(tasks) = tasks else { return Ok(None) };
    let ids = tasks.into_iter().map(|task| Ok(allocate::int(py, task as i64)?.into_any()));
    allocate::list(py, ids.collect::<PyResult<Vec<_>>>()?).map(Some)
}

/// How a lock or a semaphore of ours has been used while it was recorded: whether a task that had
/// it has released it, and whether somebody else has.
#[pyfunction]
#[pyo3(signature = (object, /))]
pub fn _recorded_releases(object: &Bound<'_, PyAny>) -> (bool, bool) {
    let py = object.py();
    let record = match (object.cast::<Lock>(), object.cast::<Semaphore>()) {
        (Ok(lock), _) => lock.get().record(py),
        (_, Ok(semaphore)) => semaphore.get().record(py),
        _ => None,
    };
    record.map_or((false, false), |it| (it.was_given_back(), it.is_signal()))
}

/// How many permits a semaphore of ours was made with; None if that is not known, or of another
/// object.
#[pyfunction]
#[pyo3(signature = (object, /))]
pub fn _permits(object: &Bound<'_, PyAny>) -> Option<Made<u64>> {
    object.cast::<Semaphore>().ok()?.get().permits(object.py()).map(Made)
}

fn location(object: &Bound<'_, PyAny>) -> u32 {
    let py = object.py();
    if let Ok(future) = object.cast::<Future>() {
        return future.get().state.created_at.get(py);
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
