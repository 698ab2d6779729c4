//! Who awaits what, for call graphs: records that only 3.14 and later keep.

use pyo3::prelude::*;

/// Records that `caller` awaits `future`.
#[inline]
pub fn note_edge(future: &Bound<'_, PyAny>, caller: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    #[cfg(Py_3_14)]
    if let Some(caller) = caller {
        super::future_add_to_awaited_by(future.clone(), caller.clone())?;
    }
    #[cfg(not(Py_3_14))]
    let _ = (future, caller);
    Ok(())
}

/// Removes that record.
#[inline]
pub fn forget_edge(future: &Bound<'_, PyAny>, caller: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    #[cfg(Py_3_14)]
    if let Some(caller) = caller {
        super::future_discard_from_awaited_by(future.clone(), caller.clone())?;
    }
    #[cfg(not(Py_3_14))]
    let _ = (future, caller);
    Ok(())
}

/// The task that call graphs show as the awaiting one; None on versions without call
/// graphs.
#[inline]
pub fn caller(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    #[cfg(Py_3_14)]
    return crate::core::current_task::current_task_here(py);
    #[cfg(not(Py_3_14))]
    {
        let _ = py;
        Ok(None)
    }
}
