//! The functions of the module that the package starts and asks the watchdog by.

use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::debug_mode;
use super::shared::{self, Held, Next, Report};
use super::stack::StackSource;
use crate::ffi::allocate::{self, Made};
use crate::ffi::errors::os_error;
use crate::ffi::items::Items;

/// Starts the detector, unless it runs, and returns the number of this start.
///
/// `seconds` is the threshold of new loops, None to leave it as it is. `signal` and `reader`, if not
/// None, say where stacks come from while the GIL is kept, and `folders` which of their files are
/// not the program's own.
#[pyfunction]
#[pyo3(signature = (seconds, signal, reader, folders, /))]
pub fn _watchdog_start(
    seconds: Option<f64>,
    signal: Option<i32>,
    reader: Option<i32>,
    folders: Items<String>,
) -> PyResult<Made<u64>> {
    let threshold = seconds.map(duration).transpose()?;
    let stack = match (signal, reader) {
        (Some(signal), Some(reader)) => {
            Some(StackSource::new(signal, reader, folders.0).map_err(os_error)?)
        }
        _ => None,
    };
    let generation = shared::start(stack).map_err(os_error)?;
    if let Some(threshold) = threshold {
        shared::set_default_threshold(threshold);
    }
    Ok(Made(generation))
}

/// The duration of so many seconds, at least a nanosecond.
fn duration(seconds: f64) -> PyResult<Duration> {
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) => Ok(duration),
        Err(_) => Err(PyValueError::new_err(format!("not a duration in seconds: {seconds}"))),
    }
}

/// Stops the threads; new loops are not watched any more.
#[pyfunction]
pub fn _watchdog_stop(py: Python<'_>) {
    shared::set_default_threshold(Duration::ZERO);
    py.detach(shared::stop);
}

/// Waits up to a second for the next report of the start `generation`.
///
/// Returns None when the watchdog was stopped, an empty tuple when there is nothing to report, else
/// the number of the loop, the identity of its thread, the number of the item, seconds, the number
/// of items that it delays, whether it is over, whether the loop still runs it, the stack that was
/// written to standard error, or None, and the file, the line and the name of the function whose
/// future is polled, or was when that was written, if it is one of another extension module, or None.
#[pyfunction]
#[pyo3(signature = (generation, /))]
pub fn _watchdog_next(py: Python<'_>, generation: u64) -> PyResult<Option<Bound<'_, PyTuple>>> {
    crate::ffi::exiting::arm();
    let report = match py.detach(|| shared::next(generation)) {
        Next::Stopped => return Ok(None),
        Next::Tick => return Ok(Some(PyTuple::empty(py))),
        Next::Report(report) => report,
    };
    let held = shared::taken(report.serial);
    in_python(py, &report, held).map(Some)
}

/// The next report on a loop in debug mode, as `_watchdog_next`; None if there is none.
#[pyfunction]
#[pyo3(signature = (generation, /))]
pub fn _watchdog_take(py: Python<'_>, generation: u64) -> PyResult<Option<Bound<'_, PyTuple>>> {
    debug_mode::take(generation).map(|report| in_python(py, &report, None)).transpose()
}

fn in_python<'py>(
    py: Python<'py>,
    report: &Report,
    held: Option<Held>,
) -> PyResult<Bound<'py, PyTuple>> {
    let runs = report.beat.current() == report.item;
    let duration = if runs { report.duration + report.at.elapsed() } else { report.duration };
    // Who has kept the GIL may have given it back and returned since.
    let polled = match &held {
        Some(held) => held.polled,
        None => report.beat.polled().filter(|_| runs),
    };
    let held = match held {
        Some(held) => allocate::string(py, &held.frames)?.into_any(),
        None => py.None().into_bound(py),
    };
    let polled = match polled {
        Some(function) => {
            let [file, path] = [function.file(), function.path()];
            (Made(&*file), Made(function.line()), Made(&*path)).into_pyobject(py)?.into_any()
        }
        None => py.None().into_bound(py),
    };
    let items = (
        Made(report.beat.id()),
        Made(report.beat.threads().1),
        Made(report.item),
        Made(duration.as_secs_f64()),
        Made(report.waiting),
        report.over,
        runs,
        held,
        polled,
    );
    items.into_pyobject(py)
}
