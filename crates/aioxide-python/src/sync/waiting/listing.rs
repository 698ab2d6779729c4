//! `all_tasks`, up to 3.13. From 3.14 on asyncio's own finds our tasks in its
//! list.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PySet};

use crate::core::current_task::running_loop;
use crate::core::futures::loop_of;
use crate::core::tasks::live_tasks;
use crate::stdlib;

/// How often a set is read again that another thread has changed meanwhile.
const MAX_ATTEMPTS: usize = 1000;

/// The tasks of `loop`, by default of the running one, that are not done: native
/// and foreign tasks.
///
/// `RuntimeError` if no loop is given and none runs.
///
/// https://docs.python.org/3/library/asyncio-task.html#asyncio.all_tasks
#[pyfunction]
#[pyo3(signature = (r#loop=None))]
pub fn all_tasks<'py>(
    py: Python<'py>,
    r#loop: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PySet>> {
    let event_loop = match r#loop {
        Some(event_loop) => event_loop,
        None => running_loop(py)?,
    };
    let found = PySet::empty(py)?;
    // Eager tasks first: another thread may turn one of them into an ordinary one
    // meanwhile.
    let mut others = Vec::new();
    if cfg!(Py_3_12) {
        let eager = stdlib::tasks(py)?.getattr(crate::intern!(py, "_eager_tasks"))?;
        others.push(py.get_type::<PyList>().call1((eager,))?.cast_into::<PyList>()?);
    }
    others.push(scheduled_elsewhere(py)?);
    for task in live_tasks(py) {
        let task = task.into_bound(py);
        let future = task.as_super().get();
        if future.belongs_to(py, event_loop.as_ptr()) && !future.is_done(py) {
            found.add(task)?;
        }
    }
    for task in others.iter().flat_map(|tasks| tasks.iter()) {
        let done = || task.call_method0(crate::intern!(py, "done"))?.is_truthy();
        if loop_of(&task)?.is(&event_loop) && !done()? {
            found.add(task)?;
        }
    }
    Ok(found)
}

/// The tasks in asyncio's own set, which are the foreign tasks.
fn scheduled_elsewhere(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let name = if cfg!(Py_3_12) {
        crate::intern!(py, "_scheduled_tasks")
    } else {
        crate::intern!(py, "_all_tasks")
    };
    let known = stdlib::tasks(py)?.getattr(name)?;
    let weak_set = stdlib::weak_set(py)?;
    let mut attempt = 1;
    loop {
        // The set's own class would add ours: see `registry.py`.
        let members = if known.is_instance(weak_set)? {
            weak_set.call_method1(crate::intern!(py, "__iter__"), (&known,))?
        } else {
            known.clone()
        };
        match py.get_type::<PyList>().call1((members,)) {
            Err(error) if error.is_instance_of::<PyRuntimeError>(py) && attempt < MAX_ATTEMPTS => {
                attempt += 1;
            }
            listed => return Ok(listed?.cast_into::<PyList>()?),
        }
    }
}
