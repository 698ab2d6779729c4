//! The limit of a `StreamReader`.

use pyo3::Borrowed;
use pyo3::prelude::*;
use pyo3::types::PyInt;

use super::reader::State;

/// asyncio's default limit, in bytes.
pub const DEFAULT_LIMIT: usize = 64 * 1024;

/// The argument `limit`: passing None is different from passing nothing.
pub(super) enum GivenLimit<'py> {
    Default,
    Object(Bound<'py, PyAny>),
}

impl<'a, 'py> FromPyObject<'a, 'py> for GivenLimit<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self::Object(object.to_owned()))
    }
}

/// A limit in the form that is compared.
pub(super) struct Limit {
    limit: usize,
    high_water: usize,
    /// The limit as it was given, if it is not a plain whole number.
    given: Option<Py<PyAny>>,
}

impl Limit {
    /// asyncio's default.
    pub const DEFAULT: Self =
        Self { limit: DEFAULT_LIMIT, high_water: DEFAULT_LIMIT * 2, given: None };

    pub fn of(given: &Bound<'_, PyAny>) -> PyResult<Self> {
        if given.is_exact_instance_of::<PyInt>() {
            if let Ok(limit) = given.extract::<usize>() {
                return Ok(Self { limit, high_water: limit.saturating_mul(2), given: None });
            }
            // Above any number of bytes, or below all of them.
            let bound = if given.lt(0)? { 0 } else { usize::MAX };
            return Ok(Self {
                limit: bound,
                high_water: bound,
                given: Some(given.clone().unbind()),
            });
        }
        let number = given.extract::<f64>()?;
        // No number is above NaN; the cast saturates.
        let whole =
            |number: f64| if number.is_nan() { usize::MAX } else { number.floor() as usize };
        Ok(Self {
            limit: whole(number),
            high_water: whole(number * 2.0),
            given: Some(given.clone().unbind()),
        })
    }

    pub fn set(self, py: Python<'_>, state: &State) {
        state.flags.update(py, |flags| {
            flags.limit = self.limit;
            flags.high_water = self.high_water;
        });
        drop(state.given_limit.replace(py, self.given));
    }
}
