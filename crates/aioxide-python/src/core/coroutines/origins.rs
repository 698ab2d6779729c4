//! Where native coroutines were made: recorded while a loop is in debug mode.

use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::prelude::*;

use crate::stdlib;

/// How many running loops are in debug mode.
static WANTED: AtomicUsize = AtomicUsize::new(0);

/// Whether origins are recorded.
#[inline(always)]
pub fn are_wanted() -> bool {
    WANTED.load(Ordering::Relaxed) != 0
}

/// Counts one loop more, or less, that needs the origins of coroutines.
#[pyfunction]
#[pyo3(signature = (wanted, /))]
pub fn _want_origins(wanted: bool) {
    if wanted {
        WANTED.fetch_add(1, Ordering::Relaxed);
    } else {
        WANTED.fetch_sub(1, Ordering::Relaxed);
    }
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
