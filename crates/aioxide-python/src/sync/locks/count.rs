//! The number that a semaphore counts with.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt};

use crate::ffi::allocate;
use crate::ffi::attributes::Collected;
use crate::ffi::gil_cell::GilCell;

/// Whatever can be counted with, as asyncio's semaphores take it: an integer most often;
/// some programs say by infinity that there is no limit.
pub struct Count {
    value: GilCell<Value>,
    /// The number itself, where Python has to count.
    odd: GilCell<Option<Py<PyAny>>>,
}

#[derive(Clone, Copy)]
enum Value {
    /// `__init__` never ran.
    Absent,
    /// So far from the largest ones that no program gets there by counting.
    Int(i64),
    Float(f64),
    /// Any other number.
    Odd,
}

/// Integers up to this one are counted here.
const LARGEST: i64 = 1 << 61;

impl Count {
    pub fn absent() -> Self {
        Self { value: GilCell::new(Value::Absent), odd: GilCell::new(None) }
    }

    /// Begins to count from `number`, or goes on from there.
    pub fn set(&self, number: &Bound<'_, PyAny>) {
        let py = number.py();
        let value = if let Ok(float) = number.cast_exact::<PyFloat>() {
            Value::Float(float.value())
        } else {
            match number.cast_exact::<PyInt>().ok().and_then(|int| int.extract::<i64>().ok()) {
                Some(int) if (-LARGEST..=LARGEST).contains(&int) => Value::Int(int),
                _ => Value::Odd,
            }
        };
        let odd = matches!(value, Value::Odd).then(|| number.clone().unbind());
        self.value.set(py, value);
        drop(self.odd.replace(py, odd));
    }

    /// Whether there is one to take; None if only Python can tell.
    #[inline]
    pub fn is_free(&self, py: Python<'_>) -> Option<bool> {
        match self.value.get(py) {
            Value::Int(number) => Some(number != 0),
            Value::Float(number) => Some(number != 0.0),
            Value::Absent | Value::Odd => None,
        }
    }

    /// Whether it is more than nothing; None if only Python can tell.
    #[inline]
    pub fn is_positive(&self, py: Python<'_>) -> Option<bool> {
        match self.value.get(py) {
            Value::Int(number) => Some(number > 0),
            Value::Float(number) => Some(number > 0.0),
            Value::Absent | Value::Odd => None,
        }
    }

    /// One more or less; false if only Python can count.
    #[inline]
    pub fn step(&self, py: Python<'_>, by: i8) -> bool {
        let value = match self.value.get(py) {
            Value::Int(number) => Value::Int(number.wrapping_add(i64::from(by))),
            Value::Float(number) => Value::Float(number + f64::from(by)),
            Value::Absent | Value::Odd => return false,
        };
        self.value.set(py, value);
        true
    }

    /// The number for Python; None if `__init__` never ran.
    pub fn shown<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.value.get(py) {
            Value::Absent => Ok(None),
            Value::Int(number) => allocate::int(py, number).map(|it| Some(it.into_any())),
            Value::Float(number) => allocate::float(py, number).map(|it| Some(it.into_any())),
            Value::Odd => Ok(self.odd.clone_ref(py).map(|odd| odd.into_bound(py))),
        }
    }

    /// Whether it is no less than `other`; None where `__init__` never ran.
    pub fn has_reached(&self, py: Python<'_>, other: &Self) -> PyResult<Option<bool>> {
        match (self.value.get(py), other.value.get(py)) {
            (Value::Int(number), Value::Int(other)) => Ok(Some(number >= other)),
            (Value::Float(number), Value::Float(other)) => Ok(Some(number >= other)),
            _ => match (self.shown(py)?, other.shown(py)?) {
                (Some(number), Some(other)) => number.ge(other).map(Some),
                _ => Ok(None),
            },
        }
    }
}

impl Collected for Count {
    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.odd.traverse(|odd| visit.call(odd))
    }

    fn clear(&self, py: Python<'_>) {
        drop(self.odd.take(py));
    }
}
