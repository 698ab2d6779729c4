//! Streams: reading and writing a connection by `await` (`asyncio.streams`).
//!
//! A native transport reads into the reader's buffer without a Python call and
//! without creating an object (see [`crate::net::transports`]).

mod buffer;
mod by_subclass;
mod connected;
mod draining;
mod feeding;
mod limit;
mod methods;
mod overrides;
mod protocol;
mod reader;
mod reading;
mod separators;
mod until;
mod upgrading;
mod writer;

pub use by_subclass::{LineBySubclass, ReadAllBySubclass};
pub use connected::ClientDone;
pub use draining::{Drain, WaitClosed, WaitForDrain};
pub use methods::install_streams;
pub use protocol::StreamProtocolCore;
pub use reader::StreamReader;
pub use reading::{Read, ReadExactly, WaitForData};
pub use until::ReadUntil;
pub use upgrading::StartTls;
pub use writer::StreamWriter;

use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;

/// The error for reading an attribute that `__init__` has not set.
fn uninitialized(object: &Bound<'_, PyAny>, attribute: &str) -> PyErr {
    match object.get_type().name() {
        Ok(name) => {
            PyAttributeError::new_err(format!("'{name}' object has no attribute '{attribute}'"))
        }
        Err(error) => error,
    }
}
