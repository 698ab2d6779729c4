//! One end of a pipe: the file object and its descriptor.

use std::os::fd::RawFd;

use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rustix::fs::FileType;
use rustix::io::Errno;

use crate::core::event_loop::Direction;
use crate::ffi::allocate;
use crate::ffi::errors::os_error;
use crate::ffi::file_descriptor::numbered;
use crate::net::transports::lifecycle::{self, Lifecycle, polling};
use crate::net::transports::link::Transport;

/// The type of the file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A pipe without a name.
    Pipe,
    /// A FIFO with a name in the file system.
    Fifo,
    Socket,
    /// A terminal, for example.
    CharacterDevice,
}

/// The descriptor of `pipe`, made non-blocking, and its type. `ValueError` with
/// the text `refusal` for a file that the poller cannot watch.
pub fn open(pipe: &Bound<'_, PyAny>, refusal: &'static str) -> PyResult<(RawFd, FileKind)> {
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
        FileType::Fifo if status.st_nlink > 0 => FileKind::Fifo,
        FileType::Fifo => FileKind::Pipe,
        FileType::Socket => FileKind::Socket,
        FileType::CharacterDevice => FileKind::CharacterDevice,
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

/// Closes the file object, if it is still open.
pub fn close(py: Python<'_>, pipe: Option<Py<PyAny>>) -> PyResult<()> {
    match pipe {
        Some(pipe) => pipe.call_method0(py, crate::intern!(py, "close")).map(drop),
        None => Ok(()),
    }
}

/// Stops watching one direction of a transport's descriptor.
pub fn stop_watching<T: Transport>(transport: &T, py: Python<'_>, fd: RawFd, direction: Direction) {
    if let Some(core) = transport.core(py) {
        // This fails if the program has closed the descriptor; then it is not
        // watched any more.
        let _ = core.get().clear_watcher(py, fd, direction);
    }
}

/// The `repr` of a transport over a pipe. `details` come after the state of an
/// open one.
pub fn describe<T: Lifecycle>(
    transport: &T,
    py: Python<'_>,
    (class, fd): (&str, RawFd),
    (closing, polls): (bool, bool),
    details: &str,
) -> String {
    let open = transport.is_open(py);
    let running = transport.core(py).is_some_and(|core| core.get().check_closed(py).is_ok());
    let state = match (open, running) {
        (false, _) => " closed".to_owned(),
        (true, false) => " open".to_owned(),
        (true, true) => format!(" {}{details}", polling(polls)),
    };
    lifecycle::describe(class, open, closing, fd, &state)
}

/// The Python methods that both ends have, over the field `pipe`; `$closing` is
/// the flag's path in `flags`.
macro_rules! pipe_methods {
    ($class:ident, $($closing:ident).+) => {
        crate::ffi::attributes::object_attributes!($class { _pipe: pipe, get__pipe, set__pipe; });
        crate::ffi::attributes::flag_attributes!($class {
            _closing: $($closing).+, get__closing, set__closing;
        });

        #[pymethods]
        impl $class {
            #[pyo3(signature = (exc=None))]
            fn _close(slf: &Bound<'_, Self>, exc: Option<Bound<'_, PyAny>>) -> PyResult<()> {
                slf.get().force_close(slf, exc)
            }

            /// Whether the transport is closing, or the pipe has ended.
            fn is_closing(&self, py: Python<'_>) -> bool {
                self.state.flags.get(py).$($closing).+
            }

            #[getter]
            fn _fileno(&self) -> RawFd {
                self.fd
            }
        }
    };
}
pub(super) use pipe_methods;
