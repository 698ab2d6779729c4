//! From the first record to `connection_made`.

use pyo3::exceptions::{PyConnectionAbortedError, PyException};
use pyo3::prelude::*;

use super::protocol::SslProtocol;
use super::session::Attempt;
use super::state::{Notified, Phase};
use crate::ffi::errors::Settled;
use crate::stdlib;

impl SslProtocol {
    pub(super) fn start_handshake(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        Self::log_debug(slf, "%r starts SSL handshake")?;
        let core = this.core(py)?;
        let state = &this.state;
        let started = match core.get().debug(py) {
            true => Some(core.call_method0(crate::intern!(py, "time"))?.unbind()),
            false => None,
        };
        drop(state.handshake_started.replace(py, started));
        this.enter(py, Phase::Handshake)?;
        let seconds = state.handshake_timeout.clone_ref(py);
        let timer = Self::call_later(slf, seconds, crate::name!("_check_handshake_timeout"))?;
        drop(state.handshake_timer.replace(py, Some(timer)));
        Self::handshake(slf)
    }

    /// Continues the handshake as far as the received data allows.
    pub(super) fn handshake(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        match slf.get().session.handshake(py) {
            Ok(Attempt::Again) => Self::send_outgoing(slf),
            Ok(Attempt::Done(())) => Self::handshake_over(slf, Ok(())),
            Err(error) if error.is_instance(py, stdlib::ssl_error(py)?) => {
                Self::handshake_over(slf, Err(error))
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn handshake_over(slf: &Bound<'_, Self>, outcome: PyResult<()>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        if let Some(timer) = this.state.handshake_timer.take(py) {
            timer.call_method0(py, crate::intern!(py, "cancel"))?;
        }
        let facts = outcome
            .and_then(|()| this.enter(py, Phase::Wrapped))
            .and_then(|()| this.session.object(py).call_method0(crate::intern!(py, "getpeercert")))
            .settled(py);
        match facts {
            Ok(certificate) => Self::connected(slf, certificate),
            Err(error) if error.is_instance_of::<PyException>(py) => {
                Self::handshake_failed(slf, error)
            }
            Err(error) => Err(error),
        }
    }

    fn handshake_failed(slf: &Bound<'_, Self>, error: PyErr) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        // As in asyncio, no alert with the reason is sent to the peer.
        this.enter(py, Phase::Unwrapped)?;
        let message = if error.is_instance(py, stdlib::ssl_certificate_error(py)?) {
            "SSL handshake failed on verifying the certificate"
        } else {
            "SSL handshake failed"
        };
        let error = error.into_value(py).into_bound(py).into_any();
        Self::fatal_error(slf, error.clone(), message)?;
        Self::wake_waiter(slf, Some(&error))
    }

    fn connected(slf: &Bound<'_, Self>, certificate: Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let core = this.core(py)?;
        if core.get().debug(py)
            && let Some(started) = this.state.handshake_started.clone_ref(py)
        {
            let took = core.call_method0(crate::intern!(py, "time"))?.sub(started)?.mul(1e3)?;
            stdlib::logger(py)?.call_method1(
                crate::name!("debug"),
                (crate::name!("%r: SSL handshake took %.1f ms"), slf, took),
            )?;
        }
        let object = this.session.object(py);
        let extra = this.state.extra.clone_ref(py).map(|extra| extra.into_bound(py));
        if let Some(extra) = extra {
            extra.set_item(crate::name!("peercert"), certificate)?;
            extra.set_item(crate::name!("cipher"), object.call_method0(crate::name!("cipher"))?)?;
            extra.set_item(
                crate::name!("compression"),
                object.call_method0(crate::name!("compression"))?,
            )?;
            extra.set_item(crate::name!("ssl_object"), object)?;
        }
        let first = this.state.flags.update(py, |flags| {
            let first = flags.notified == Notified::Nothing;
            if first {
                flags.notified = Notified::Made;
            }
            first
        });
        if let Some(protocol) = this.app_protocol(py).filter(|_| first) {
            let transport = this.app_transport(py);
            let made = crate::intern!(py, "connection_made");
            this.state.maker.within(|| protocol.call_method1(made, (transport,)))?;
        }
        Self::wake_waiter(slf, None)?;
        // The peer's first data may have arrived together with its last
        // handshake record.
        Self::read(slf)
    }
}

#[pymethods]
impl SslProtocol {
    fn _check_handshake_timeout(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        if this.phase(py) != Phase::Handshake {
            return Ok(());
        }
        let seconds = match this.state.handshake_timeout.clone_ref(py) {
            Some(seconds) => seconds.bind(py).str()?.to_string(),
            None => String::new(),
        };
        let error = PyConnectionAbortedError::new_err(format!(
            "SSL handshake is taking longer than {seconds} seconds: aborting the connection"
        ));
        let error = error.into_value(py).into_bound(py).into_any();
        Self::fatal_error(slf, error, "Fatal error on transport")
    }
}
