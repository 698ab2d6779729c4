//! `async with` for subclasses, and for conditions over a lock that is not a
//! [`Lock`](super::Lock).

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use crate::core::coroutines::{Input, Routine, Step, awaiting};

/// Entering by a call of the object's `acquire()`.
pub struct EnterBySubclass {
    pub object: Py<PyAny>,
}

impl Routine for EnterBySubclass {
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        match input {
            Input::Start => {
                let acquiring = self.object.call_method0(py, crate::intern!(py, "acquire"))?;
                awaiting(acquiring.bind(py))
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

/// Leaving by a call of the object's `release()`.
pub struct ReleaseBySubclass {
    pub object: Py<PyAny>,
}

impl Routine for ReleaseBySubclass {
    fn resume(&mut self, py: Python<'_>, _input: Input<'_>) -> PyResult<Step> {
        self.object.call_method0(py, crate::intern!(py, "release"))?;
        Ok(Step::Return(py.None()))
    }

    fn qualname(&self) -> &'static str {
        "_ContextManagerMixin.__aexit__"
    }

    fn release(self, py: Python<'_>) {
        self.object.drop_ref(py);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.object)
    }
}
