//! When one direction of a TLS connection pauses, and when it resumes.

use pyo3::prelude::*;
use pyo3::types::PyInt;

use crate::ffi::gil_cell::GilCell;
use crate::net::transports::complete_marks;

/// The number of bytes from which on a direction pauses, and the number at or
/// below which it resumes.
#[derive(Clone, Copy)]
pub struct WaterMarks {
    pub high: usize,
    pub low: usize,
}

/// The marks of one direction.
pub struct Marks {
    /// The marks in whole bytes, for comparisons.
    pub whole: GilCell<WaterMarks>,
    /// Low and high as they were set, if one of them is not a plain number of
    /// bytes.
    given: GilCell<Option<(Py<PyAny>, Py<PyAny>)>>,
    /// The high mark if none is set.
    default: usize,
}

impl Marks {
    /// The default marks.
    pub fn below(high: usize) -> Self {
        let whole = WaterMarks { high, low: high / 4 };
        Self { whole: GilCell::new(whole), given: GilCell::new(None), default: high }
    }

    /// Sets the marks, with asyncio's defaults for those that are None.
    ///
    /// # Errors
    ///
    /// `ValueError` unless high >= low >= 0.
    pub fn set<'py>(
        &self,
        py: Python<'py>,
        high: Option<Bound<'py, PyAny>>,
        low: Option<Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        let (low, high) = complete_marks(py, high, low, self.default)?;
        let (whole_high, high_differs) = whole(&high, f64::ceil)?;
        let (whole_low, low_differs) = whole(&low, f64::floor)?;
        let given = (high_differs || low_differs).then(|| (low.unbind(), high.unbind()));
        self.whole.set(py, WaterMarks { high: whole_high, low: whole_low });
        drop(self.given.replace(py, given));
        Ok(())
    }

    /// Low and high, as they were set.
    pub fn shown<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        if let Some((low, high)) = self.given.clone_ref(py) {
            return Ok((low.into_bound(py), high.into_bound(py)));
        }
        let whole = self.whole.get(py);
        let shown =
            |mark: usize| crate::ffi::allocate::Made(mark).into_pyobject(py).map(Bound::into_any);
        Ok((shown(whole.low)?, shown(whole.high)?))
    }

    pub fn traverse(&self, visit: &pyo3::gc::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        self.given.traverse(|given| match given {
            Some((low, high)) => {
                visit.call(low)?;
                visit.call(high)
            }
            None => Ok(()),
        })
    }

    pub fn clear(&self, py: Python<'_>) {
        drop(self.given.take(py));
    }
}

/// A non-negative mark in whole bytes, and whether it is not a plain number of bytes.
fn whole(mark: &Bound<'_, PyAny>, round: impl FnOnce(f64) -> f64) -> PyResult<(usize, bool)> {
    if mark.is_exact_instance_of::<PyInt>() {
        // Out of range: more than any number of bytes.
        return Ok(mark.extract().map_or((usize::MAX, true), |bytes| (bytes, false)));
    }
    // The cast saturates.
    Ok((round(mark.extract::<f64>()?) as usize, true))
}
