//! Which loop an object is bound to (`asyncio.mixins`): the one in which a task
//! first had to wait for it.

use pyo3::PyTraverseError;
use pyo3::exceptions::PyRuntimeError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use crate::core::current_task::running_loop;
use crate::core::futures::{BoundLoop, Future, LoopRef};
use crate::ffi::attributes::Collected;
use crate::ffi::gil_cell::GilCell;
use crate::stdlib;

/// The loop, once it is known.
pub struct LoopBinding(GilCell<Option<LoopRef>>);

impl LoopBinding {
    pub fn new() -> Self {
        Self(GilCell::new(None))
    }

    /// A future of the running loop, to which `owner` is bound from now on.
    ///
    /// # Errors
    ///
    /// `RuntimeError` if no loop runs, or another one than before.
    pub fn future(&self, owner: &Bound<'_, PyAny>) -> PyResult<Py<Future>> {
        let py = owner.py();
        let running = running_loop(py)?;
        match self.0.clone_ref(py).map(|bound| bound.into_bound(py)) {
            Some(bound) if !bound.as_any().is(&running) => {
                if crate::watchdog::is_started() {
                    stdlib::note_other_loop(owner);
                }
                Err(PyRuntimeError::new_err(format!(
                    "{} is bound to a different event loop",
                    owner.repr()?
                )))
            }
            Some(BoundLoop::Native(core)) => Future::created_by(&core),
            Some(BoundLoop::Foreign(_)) => Future::for_any_loop(&running),
            None => {
                let event_loop = LoopRef::of(&running);
                drop(self.0.replace(py, Some(event_loop)));
                Future::for_any_loop(&running)
            }
        }
    }

    /// The loop, for Python.
    pub fn shown(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.0.clone_of(py, |bound| bound.as_ref().map(LoopRef::as_any))
    }

    /// Puts another loop in its place, for Python.
    pub fn set(&self, py: Python<'_>, event_loop: Option<Bound<'_, PyAny>>) {
        let event_loop = event_loop.map(|it| LoopRef::of(&it));
        drop(self.0.replace(py, event_loop));
    }
}

impl Collected for LoopBinding {
    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.0.traverse(|bound| match bound {
            Some(bound) => visit.call(bound.as_any()),
            None => Ok(()),
        })
    }

    fn clear(&self, py: Python<'_>) {
        drop(self.0.take(py));
    }
}
