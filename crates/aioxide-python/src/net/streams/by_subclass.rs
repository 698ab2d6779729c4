//! Methods that call others which a subclass has overridden.

use pyo3::PyTraverseError;
use pyo3::exceptions::PyStopAsyncIteration;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::StreamReader;
use super::until::{Caller, line_too_long};
use crate::core::coroutines::{Input, Routine, Step, awaiting};
use crate::ffi::allocate;
use crate::ffi::errors::Settled;
use crate::stdlib;

/// `readline` by an overridden `readuntil`, or `__anext__` by an overridden
/// `readline`.
pub struct LineBySubclass {
    reader: Py<StreamReader>,
    caller: Caller,
}

impl LineBySubclass {
    pub fn new(reader: Py<StreamReader>, caller: Caller) -> Self {
        Self { reader, caller }
    }

    /// What `readline` returns or raises after `readuntil` raised.
    fn recover(&self, py: Python<'_>, error: PyErr) -> PyResult<Step> {
        let error = error.settled(py);
        if error.is_instance(py, stdlib::incomplete_read_error(py)?) {
            let partial = error.value(py).getattr(crate::intern!(py, "partial"))?;
            return Ok(Step::Return(partial.unbind()));
        }
        if error.is_instance(py, stdlib::limit_overrun_error(py)?) {
            let consumed = error.value(py).getattr(crate::intern!(py, "consumed"))?;
            return Err(line_too_long(self.reader.get(), &consumed, error)?);
        }
        Err(error)
    }
}

impl Routine for LineBySubclass {
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        let reader = self.reader.bind(py);
        let next = self.caller == Caller::NextLine;
        match input {
            Input::Start => {
                let reading = if next {
                    reader.call_method0(crate::intern!(py, "readline"))?
                } else {
                    let separator = allocate::bytes(py, b"\n")?;
                    reader.call_method1(crate::intern!(py, "readuntil"), (separator,))?
                };
                awaiting(&reading)
            }
            Input::Value(line) if next && line.eq(allocate::bytes(py, b"")?)? => {
                Err(PyStopAsyncIteration::new_err(()))
            }
            Input::Value(line) => Ok(Step::Return(line.unbind())),
            Input::Error(error) if next => Err(error),
            Input::Error(error) => self.recover(py, error),
        }
    }

    fn qualname(&self) -> &'static str {
        if self.caller == Caller::NextLine {
            "StreamReader.__anext__"
        } else {
            "StreamReader.readline"
        }
    }

    fn release(self, py: Python<'_>) {
        self.reader.drop_ref(py);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.reader)
    }
}

/// `read(-1)` by an overridden `read`.
pub struct ReadAllBySubclass {
    reader: Py<StreamReader>,
    pieces: Py<PyList>,
}

impl ReadAllBySubclass {
    pub fn new(py: Python<'_>, reader: Py<StreamReader>) -> PyResult<Self> {
        Ok(Self { reader, pieces: allocate::list::<PyAny>(py, [])?.unbind() })
    }
}

impl Routine for ReadAllBySubclass {
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        match input {
            Input::Start => self.reader.get().raise_exception(py)?,
            Input::Error(error) => return Err(error),
            Input::Value(piece) => {
                if !piece.is_truthy()? {
                    let joined = allocate::bytes(py, b"")?
                        .call_method1(crate::intern!(py, "join"), (&self.pieces,))?;
                    return Ok(Step::Return(joined.unbind()));
                }
                self.pieces.bind(py).append(piece)?;
            }
        }
        let reader = self.reader.bind(py);
        let limit = reader.getattr(crate::intern!(py, "_limit"))?;
        awaiting(&reader.call_method1(crate::intern!(py, "read"), (limit,))?)
    }

    fn qualname(&self) -> &'static str {
        "StreamReader.read"
    }

    fn release(self, py: Python<'_>) {
        self.reader.drop_ref(py);
        self.pieces.drop_ref(py);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.pieces)?;
        visit.call(&self.reader)
    }
}
