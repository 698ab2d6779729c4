//! When a timeout expires.

use pyo3::exceptions::PyOverflowError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt};

use crate::core::event_loop::{LoopCore, Methods};
use crate::ffi::allocate;
use crate::ffi::gil_cell::CloneRef;

/// A deadline, by the clock of the loop.
pub enum When {
    /// No deadline.
    Never,
    /// In seconds.
    Seconds(f64),
    /// As the caller gave it, and as `when()` returns it.
    Given(Py<PyAny>),
}

impl When {
    /// The deadline that the caller gave.
    pub fn given(when: Option<Bound<'_, PyAny>>) -> Self {
        when.map_or(Self::Never, |when| Self::Given(when.unbind()))
    }

    /// `delay` seconds from now.
    pub fn after(event_loop: &Bound<'_, PyAny>, delay: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = event_loop.py();
        if let Some(core) = LoopCore::of(event_loop)
            && core.get().calls_own(py, Methods::TIME)
            && let Some(seconds) = plain_number(delay)
        {
            return Ok(Self::Seconds(core.get().now(py) + seconds));
        }
        let now = event_loop.call_method0(crate::intern!(py, "time"))?;
        Ok(Self::Given(now.add(delay)?.unbind()))
    }

    /// The deadline for Python, None for none.
    ///
    /// # Errors
    ///
    /// `MemoryError`.
    pub fn shown(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self {
            Self::Never => Ok(py.None()),
            Self::Seconds(seconds) => Ok(allocate::float(py, *seconds)?.into_any().unbind()),
            Self::Given(when) => Ok(when.clone_ref(py)),
        }
    }

    /// In seconds of the loop's clock, None for no deadline. asyncio's error for what
    /// cannot be compared with the time.
    #[inline]
    pub fn seconds(&self, core: &Bound<'_, LoopCore>) -> PyResult<Option<f64>> {
        match self {
            Self::Never => Ok(None),
            Self::Seconds(seconds) => Ok(Some(*seconds)),
            Self::Given(when) => {
                let py = core.py();
                let when = when.bind(py);
                if let Some(seconds) = plain_number(when) {
                    return Ok(Some(seconds));
                }
                let now = core.get().now(py);
                if when.le(allocate::float(py, now)?)? {
                    return Ok(Some(now));
                }
                match when.extract() {
                    Ok(seconds) => Ok(Some(seconds)),
                    // More than a float can hold, and in the future: it never comes.
                    Err(error) if error.is_instance_of::<PyOverflowError>(py) => {
                        Ok(Some(f64::INFINITY))
                    }
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// Drops the reference.
    #[inline]
    pub fn release(self, py: Python<'_>) {
        if let Self::Given(when) = self {
            when.drop_ref(py);
        }
    }
}

// SAFETY: a reference count goes up at most.
unsafe impl CloneRef for When {
    #[inline]
    fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Self::Never => Self::Never,
            Self::Seconds(seconds) => Self::Seconds(*seconds),
            Self::Given(when) => Self::Given(when.clone_ref(py)),
        }
    }
}

/// Whether a number of seconds is not `<= 0`.
#[inline]
pub fn is_positive(seconds: &Bound<'_, PyAny>) -> PyResult<bool> {
    match plain_number(seconds) {
        // As Python compares: what is not a number is not less than one.
        Some(seconds) => Ok(seconds.is_nan() || seconds > 0.0),
        None => Ok(!seconds.le(0)?),
    }
}

/// The value of a float, or of an int that a float can hold.
#[inline]
fn plain_number(number: &Bound<'_, PyAny>) -> Option<f64> {
    if let Ok(number) = number.cast_exact::<PyFloat>() {
        return Some(number.value());
    }
    if !number.is_exact_instance_of::<PyInt>() {
        return None;
    }
    // SAFETY: the thread is attached and the reference is an int's.
    let value = unsafe { ffi::PyLong_AsDouble(number.as_ptr()) };
    // -1 is also the result for an int that is too large for a float.
    let error = if value == -1.0 { PyErr::take(number.py()) } else { None };
    error.is_none().then_some(value)
}
