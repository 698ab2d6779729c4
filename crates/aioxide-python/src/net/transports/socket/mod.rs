//! Stream transports over sockets.
//!
//! A transport registers its socket once, edge-triggered: for reading, and for
//! writing too after the kernel first took less than it was given. Data is read
//! into the loop's scratch buffer and copied to `bytes` of the exact size. Data
//! is written to the kernel immediately; only what the kernel did not take is
//! queued.

mod file_sending;
mod info;
mod lifecycle;
mod methods;
mod object;
mod reading;
mod writing;

use pyo3::exceptions::{PyBlockingIOError, PyInterruptedError};
use pyo3::prelude::*;

pub use methods::install_socket_transport;
pub use object::{Accepted, SocketTransport};

/// Whether a method of a socket object raised because it would block or was
/// interrupted.
fn would_block(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<PyBlockingIOError>(py) || error.is_instance_of::<PyInterruptedError>(py)
}
