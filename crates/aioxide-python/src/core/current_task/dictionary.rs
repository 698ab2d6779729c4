//! The running task as an entry of asyncio's dictionary, up to 3.13.
//!
//! Writing it costs a dictionary update per task step. Resetting it would cost a second
//! one, although the next step nearly always follows at once. So the loop leaves a stale
//! entry ([`CurrentTask::step_ended`]) and corrects it ([`CurrentTask::flush`]) only before
//! other code than a task step runs: the entry is then None, which means "no task". It is
//! removed ([`CurrentTask::remove_entry`]) only before a callback that may be a step of a
//! stdlib task, which requires that there is no entry; inserting and removing a key each
//! time would be slower.

use pyo3::ffi;
use pyo3::prelude::*;

use super::other_task_runs;
use crate::ffi::gil_cell::GilCell;

/// The loop's entry in asyncio's table of running tasks.
pub struct CurrentTask {
    entry: GilCell<Entry>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Entry {
    /// There is no entry of ours in the table.
    Absent,
    /// A native task is running.
    Running,
    /// The last task is not running any more, but its entry is still there.
    Stale,
    /// The entry is None.
    NoTask,
}

impl CurrentTask {
    /// For a loop on which no task has run.
    pub fn new() -> Self {
        Self { entry: GilCell::new(Entry::Absent) }
    }

    /// A native task begins a step on `event_loop`. `RuntimeError` if another task is
    /// running there.
    #[inline]
    pub fn step_begins(
        &self,
        py: Python<'_>,
        event_loop: &Py<PyAny>,
        task: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let entry = self.entry.replace(py, Entry::Running);
        let begun = if matches!(entry, Entry::Stale | Entry::NoTask) {
            table::set(py, event_loop, task.as_ptr())
        } else {
            // There is no entry of ours, or this is a step inside a step: the entry in
            // the table is right.
            enter_table(py, event_loop, task)
        };
        if begun.is_err() {
            self.entry.set(py, entry);
        }
        begun
    }

    /// The step has ended. The entry stays until the next step overwrites it or
    /// [`CurrentTask::flush`] corrects it.
    #[inline]
    pub fn step_ended(&self, py: Python<'_>, _event_loop: &Py<PyAny>) {
        self.entry.set(py, Entry::Stale);
    }

    /// Corrects a stale entry; called before other code may read it.
    #[inline]
    pub fn flush(&self, py: Python<'_>, event_loop: &Py<PyAny>) -> PyResult<()> {
        if self.entry.get(py) != Entry::Stale {
            return Ok(());
        }
        self.entry.set(py, Entry::NoTask);
        // SAFETY: None is immortal, or at least outlives this call.
        let settled = table::set(py, event_loop, unsafe { ffi::Py_None() });
        if settled.is_err() {
            self.entry.set(py, Entry::Stale);
        }
        settled
    }

    /// Removes an entry, unless a native task is running.
    pub fn remove_entry(&self, py: Python<'_>, event_loop: &Py<PyAny>) -> PyResult<()> {
        let entry = self.entry.get(py);
        if !matches!(entry, Entry::Stale | Entry::NoTask) {
            return Ok(());
        }
        self.entry.set(py, Entry::Absent);
        table::remove(py, event_loop)
    }
}

/// Enters the task, unless another one is there.
fn enter_table(py: Python<'_>, event_loop: &Py<PyAny>, task: &Bound<'_, PyAny>) -> PyResult<()> {
    match table::get(py, event_loop)?.filter(|other| !other.is_none()) {
        Some(other) => Err(other_task_runs(task, &other)?),
        None => table::set(py, event_loop, task.as_ptr()),
    }
}

/// The task that runs on `event_loop`.
#[inline]
pub fn current_task_of<'py>(event_loop: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let task = table::get(event_loop.py(), event_loop.as_unbound())?;
    Ok(task.filter(|task| !task.is_none()))
}

/// Runs `body` with `task` as the current one and restores the previous one, for an eager
/// task, which starts inside another task or a callback.
pub fn swapped<R>(
    py: Python<'_>,
    event_loop: &Py<PyAny>,
    task: &Bound<'_, PyAny>,
    body: impl FnOnce() -> PyResult<R>,
) -> PyResult<R> {
    let before = table::get(py, event_loop)?;
    table::set(py, event_loop, task.as_ptr())?;
    let result = body();
    match before {
        Some(before) => table::set(py, event_loop, before.as_ptr())?,
        None => table::remove(py, event_loop)?,
    }
    result
}

/// For a native task on a foreign loop: asyncio's rules.
pub fn entered<R>(
    py: Python<'_>,
    event_loop: &Py<PyAny>,
    task: &Bound<'_, PyAny>,
    body: impl FnOnce() -> PyResult<R>,
) -> PyResult<R> {
    if let Some(other) = table::get(py, event_loop)? {
        return Err(other_task_runs(task, &other)?);
    }
    table::set(py, event_loop, task.as_ptr())?;
    let result = body();
    table::remove(py, event_loop)?;
    result
}

/// asyncio's table, a dictionary from loop to task.
mod table {
    use super::*;
    use pyo3::sync::PyOnceLock;
    use pyo3::types::PyDict;

    fn tasks(py: Python<'_>) -> PyResult<&Bound<'_, PyDict>> {
        static CELL: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
        CELL.get_or_try_init(py, || {
            let module = py.import(crate::name!("_asyncio"))?;
            Ok::<_, PyErr>(module.getattr(crate::name!("_current_tasks"))?.cast_into()?.unbind())
        })
        .map(|found| found.bind(py))
    }

    pub fn get<'py>(
        py: Python<'py>,
        event_loop: &Py<PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        use pyo3::types::PyDictMethods;
        tasks(py)?.get_item(event_loop)
    }

    #[inline]
    pub fn set(py: Python<'_>, event_loop: &Py<PyAny>, task: *mut ffi::PyObject) -> PyResult<()> {
        // SAFETY: the thread is attached and the references are alive.
        match unsafe { ffi::PyDict_SetItem(tasks(py)?.as_ptr(), event_loop.as_ptr(), task) } {
            0 => Ok(()),
            _ => Err(PyErr::fetch(py)),
        }
    }

    pub fn remove(py: Python<'_>, event_loop: &Py<PyAny>) -> PyResult<()> {
        // SAFETY: as above.
        if unsafe { ffi::PyDict_DelItem(tasks(py)?.as_ptr(), event_loop.as_ptr()) } != 0 {
            // Other code has removed the entry already.
            drop(PyErr::take(py));
        }
        Ok(())
    }
}
