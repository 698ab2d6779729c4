//! What the running step waits for, as the innermost native coroutine says.

use aioxide_trace::WaitKind;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::ffi::gil_cell::GilCell;

/// The address of the future that was awaited last, and what for.
#[derive(Clone, Copy)]
struct Wait {
    future: usize,
    kind: WaitKind,
    object: u64,
}

static LAST: GilCell<Wait> = GilCell::new(NONE);

const NONE: Wait = Wait { future: 0, kind: WaitKind::Unknown, object: 0 };

/// A native coroutine is going to wait for `future`.
#[inline]
pub fn note_wait<T>(future: &Bound<'_, T>, kind: WaitKind) {
    let (py, address) = (future.py(), future.as_ptr().addr());
    LAST.update(py, |last| {
        if last.future != address {
            *last = Wait { future: address, ..NONE };
        }
        last.kind = kind;
    });
}

/// Whoever awaits this future in the step that runs waits for a thing of this kind: a word as
/// `process`. Does nothing while nothing is recorded.
///
/// # Errors
///
/// `ValueError` for a word that is none.
#[pyfunction]
#[pyo3(signature = (future, kind, /))]
pub fn _note_wait(future: &Bound<'_, PyAny>, kind: &str) -> PyResult<()> {
    if !super::is_on() {
        return Ok(());
    }
    let Some(kind) = WaitKind::from_word(kind) else {
        return Err(PyValueError::new_err(format!("{kind:?} is no kind of wait")));
    };
    note_wait(future, kind);
    Ok(())
}

/// Who waits for `future` waits for the object with this id.
#[inline]
pub fn note_object<T>(future: &Bound<'_, T>, object: u64) {
    LAST.set(future.py(), Wait { future: future.as_ptr().addr(), object, ..NONE });
}

/// What `future` was last awaited for, by a native coroutine. The address was noted in the step
/// that ends now, so that it is still the same object.
#[inline]
pub fn take_wait(py: Python<'_>, future: usize) -> Option<(WaitKind, u64)> {
    let last = LAST.get(py);
    LAST.set(py, NONE);
    (last.future == future).then_some((last.kind, last.object))
}
