//! What a program says of TLS when it asks for a connection or a server.

use pyo3::prelude::*;

/// How a TLS connection is wanted.
pub struct TlsOptions<'py> {
    /// None on the client's side: the default context.
    pub context: Option<Bound<'py, PyAny>>,
    pub server_side: bool,
    pub server_hostname: Option<Bound<'py, PyAny>>,
    /// Seconds; None for asyncio's default.
    pub handshake_timeout: Option<Bound<'py, PyAny>>,
    /// Seconds; None for asyncio's default.
    pub shutdown_timeout: Option<Bound<'py, PyAny>>,
}
