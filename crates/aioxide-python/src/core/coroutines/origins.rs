//! Where native coroutines were made: recorded while a loop is in debug mode.

use pyo3::prelude::*;

use crate::{recorder, stdlib};

/// Counts one loop more, or less, that needs the origins of coroutines.
#[pyfunction]
#[pyo3(signature = (wanted, /))]
pub fn _want_origins(wanted: bool) {
    recorder::count_origins(wanted);
}

/// Records the call stack, to the interpreter's depth of origin tracking.
#[cold]
pub fn remember(coroutine: &Bound<'_, PyAny>) -> PyResult<()> {
    stdlib::remember_origin(coroutine.py())?.call1((coroutine,)).map(drop)
}

/// The recorded origin; None if there is none.
pub fn of<'py>(coroutine: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let origin = stdlib::origin_of(coroutine.py())?.call1((coroutine,))?;
    Ok((!origin.is_none()).then_some(origin))
}
