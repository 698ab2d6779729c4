//! From a file to the socket without the protocol (`loop.sendfile`).

use pyo3::PyTraverseError;
use pyo3::exceptions::{PyConnectionError, PyRuntimeError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::SocketTransport;
use crate::core::dispatch::TransportEvent;
use crate::core::dispatch::WRITABLE;
use crate::core::futures::Future;
use crate::ffi::gil_cell::CloneRef;
use crate::net::file_send::{FileSend, Progress};
use crate::net::transports::Transport;
use crate::stdlib;

/// A file that is being sent. Nothing else may be written meanwhile.
pub struct FileSending {
    file: Py<FileSend>,
    /// Done when the file is sent, or when sending has failed.
    done: Py<Future>,
}

// SAFETY: reference counts go up.
unsafe impl CloneRef for FileSending {
    fn clone_ref(&self, py: Python<'_>) -> Self {
        Self { file: self.file.clone_ref(py), done: self.done.clone_ref(py) }
    }
}

impl FileSending {
    /// Done when the file is sent.
    pub(super) fn waiter(&self) -> &Py<Future> {
        &self.done
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.file)?;
        visit.call(&self.done)
    }
}

impl SocketTransport {
    /// Whether a file waits to be sent, or is being sent.
    pub(super) fn is_sending_file(&self, py: Python<'_>) -> bool {
        self.state.sending.is_some(py)
    }

    /// Sends as much of the file as the kernel takes, once everything written
    /// before it is sent.
    pub(super) fn send_file(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        if !self.state.queue.is_empty(py) || self.state.flags.get(py).stage.lost_writes > 0 {
            return Ok(());
        }
        let sending = self.state.sending.clone_ref(py);
        let Some(FileSending { file, done }) = sending.filter(|it| !it.done.get().is_done(py))
        else {
            return Ok(());
        };
        let done = done.bind(py);
        match file.get().attempt(py, self.fd) {
            Ok(Progress::Blocked) => self.await_writable(slf),
            Ok(Progress::Again) => {
                self.schedule(slf, TransportEvent::Io(WRITABLE));
                Ok(())
            }
            // A signal handler may have run and cancelled the future.
            _ if done.get().is_done(py) => Ok(()),
            Ok(Progress::Done) => Future::finish(done, py.None()),
            Err(error) => Future::fail(done, error.into_value(py).into_bound(py).into_any()),
        }
    }

    /// The connection is lost: fails the future of a file that is not sent
    /// completely.
    pub(super) fn give_up_file(&self, py: Python<'_>, reason: Option<Py<PyAny>>) -> PyResult<()> {
        let done = self.state.sending.clone_of(py, |it| it.as_ref().map(|it| &it.done));
        let Some(done) = done.filter(|done| !done.get().is_done(py)) else {
            return Ok(());
        };
        let error = match reason {
            Some(reason) => reason.into_bound(py),
            None => PyConnectionError::new_err(crate::name!("Connection is closed by peer"))
                .into_value(py)
                .into_bound(py)
                .into_any(),
        };
        Future::fail(done.bind(py), error)
    }
}

#[pymethods]
impl SocketTransport {
    /// `loop.sendfile` may use the kernel's sendfile.
    #[classattr]
    fn _sendfile_compatible(py: Python<'_>) -> PyResult<Py<PyAny>> {
        stdlib::sendfile_mode(py)?.getattr(crate::name!("TRY_NATIVE")).map(Bound::unbind)
    }

    /// Sends `file` after everything written so far. Writing raises until
    /// `_end_send_file` is called. The future is done when the file is sent.
    fn _send_file(slf: &Bound<'_, Self>, file: Py<FileSend>) -> PyResult<Py<Future>> {
        let py = slf.py();
        let this = slf.get();
        let Some(core) = this.core(py) else {
            return Err(PyRuntimeError::new_err(crate::name!("Transport is closing")));
        };
        if this.is_sending_file(py) {
            return Err(PyRuntimeError::new_err(crate::name!(
                "unable to sendfile; sendfile is in progress"
            )));
        }
        let done = Future::on_loop(py, &core)?;
        let kept = FileSending { file, done: done.clone_ref(py) };
        drop(this.state.sending.replace(py, Some(kept)));
        if let Err(error) = this.send_file(slf) {
            this._end_send_file(py);
            return Err(error);
        }
        Ok(done)
    }

    /// Allows writing again, whether or not the file was sent.
    fn _end_send_file(&self, py: Python<'_>) {
        drop(self.state.sending.take(py));
    }
}
