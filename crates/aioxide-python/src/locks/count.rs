//! The number that a semaphore counts with.

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyFloat;

/// An integer, or a float as Python counts with it: asyncio's semaphores take
/// either, and some programs say by infinity that there is no limit.
#[derive(Clone, Copy)]
pub enum Count {
    Int(i64),
    Float(f64),
}

impl Count {
    pub fn is_zero(self) -> bool {
        match self {
            Self::Int(number) => number == 0,
            Self::Float(number) => number == 0.0,
        }
    }

    pub fn is_positive(self) -> bool {
        match self {
            Self::Int(number) => number > 0,
            Self::Float(number) => number > 0.0,
        }
    }

    pub fn is_negative(self) -> bool {
        match self {
            Self::Int(number) => number < 0,
            Self::Float(number) => number < 0.0,
        }
    }

    /// Whether this is no less than `other`, which was the same number once
    /// and therefore is of the same kind.
    pub fn has_reached(self, other: Self) -> bool {
        match (self, other) {
            (Self::Int(number), Self::Int(other)) => number >= other,
            (Self::Float(number), Self::Float(other)) => number >= other,
            _ => false,
        }
    }

    #[inline]
    pub fn step(&mut self, by: i8) {
        match self {
            Self::Int(number) => *number += i64::from(by),
            Self::Float(number) => *number += f64::from(by),
        }
    }

    pub fn to_python(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        match self {
            Self::Int(number) => number.into_bound_py_any(py),
            Self::Float(number) => number.into_bound_py_any(py),
        }
    }
}

impl Default for Count {
    fn default() -> Self {
        Self::Int(0)
    }
}

impl FromPyObject<'_, '_> for Count {
    type Error = PyErr;

    fn extract(number: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        if number.is_instance_of::<PyFloat>() {
            number.extract().map(Self::Float)
        } else {
            number.extract().map(Self::Int)
        }
    }
}
