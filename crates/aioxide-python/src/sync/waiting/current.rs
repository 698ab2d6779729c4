//! `current_task`.

use pyo3::prelude::*;

use crate::core::current_task::{current_task_of, running_loop};

/// The task that runs on `loop`, by default on the running one; None if none
/// does.
///
/// `RuntimeError` if no loop is given and none runs.
///
/// https://docs.python.org/3/library/asyncio-task.html#asyncio.current_task
#[pyfunction]
#[pyo3(signature = (r#loop=None))]
pub fn current_task<'py>(
    py: Python<'py>,
    r#loop: Option<Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    match r#loop {
        Some(event_loop) => current_task_of(&event_loop),
        None => current_task_of(&running_loop(py)?),
    }
}
