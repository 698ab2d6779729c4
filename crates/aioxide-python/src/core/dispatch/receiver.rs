//! How a protocol takes what its stream transport has received.

use pyo3::prelude::*;

use crate::net::streams::{StreamProtocolCore, StreamReader};
use crate::net::tls::SslProtocol;
use crate::stdlib;

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
        let buffered = protocol.is_instance(stdlib::buffered_protocol(protocol.py())?)?;
        Ok(if buffered { Self::Buffer } else { Self::Bytes })
    }
}

/// Hands `data` to `protocol` if that is our own TLS.
#[inline]
pub fn feed_tls(protocol: &Bound<'_, PyAny>, data: &Bound<'_, PyAny>) -> Option<PyResult<()>> {
    protocol.cast_exact::<SslProtocol>().ok().map(|tls| SslProtocol::feed(tls, data))
}

/// Hands `data` to `protocol` if that is our own stream.
#[inline]
pub fn feed_stream(protocol: &Bound<'_, PyAny>, data: &Bound<'_, PyAny>) -> Option<PyResult<()>> {
    protocol.cast::<StreamProtocolCore>().ok().map(|stream| stream.get().receive(data))
}

/// The reader into whose buffer goes what is received for `protocol`, if that is our own
/// stream.
#[inline]
pub fn direct_reader<'py>(protocol: &Bound<'py, PyAny>) -> Option<Bound<'py, StreamReader>> {
    let stream = protocol.cast::<StreamProtocolCore>().ok()?;
    stream.get().direct_reader(protocol.py())
}
