//! `FileSend`: a file that the kernel copies to a socket (`os.sendfile`).
//!
//! It counts the bytes that are sent. A `sock_sendfile` call or a transport
//! drives it.

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::exceptions::{PyBlockingIOError, PyConnectionError, PyInterruptedError, PyOSError};
use pyo3::prelude::*;
use rustix::io::Errno;

use crate::ffi::allocate::Made;
use crate::ffi::errors::Settled;
use crate::stdlib;

/// The most bytes to send in one iteration of the loop. Without a bound, a
/// reader that is as fast as the writer would keep the loop from everything
/// else.
const SHARE: u64 = 1 << 20;

/// How an attempt ended.
pub enum Progress {
    /// Everything is sent.
    Done,
    /// The socket's send buffer is full.
    Blocked,
    /// This iteration's share is sent; the socket may take more.
    Again,
}

/// FileSend(file, offset, count): sends `count` bytes of the descriptor `file`,
/// starting at `offset`; up to the end of the file if `count` is None.
#[pyclass(frozen, module = "aioxide")]
pub struct FileSend {
    file: RawFd,
    offset: u64,
    count: Option<u64>,
    /// Bytes that are sent. Atomic because the class has to be `Sync`.
    sent: AtomicU64,
}

impl FileSend {
    /// How many bytes were sent.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Sends as much as `socket` takes, at most one iteration's share.
    ///
    /// # Errors
    ///
    /// `SendfileNotAvailableError` if the first call fails: the system does not
    /// support this file or this socket. The system's error if some bytes were
    /// sent before.
    pub fn attempt(&self, py: Python<'_>, socket: RawFd) -> PyResult<Progress> {
        let mut share = SHARE;
        loop {
            let sent = self.sent();
            let left = self.count.map(|count| count.saturating_sub(sent));
            let wanted = left.map_or(share, |left| share.min(left));
            if wanted == 0 {
                return Ok(if share == 0 { Progress::Again } else { Progress::Done });
            }
            // The interpreter's function knows the argument order of every
            // Unix, and it releases the GIL while the disk is read.
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
        // On some systems this is how a lost peer is reported.
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

    /// How many bytes were sent.
    #[getter]
    fn get_sent(&self) -> Made<u64> {
        Made(self.sent())
    }
}
