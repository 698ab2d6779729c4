//! How a protocol takes what its stream transport has received.

use pyo3::prelude::*;

use crate::standard;
use crate::tls::SslProtocol;

/// Which of its methods a protocol is handed data by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Receiver {
    /// `data_received(bytes)`.
    Bytes,
    /// `get_buffer` and `buffer_updated`: it brings its own buffers.
    Buffer,
    /// It is our own TLS, which needs no Python call.
    Tls,
}

impl Receiver {
    /// What `protocol` is.
    pub fn of(protocol: &Bound<'_, PyAny>) -> PyResult<Self> {
        if protocol.is_exact_instance_of::<SslProtocol>() {
            return Ok(Self::Tls);
        }
        let buffered = protocol.is_instance(standard::buffered_protocol(protocol.py())?)?;
        Ok(if buffered { Self::Buffer } else { Self::Bytes })
    }
}
