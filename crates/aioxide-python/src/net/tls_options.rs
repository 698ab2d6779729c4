//! The TLS arguments of a connection or a server.

use pyo3::prelude::*;

/// The TLS arguments of a connection or a server.
pub struct TlsOptions<'py> {
    /// None for the default context, which only a client may use.
    pub context: Option<Bound<'py, PyAny>>,
    pub server_side: bool,
    pub server_hostname: Option<Bound<'py, PyAny>>,
    /// Seconds; None for asyncio's default.
    pub handshake_timeout: Option<Bound<'py, PyAny>>,
    /// Seconds; None for asyncio's default.
    pub shutdown_timeout: Option<Bound<'py, PyAny>>,
}
