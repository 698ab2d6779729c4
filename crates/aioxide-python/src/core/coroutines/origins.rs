//! Where native coroutines were made, while a loop in debug mode wants to know.

use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::prelude::*;

use crate::stdlib;

/// How many loops want to know.
static WANTED: AtomicUsize = AtomicUsize::new(0);

/// Whether the makers of coroutines are to be recorded.
#[inline(always)]
pub fn are_wanted() -> bool {
    WANTED.load(Ordering::Relaxed) != 0
}

/// One loop more, or less, wants the origins of coroutines.
#[pyfunction]
#[pyo3(signature = (wanted, /))]
pub fn _want_origins(wanted: bool) {
    if wanted {
        WANTED.fetch_add(1, Ordering::Relaxed);
    } else {
        WANTED.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Records who calls, as deep as the interpreter records it.
#[cold]
pub fn remember(coroutine: &Bound<'_, PyAny>) -> PyResult<()> {
    stdlib::remember_origin(coroutine.py())?.call1((coroutine,)).map(drop)
}

/// Where it was made; None if nobody wanted to know.
pub fn of<'py>(coroutine: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let origin = stdlib::origin_of(coroutine.py())?.call1((coroutine,))?;
    Ok((!origin.is_none()).then_some(origin))
}
