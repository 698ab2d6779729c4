//! Stream transports over sockets.
//!
//! A transport registers its socket once, edge-triggered: for reading, and for
//! writing too from the moment when the kernel first took less than it was given.
//! Reading goes through the loop's scratch buffer into `bytes` of the exact
//! size; writing goes to the kernel at once and queues only what it refused.

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

/// Whether a method of a socket object says that it could do nothing now.
fn would_block(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<PyBlockingIOError>(py) || error.is_instance_of::<PyInterruptedError>(py)
}
