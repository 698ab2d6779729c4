//! What the lints are told while they look: objects that are made, requests to cancel, and failures.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;

use crate::recorder::{self, Maker};
use crate::stdlib;

static ON: AtomicBool = AtomicBool::new(false);

/// Begins to tell the lints, or ends that.
#[pyfunction]
#[pyo3(signature = (wanted, /))]
pub fn _tell_lints(wanted: bool) {
    ON.store(wanted, Ordering::Relaxed);
    recorder::want_places(recorder::BY_LINTS, wanted);
}

/// Whether lints look: one load.
#[inline(always)]
pub fn do_lints_look() -> bool {
    ON.load(Ordering::Relaxed)
}

/// The program's own line that makes a transport, as the lints have it; None while nobody looks.
///
/// # Errors
///
/// Whatever interrupts the code of the lints.
#[inline(always)]
pub fn line_that_makes(py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
    match ON.load(Ordering::Relaxed) {
        true => stdlib::ask_lints_for_caller(py).map(|it| Some(it.unbind())),
        false => Ok(None),
    }
}

/// The line that makes a server, on whose behalf the loop will make its connections. Two loads while
/// nobody wants to know.
///
/// # Errors
///
/// Whatever interrupts the code of the lints.
pub fn maker(py: Python<'_>) -> PyResult<Maker> {
    if !recorder::wants_places() {
        return Ok(Maker::default());
    }
    let own = line_that_makes(py)?.map(|place| place.extract(py)).transpose()?;
    Ok(Maker::new(recorder::caller(py), own.flatten()))
}

/// A transport is about to be reported as collected without having been closed. As `note_made`.
///
/// # Errors
///
/// Whatever interrupts the code of the lints.
pub fn note_unclosed(py: Python<'_>, text: &str, made: Option<Py<PyAny>>) -> PyResult<()> {
    match ON.load(Ordering::Relaxed) {
        true => stdlib::tell_lints_of_unclosed(py, text, made),
        false => Ok(()),
    }
}

/// A queue or a stream was made. One load while nobody looks.
///
/// # Errors
///
/// Whatever interrupts the code of the lints.
#[inline(always)]
pub fn note_made<T>(object: &Bound<'_, T>) -> PyResult<()> {
    match ON.load(Ordering::Relaxed) {
        true => stdlib::tell_lints("_note_made", object.as_any()),
        false => Ok(()),
    }
}

/// Somebody has called `cancel()` of a task that is not done. One load while nobody looks.
///
/// # Errors
///
/// Whatever interrupts the code of the lints.
#[inline(always)]
pub fn note_cancellation<T>(task: &Bound<'_, T>) -> PyResult<()> {
    match ON.load(Ordering::Relaxed) {
        true => stdlib::tell_lints("_note_cancellation", task.as_any()),
        false => Ok(()),
    }
}

/// A task has failed. One load while nobody looks.
///
/// # Errors
///
/// Whatever interrupts the code of the lints.
#[inline(always)]
pub fn note_failure<T>(task: &Bound<'_, T>) -> PyResult<()> {
    match ON.load(Ordering::Relaxed) {
        true => stdlib::tell_lints("_note_failure", task.as_any()),
        false => Ok(()),
    }
}
