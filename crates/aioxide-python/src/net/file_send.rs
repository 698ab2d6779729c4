//! `FileSend`: a file on its way into a socket, without passing through this
//! process (`os.sendfile`).
//!
//! It knows how far it has come, whoever drives it: a `sock_sendfile` call or
//! a transport.

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::exceptions::{PyBlockingIOError, PyConnectionError, PyInterruptedError, PyOSError};
use pyo3::prelude::*;
use rustix::io::Errno;

use crate::ffi::allocate::Made;
use crate::ffi::errors::Settled;
use crate::stdlib;

/// Bytes that go out in one turn of the loop at most: a reader as fast as the
/// writer must not keep the loop from everything else.
const SHARE: u64 = 1 << 20;

/// How an attempt ended.
pub enum Progress {
    /// Everything is out.
    Done,
    /// The socket takes nothing now.
    Blocked,
    /// This iteration's share is out; the socket may take more.
    Again,
}

/// FileSend(file, offset, count): `count` bytes of the descriptor `file` from
/// `offset` on, or all there are if `count` is None.
#[pyclass(frozen, module = "aioxide")]
pub struct FileSend {
    file: RawFd,
    offset: u64,
    count: Option<u64>,
    /// Bytes that are out. Atomic for want of a cheaper cell that is `Sync`.
    sent: AtomicU64,
}

impl FileSend {
    /// How many bytes are out.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Sends what `socket` takes, at most an iteration's share.
    ///
    /// # Errors
    ///
    /// `SendfileNotAvailableError` if the system cannot do it at all with this
    /// file and this socket; the system's error once something is out.
    pub fn attempt(&self, py: Python<'_>, socket: RawFd) -> PyResult<Progress> {
        let mut share = SHARE;
        loop {
            let sent = self.sent();
            let left = self.count.map(|count| count.saturating_sub(sent));
            let wanted = left.map_or(share, |left| share.min(left));
            if wanted == 0 {
                return Ok(if share == 0 { Progress::Again } else { Progress::Done });
            }
            // The interpreter's own function: it knows the argument order of
            // every Unix and lets the GIL go while the disk is read.
            let arguments = (socket, self.file, self.offset.saturating_add(sent), wanted);
            let now = match stdlib::sendfile(py)?.call1(arguments) {
                Ok(count) => count.extract::<u64>()?,
                Err(error)
                    if error.is_instance_of::<PyBlockingIOError>(py)
                        || error.is_instance_of::<PyInterruptedError>(py) =>
                {
                    return Ok(Progress::Blocked);
                }
                Err(error) => return Err(self.failure(py, error)?),
            };
            if now == 0 {
                return Ok(Progress::Done);
            }
            self.sent.store(sent.saturating_add(now), Ordering::Relaxed);
            share -= now.min(share);
        }
    }

    fn failure(&self, py: Python<'_>, error: PyErr) -> PyResult<PyErr> {
        if !error.is_instance_of::<PyOSError>(py) {
            return Ok(error);
        }
        if self.sent() == 0 {
            let class = stdlib::sendfile_not_available(py)?;
            return Ok(PyErr::from_type(class.clone(), "os.sendfile call failed"));
        }
        // Some systems report so that the peer has gone meanwhile.
        let number = error.value(py).getattr(crate::intern!(py, "errno"))?;
        if !number.is_none() && number.eq(Errno::NOTCONN.raw_os_error())? {
            let lost = PyConnectionError::new_err((
                "socket is not connected",
                Errno::NOTCONN.raw_os_error(),
            ))
            .settled(py);
            lost.set_cause(py, Some(error));
            return Ok(lost);
        }
        Ok(error)
    }
}

#[pymethods]
impl FileSend {
    #[new]
    fn __new__(file: RawFd, offset: u64, count: Option<u64>) -> Self {
        Self { file, offset, count, sent: AtomicU64::new(0) }
    }

    /// How many bytes are out.
    #[getter]
    fn get_sent(&self) -> Made<u64> {
        Made(self.sent())
    }
}
