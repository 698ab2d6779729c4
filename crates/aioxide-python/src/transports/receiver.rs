//! How a protocol takes what its stream transport has received.

use pyo3::prelude::*;

use crate::standard;
use crate::streams::StreamProtocolCore;
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
    /// It is our own stream, whose reader needs none either.
    Stream,
}

impl Receiver {
    /// What `protocol` is.
    pub fn of(protocol: &Bound<'_, PyAny>) -> PyResult<Self> {
        if protocol.is_exact_instance_of::<SslProtocol>() {
            return Ok(Self::Tls);
        }
        if let Ok(stream) = protocol.cast::<StreamProtocolCore>()
            && stream.get().receives_natively()
        {
            return Ok(Self::Stream);
        }
        let buffered = protocol.is_instance(standard::buffered_protocol(protocol.py())?)?;
        Ok(if buffered { Self::Buffer } else { Self::Bytes })
    }
}
