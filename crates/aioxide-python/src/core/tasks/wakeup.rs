//! Tasks as Python callables, for foreign loops and futures.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::step::Cause;
use super::{Task, recording, step};
use crate::core::current_task;
use crate::core::futures::BoundLoop;
use crate::ffi::allocate;
use crate::ffi::gil_cell::{Contents, GilCell};

/// The done-callback by which a foreign future wakes a native task.
#[pyclass(frozen, weakref, module = "aioxide")]
pub struct TaskWakeup {
    task: Contents<GilCell<Option<Py<Task>>>>,
}

impl TaskWakeup {
    /// A callback that wakes `task`.
    pub fn new(py: Python<'_>, task: Py<Task>) -> PyResult<Py<Self>> {
        Py::new(py, Self { task: Contents::new(GilCell::new(Some(task))) })
    }
}

impl TaskWakeup {
    fn address(&self, py: Python<'_>) -> Option<usize> {
        self.task.read(py, |task| task.as_ref().map(|task| task.as_ptr().addr()))
    }
}

#[pymethods]
impl TaskWakeup {
    fn __call__(&self, py: Python<'_>, future: Bound<'_, PyAny>) -> PyResult<()> {
        crate::ffi::exiting::arm();
        let Some(task) = self.task.clone_ref(py) else {
            return Ok(());
        };
        #[cfg(Py_3_14)]
        if let Some(record) = crate::core::futures::record_of(&future)? {
            record.discard(task.bind(py).as_any())?;
        }
        let exception = match future.call_method0(crate::intern!(py, "result")) {
            Ok(_) => None,
            Err(error) => Some(error.into_value(py).into_bound(py).into_any()),
        };
        run(task.bind(py), exception)
    }

    /// Two wake-ups of one task are the same callback.
    fn __eq__(&self, py: Python<'_>, other: Bound<'_, PyAny>) -> bool {
        let Ok(other) = other.cast::<Self>() else {
            return false;
        };
        self.address(py) == other.get().address(py)
    }

    fn __hash__(&self, py: Python<'_>) -> usize {
        self.address(py).map_or(0, |address| address >> 4)
    }

    /// The name in asyncio's messages.
    #[getter]
    fn __qualname__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        allocate::string(py, "Task.task_wakeup")
    }

    #[getter]
    fn __self__(&self, py: Python<'_>) -> Option<Py<Task>> {
        self.task.clone_ref(py)
    }

    fn __repr__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        let Some(task) = self.__self__(py) else {
            return allocate::string(py, "<TaskWakeup>");
        };
        let name = task.bind(py).call_method0(crate::intern!(py, "get_name"))?.str()?;
        allocate::string(py, &format!("<TaskWakeup of {}>", name.to_str()?))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.task.traverse(|cell| cell.traverse(|task| visit.call(task)))
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.task.take(py));
    }
}

/// A step of a native task on a foreign loop.
#[pyclass(frozen, module = "aioxide")]
pub struct TaskStep {
    step: Contents<GilCell<Option<Step>>>,
}

/// A task, and the exception to throw into its coroutine.
type Step = (Py<Task>, Option<Py<PyAny>>);

impl TaskStep {
    /// A step that throws `exception`, if there is one, into the coroutine.
    pub fn new(py: Python<'_>, task: Py<Task>, exception: Option<Py<PyAny>>) -> PyResult<Py<Self>> {
        Py::new(py, Self { step: Contents::new(GilCell::new(Some((task, exception)))) })
    }
}

#[pymethods]
impl TaskStep {
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        crate::ffi::exiting::arm();
        match self.step.take(py) {
            Some((task, exception)) => run(task.bind(py), exception.map(|it| it.into_bound(py))),
            None => Ok(()),
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let visit_step = |step: &Option<Step>| match step {
            Some((task, exception)) => {
                visit.call(task)?;
                visit.call(exception)
            }
            None => Ok(()),
        };
        self.step.traverse(|cell| cell.traverse(visit_step))
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.step.take(py));
    }
}

/// Runs a step from inside a handle: the loop has entered the context.
fn run(task: &Bound<'_, Task>, exception: Option<Bound<'_, PyAny>>) -> PyResult<()> {
    let py = task.py();
    match task.as_super().get().event_loop(py)? {
        BoundLoop::Native(core) => {
            let current = core.get().current_task();
            let event_loop = core.as_any().as_unbound();
            #[cfg(Py_3_14)]
            if !core.get().running(py) {
                return Err(current_task::not_the_running_loop(core.as_any())?);
            }
            current.step_begins(py, event_loop, task.as_any())?;
            let result =
                recording::nested_step(task, || step::advance(task, exception, Cause::Other));
            current.step_ended(py, event_loop);
            // The caller of this handle may run other code afterwards.
            current.flush(py, event_loop)?;
            result
        }
        BoundLoop::Foreign(event_loop) => {
            current_task::entered(py, event_loop.as_unbound(), task.as_any(), || {
                step::advance(task, exception, Cause::Other)
            })
        }
    }
}
