//! The running task as an entry of asyncio's dictionary, up to 3.13.
//!
//! Writing it costs a dictionary update per task step; putting it back would cost
//! a second one, and the next step nearly always follows at once. The loop therefore leaves the entry behind
//! ([`CurrentTask::step_ended`]) and settles it only before anything but a task
//! step runs: the entry then says None, which reads as "no task". It is taken
//! out altogether ([`CurrentTask::remove_entry`]) only before a callback that may be
//! a step of the standard library's own tasks, which want no entry at all;
//! dictionaries do not like keys that come and go.

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
    /// No entry of ours is in the table.
    Absent,
    /// A task of ours runs.
    Running,
    /// The last task has stopped running, its entry is still there.
    Stale,
    /// The entry says None.
    NoTask,
}

impl CurrentTask {
    /// For a loop on which no task has run.
    pub fn new() -> Self {
        Self { entry: GilCell::new(Entry::Absent) }
    }

    /// A task of ours begins to run on `event_loop`. `RuntimeError` if another
    /// one runs there already.
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
            // Nothing of ours is there, or a step inside a step: whatever is in
            // the table is the truth.
            enter_table(py, event_loop, task)
        };
        if begun.is_err() {
            self.entry.set(py, entry);
        }
        begun
    }

    /// The task has stopped running; the entry stays until the next step
    /// overwrites it or [`CurrentTask::flush`] corrects it.
    #[inline]
    pub fn step_ended(&self, py: Python<'_>, _event_loop: &Py<PyAny>) {
        self.entry.set(py, Entry::Stale);
    }

    /// Corrects a stale entry: called before other code can look.
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

    /// Takes an entry that is not a running task's out.
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

/// Runs `body` with `task` as the current one and puts back what was there:
/// an eager task starts inside whatever runs now.
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

/// For a task of ours on a loop that is not ours: asyncio's own rules.
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
            // Somebody else has taken it out, which is what was wanted.
            drop(PyErr::take(py));
        }
        Ok(())
    }
}
