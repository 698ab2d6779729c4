//! One end of a pipe: the file object and its descriptor.

use std::os::fd::RawFd;

use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rustix::fs::FileType;
use rustix::io::Errno;

use crate::core::event_loop::LoopCore;
use crate::ffi::allocate;
use crate::ffi::errors::os_error;
use crate::ffi::file_descriptor::numbered;
use crate::net::transports::Transport;
use crate::net::transports::failures::report_step;

/// What kind of file it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A pipe or a FIFO.
    Pipe,
    /// A FIFO with a name.
    Fifo,
    Socket,
    /// A terminal, for example.
    CharacterDevice,
}

/// The descriptor of `pipe`, made non-blocking, and its kind. `ValueError` in
/// the words of `refusal` for a file that no poller watches.
pub fn open(pipe: &Bound<'_, PyAny>, refusal: &'static str) -> PyResult<(RawFd, Kind)> {
    let py = pipe.py();
    let number = pipe.call_method0(crate::intern!(py, "fileno"))?;
    let fd: RawFd = number.extract().map_err(|error: PyErr| {
        match error.is_instance_of::<PyOverflowError>(py) {
            true => {
                PyOverflowError::new_err(crate::name!("Python int too large to convert to C int"))
            }
            false => error,
        }
    })?;
    if fd < 0 {
        return Err(os_error(Errno::BADF));
    }
    let status = rustix::fs::fstat(numbered(fd)).map_err(os_error)?;
    let kind = match FileType::from_raw_mode(status.st_mode) {
        FileType::Fifo if status.st_nlink > 0 => Kind::Fifo,
        FileType::Fifo => Kind::Pipe,
        FileType::Socket => Kind::Socket,
        FileType::CharacterDevice => Kind::CharacterDevice,
        _ => return Err(PyValueError::new_err(refusal)),
    };
    rustix::io::ioctl_fionbio(numbered(fd), true).map_err(os_error)?;
    Ok((fd, kind))
}

/// The dictionary behind `get_extra_info`.
pub fn extra<'py>(
    pipe: &Bound<'py, PyAny>,
    given: Option<Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyDict>> {
    let extra = match given {
        Some(given) => given.copy()?,
        None => allocate::dict(pipe.py())?,
    };
    extra.set_item(crate::intern!(pipe.py(), "pipe"), pipe)?;
    Ok(extra)
}

/// Closes the file object, in the last turn of its transport.
pub fn close<T: Transport>(
    core: &Bound<'_, LoopCore>,
    slf: &Bound<'_, T>,
    pipe: Option<Py<PyAny>>,
) -> PyResult<()> {
    let py = slf.py();
    let Some(pipe) = pipe else {
        return Ok(());
    };
    match pipe.call_method0(py, crate::intern!(py, "close")) {
        Ok(_) => Ok(()),
        Err(error) => report_step(core, slf, "_call_connection_lost", error),
    }
}

/// Closes the file object of a transport that goes without having been closed.
pub fn abandon<T: Transport>(slf: &Bound<'_, T>, pipe: Option<Py<PyAny>>) {
    let py = slf.py();
    if let Some(pipe) = pipe
        && let Err(error) = pipe.call_method0(py, crate::intern!(py, "close"))
    {
        error.write_unraisable(py, Some(slf.as_any()));
    }
}

/// The words that every pipe's `repr` begins with.
pub fn describe(class: &str, open: bool, closing: bool, fd: RawFd) -> String {
    let state = match (open, closing) {
        (false, _) => " closed",
        (true, true) => " closing",
        (true, false) => "",
    };
    format!("<{class}{state} fd={fd}")
}
