//! The value of a semaphore.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt};

use crate::ffi::allocate;
use crate::ffi::attributes::Collected;
use crate::ffi::gil_cell::GilCell;

/// Any number, as in asyncio: an integer most often; some programs pass infinity for
/// "no limit".
pub struct Count {
    value: GilCell<Value>,
    /// The number itself, if only Python can count with it.
    odd: GilCell<Option<Py<PyAny>>>,
}

#[derive(Clone, Copy)]
enum Value {
    /// `__init__` never ran.
    Absent,
    /// Far enough from the largest integers that no program overflows it by counting.
    Int(i64),
    Float(f64),
    /// Any other number.
    Odd,
}

/// The largest integer that is stored as [`Value::Int`].
const LARGEST: i64 = 1 << 61;

impl Count {
    pub fn absent() -> Self {
        Self { value: GilCell::new(Value::Absent), odd: GilCell::new(None) }
    }

    /// Sets the value.
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

    /// Whether it is not zero; None if only Python can compare it.
    #[inline]
    pub fn is_free(&self, py: Python<'_>) -> Option<bool> {
        match self.value.get(py) {
            Value::Int(number) => Some(number != 0),
            Value::Float(number) => Some(number != 0.0),
            Value::Absent | Value::Odd => None,
        }
    }

    /// Whether it is above zero; None if only Python can compare it.
    #[inline]
    pub fn is_positive(&self, py: Python<'_>) -> Option<bool> {
        match self.value.get(py) {
            Value::Int(number) => Some(number > 0),
            Value::Float(number) => Some(number > 0.0),
            Value::Absent | Value::Odd => None,
        }
    }

    /// The value, if it is a whole number that is not negative.
    pub fn whole(&self, py: Python<'_>) -> Option<u64> {
        match self.value.get(py) {
            Value::Int(number) => u64::try_from(number).ok(),
            Value::Absent | Value::Float(_) | Value::Odd => None,
        }
    }

    /// Adds `by`; false, with nothing changed, if only Python can.
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

    /// The value as a Python object; None if `__init__` never ran.
    pub fn shown<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.value.get(py) {
            Value::Absent => Ok(None),
            Value::Int(number) => allocate::int(py, number).map(|it| Some(it.into_any())),
            Value::Float(number) => allocate::float(py, number).map(|it| Some(it.into_any())),
            Value::Odd => Ok(self.odd.clone_ref(py).map(|odd| odd.into_bound(py))),
        }
    }

    /// Whether it is at least `other`; None if `__init__` never ran.
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
