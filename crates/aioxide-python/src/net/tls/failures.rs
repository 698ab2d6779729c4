//! Reports of a handshake's result and of failures.

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::protocol::SslProtocol;
use crate::core::futures::Future;
use crate::ffi::allocate;
use crate::stdlib;

impl SslProtocol {
    /// Completes the future that waits for the handshake.
    pub(super) fn wake_waiter(
        slf: &Bound<'_, Self>,
        failure: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let Some(waiter) = this.state.waiter.take(py) else {
            return Ok(());
        };
        let waiter = waiter.bind(py);
        match failure {
            _ if waiter.get().is_done(py) => Ok(()),
            Some(failure) => {
                waiter.call_method1(crate::intern!(py, "set_exception"), (failure,)).map(drop)
            }
            None => Future::finish(waiter, py.None()),
        }
    }

    pub(super) fn report(&self, details: Bound<'_, PyDict>) -> PyResult<()> {
        let py = details.py();
        self.core(py)?
            .call_method1(crate::intern!(py, "call_exception_handler"), (details,))
            .map(drop)
    }

    /// Ends the connection because of `error`. A system error, which includes
    /// those of TLS, comes from the peer or the network and is only logged in
    /// debug mode; any other is reported.
    pub(super) fn fatal_error(
        slf: &Bound<'_, Self>,
        error: Bound<'_, PyAny>,
        message: &str,
    ) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let lower = this.lower(py);
        if let Some(lower) = &lower {
            lower.call_method1(crate::intern!(py, "_force_close"), (&error,))?;
        }
        if error.is_instance_of::<PyOSError>() {
            if this.core(py)?.get().debug(py) {
                let keywords = allocate::dict(py)?;
                keywords.set_item(crate::name!("exc_info"), &error)?;
                stdlib::logger(py)?.call_method(
                    crate::name!("debug"),
                    (crate::name!("%r: %s"), slf, crate::ffi::allocate::Made(message)),
                    Some(&keywords),
                )?;
            }
            return Ok(());
        }
        if error.is_instance(stdlib::cancelled_error(py)?)? {
            return Ok(());
        }
        let details = allocate::dict(py)?;
        details.set_item(crate::name!("message"), crate::ffi::allocate::Made(message))?;
        details.set_item(crate::name!("exception"), error)?;
        details.set_item(crate::name!("transport"), lower)?;
        details.set_item(crate::name!("protocol"), slf)?;
        this.report(details)
    }

    pub(super) fn log_debug(slf: &Bound<'_, Self>, message: &str) -> PyResult<()> {
        let py = slf.py();
        if slf.get().core(py)?.get().debug(py) {
            stdlib::logger(py)?
                .call_method1(crate::name!("debug"), (crate::ffi::allocate::Made(message), slf))?;
        }
        Ok(())
    }
}
