//! What ends a transport other than `close()`.

use pyo3::exceptions::{PyKeyboardInterrupt, PyResourceWarning, PySystemExit};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{Lifecycle, Transport};
use crate::core::event_loop::LoopCore;
use crate::ffi::allocate;
use crate::ffi::errors::Settled;
use crate::{stdlib, watchdog};

/// Ends the connection because of `error`, which is passed to
/// `connection_lost`. An error that [`Transport::is_expected`] does not expect
/// is also reported, with `message`. `SystemExit` and `KeyboardInterrupt` are
/// returned.
pub fn fatal_error<T: Lifecycle>(
    transport: &T,
    slf: &Bound<'_, T>,
    error: PyErr,
    message: &str,
) -> PyResult<()> {
    let py = slf.py();
    let error = error.settled(py);
    if ends_the_loop(py, &error) {
        return Err(error);
    }
    let Some(core) = transport.core(py) else {
        return Ok(());
    };
    let exception = error.into_value(py).into_bound(py).into_any();
    let reported = report_failure(transport, &core, slf, message, &exception);
    // Even if the report failed, for example for lack of memory: the data of this read or
    // write is lost, and the protocol must not go on as if it were not.
    transport.force_close(slf, Some(exception))?;
    reported
}

fn report_failure<T: Transport>(
    transport: &T,
    core: &Bound<'_, LoopCore>,
    slf: &Bound<'_, T>,
    message: &str,
    exception: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let py = slf.py();
    if !transport.is_expected(exception) {
        let details = details(slf, message, exception.clone())?;
        details.set_item(crate::intern!(py, "protocol"), transport.protocol(py))?;
        core.call_method1(crate::intern!(py, "call_exception_handler"), (details,))?;
    } else if core.get().debug(py) {
        let keywords = allocate::dict(py)?;
        keywords.set_item(crate::intern!(py, "exc_info"), exception)?;
        let words = allocate::string(py, message)?;
        let format = crate::intern!(py, "%r: %s");
        stdlib::logger(py)?.call_method(
            crate::name!("debug"),
            (format, slf, words),
            Some(&keywords),
        )?;
    }
    Ok(())
}

/// The first entries of an exception handler's context.
fn details<'py, T: Transport>(
    slf: &Bound<'py, T>,
    message: &str,
    exception: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    let py = slf.py();
    let details = allocate::dict(py)?;
    details.set_item(crate::intern!(py, "message"), allocate::string(py, message)?)?;
    details.set_item(crate::intern!(py, "exception"), exception)?;
    details.set_item(crate::intern!(py, "transport"), slf)?;
    Ok(details)
}

/// Reports `error` and goes on.
pub fn report_with<T: Transport>(
    transport: &T,
    core: &Bound<'_, LoopCore>,
    slf: &Bound<'_, T>,
    message: &str,
    error: PyErr,
) -> PyResult<()> {
    let py = slf.py();
    let details = details(slf, message, error.into_value(py).into_bound(py).into_any())?;
    details.set_item(crate::intern!(py, "protocol"), transport.protocol(py))?;
    core.call_method1(crate::intern!(py, "call_exception_handler"), (details,)).map(drop)
}

/// Writes to a lost connection that pass before each is logged.
const QUIET_LOST_WRITES: u32 = 5;

/// Logs a write to a lost connection with asyncio's `text`, unless it is one of
/// the first; there were `earlier` ones.
#[cold]
pub fn log_lost_write(py: Python<'_>, earlier: u32, text: &str) -> PyResult<()> {
    if earlier < QUIET_LOST_WRITES {
        return Ok(());
    }
    let text = allocate::string(py, text)?;
    stdlib::logger(py)?.call_method1(crate::intern!(py, "warning"), (text,)).map(drop)
}

/// Warns that the transport is deallocated without having been closed.
pub fn warn_unclosed<T: Transport>(slf: &Bound<'_, T>, made: Option<Py<PyAny>>) {
    let py = slf.py();
    let warn = move || -> PyResult<()> {
        let text = format!("unclosed transport {}", slf.as_any().repr()?);
        watchdog::note_unclosed(py, &text, made)?;
        let text = allocate::string(py, &text)?;
        let keywords = allocate::dict(py)?;
        keywords.set_item(crate::intern!(py, "source"), slf)?;
        stdlib::warn(py)?.call((text, py.get_type::<PyResourceWarning>()), Some(&keywords))?;
        Ok(())
    };
    if let Err(error) = warn() {
        error.write_unraisable(py, Some(slf.as_any()));
    }
}

/// Reports that a step of the transport failed, as asyncio does, where each
/// step is a callback. `SystemExit` and `KeyboardInterrupt` are returned.
pub fn report_step<T: Transport>(
    core: &Bound<'_, LoopCore>,
    slf: &Bound<'_, T>,
    step: &str,
    error: PyErr,
) -> PyResult<()> {
    let py = slf.py();
    let error = error.settled(py);
    if ends_the_loop(py, &error) {
        return Err(error);
    }
    let class = slf.as_any().get_type().name()?;
    let message = format!("Exception in callback {class}.{step}()");
    let details = details(slf, &message, error.into_value(py).into_bound(py).into_any())?;
    core.call_method1(crate::intern!(py, "call_exception_handler"), (details,)).map(drop)
}

/// Whether `error` ends the loop instead of being reported as a callback's.
pub fn ends_the_loop(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<PySystemExit>(py) || error.is_instance_of::<PyKeyboardInterrupt>(py)
}
