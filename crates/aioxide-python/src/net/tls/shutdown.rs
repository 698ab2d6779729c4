//! Closing a session: sends what was written, then exchanges `close_notify`
//! with the peer.

use pyo3::exceptions::PyTimeoutError;
use pyo3::prelude::*;

use super::protocol::SslProtocol;
use super::session::Attempt;
use super::state::Phase;
use crate::stdlib;

impl SslProtocol {
    /// The application has closed its transport.
    pub(super) fn start_shutdown(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let phase = this.phase(py);
        if matches!(phase, Phase::Flushing | Phase::Shutdown | Phase::Unwrapped) {
            return Ok(());
        }
        if let Some(transport) = this.app_transport(py) {
            transport.get().set_closed(py);
        }
        if phase == Phase::Handshake {
            return Self::abort(slf, None);
        }
        this.enter(py, Phase::Flushing)?;
        Self::start_timer(slf)?;
        Self::flush(slf)
    }

    fn start_timer(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let state = &slf.get().state;
        let seconds = state.shutdown_timeout.clone_ref(py);
        let timer = Self::call_later(slf, seconds, crate::name!("_check_shutdown_timeout"))?;
        drop(state.shutdown_timer.replace(py, Some(timer)));
        Ok(())
    }

    /// Passes on what has arrived, then sends `close_notify`.
    pub(super) fn flush(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        Self::read(slf)?;
        slf.get().enter(py, Phase::Shutdown)?;
        Self::shut_down(slf)
    }

    pub(super) fn shut_down(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let peer_is_gone = this.state.flags.get(py).eof_received;
        let outcome = if peer_is_gone { Ok(Attempt::Done(())) } else { this.session.shut_down(py) };
        match outcome {
            Ok(Attempt::Again) => Self::send_outgoing(slf),
            Ok(Attempt::Done(())) => {
                Self::send_outgoing(slf)?;
                Self::notify_eof(slf)?;
                Self::shutdown_over(slf, None)
            }
            Err(error) if error.is_instance(py, stdlib::ssl_error(py)?) => {
                Self::shutdown_over(slf, Some(error.into_value(py).into_bound(py).into_any()))
            }
            Err(error) => Err(error),
        }
    }

    fn shutdown_over(slf: &Bound<'_, Self>, failure: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        // From 3.14 on the timeout runs until the connection is lost: queued data
        // is sent first, and the peer may not read it.
        if cfg!(Py_3_14) && failure.is_none() {
            if this.state.shutdown_timer.is_none(py) {
                Self::start_timer(slf)?;
            }
        } else if let Some(timer) = this.state.shutdown_timer.take(py) {
            timer.call_method0(py, crate::intern!(py, "cancel"))?;
        }
        match failure {
            Some(failure) => Self::fatal_error(slf, failure, "Fatal error on transport"),
            None => match this.lower(py) {
                Some(lower) => this.call_soon(lower.getattr(crate::intern!(py, "close"))?),
                None => Ok(()),
            },
        }
    }

    /// Ends the connection in the next iteration.
    pub(super) fn abort(slf: &Bound<'_, Self>, reason: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        this.enter(py, Phase::Unwrapped)?;
        match this.lower(py) {
            Some(lower) => {
                lower.call_method1(crate::intern!(py, "_force_close"), (reason,)).map(drop)
            }
            None => Ok(()),
        }
    }
}

#[pymethods]
impl SslProtocol {
    fn _check_shutdown_timeout(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        if !matches!(this.phase(py), Phase::Flushing | Phase::Shutdown) {
            return Ok(());
        }
        match this.lower(py) {
            Some(lower) => {
                let error = PyTimeoutError::new_err(crate::name!("SSL shutdown timed out"));
                lower
                    .call_method1(crate::intern!(py, "_force_close"), (error.into_value(py),))
                    .map(drop)
            }
            None => Ok(()),
        }
    }
}
