//! How a protocol receives data from its stream transport.

use pyo3::prelude::*;

use crate::net::byte_stream::ByteStream;
use crate::net::streams::{StreamProtocolCore, StreamReader};
use crate::net::tls::SslProtocol;
use crate::stdlib;

/// The way in which a protocol receives data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Receiver {
    /// `data_received(bytes)`.
    Bytes,
    /// `get_buffer` and `buffer_updated`: the protocol has its own buffers.
    Buffer,
    /// The native TLS protocol, which needs no Python call.
    Tls,
    /// The native stream protocol, which needs no Python call either.
    Stream,
    /// The same for the stream of Rust futures.
    Rust,
}

impl Receiver {
    /// The receiver for `protocol`.
    pub fn of(protocol: &Bound<'_, PyAny>) -> PyResult<Self> {
        if protocol.is_exact_instance_of::<SslProtocol>() {
            return Ok(Self::Tls);
        }
        if let Ok(stream) = protocol.cast::<StreamProtocolCore>()
            && stream.get().receives_natively()
        {
            return Ok(Self::Stream);
        }
        if protocol.is_exact_instance_of::<ByteStream>() {
            return Ok(Self::Rust);
        }
        let buffered = protocol.is_instance(stdlib::buffered_protocol(protocol.py())?)?;
        Ok(if buffered { Self::Buffer } else { Self::Bytes })
    }
}

/// Passes `data` to `protocol` if that is the native TLS protocol.
#[inline]
pub fn feed_tls(protocol: &Bound<'_, PyAny>, data: &Bound<'_, PyAny>) -> Option<PyResult<()>> {
    protocol.cast_exact::<SslProtocol>().ok().map(|tls| SslProtocol::feed(tls, data))
}

/// Passes `data` to `protocol` if that is the native stream protocol.
#[inline]
pub fn feed_stream(protocol: &Bound<'_, PyAny>, data: &Bound<'_, PyAny>) -> Option<PyResult<()>> {
    protocol.cast::<StreamProtocolCore>().ok().map(|stream| stream.get().receive(data))
}

/// The stream of Rust futures, if `protocol` is one.
#[inline]
pub fn byte_stream<'a, 'py>(protocol: &'a Bound<'py, PyAny>) -> Option<&'a Bound<'py, ByteStream>> {
    protocol.cast_exact::<ByteStream>().ok()
}

/// The reader whose buffer receives the data for `protocol`, if that is the native stream
/// protocol.
#[inline]
pub fn direct_reader<'py>(protocol: &Bound<'py, PyAny>) -> Option<Bound<'py, StreamReader>> {
    let stream = protocol.cast::<StreamProtocolCore>().ok()?;
    stream.get().direct_reader(protocol.py())
}
