//! `async with` for classes that somebody has derived from ours.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use crate::coroutines::{Input, Routine, Step};

/// Entering by the object's own `acquire()`, whatever that is.
pub struct EnterBySubclass {
    pub object: Py<PyAny>,
}

impl Routine for EnterBySubclass {
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        match input {
            Input::Start => {
                let acquiring = self.object.call_method0(py, pyo3::intern!(py, "acquire"))?;
                let steps = acquiring.call_method0(py, pyo3::intern!(py, "__await__"))?;
                Ok(Step::Delegate(steps))
            }
            Input::Value(_) => Ok(Step::Return(py.None())),
            Input::Error(error) => Err(error),
        }
    }

    fn qualname(&self) -> &'static str {
        "_ContextManagerMixin.__aenter__"
    }

    fn release(self, py: Python<'_>) {
        self.object.drop_ref(py);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.object)
    }
}
