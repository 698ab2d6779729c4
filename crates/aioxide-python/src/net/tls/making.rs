//! Creates transports over sockets that the Python half has connected.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{Origin, SslProtocol, SslTransport};
use crate::core::event_loop::LoopCore;
use crate::core::futures::Future;
use crate::net::server::ServerCore;
use crate::net::tls_options::TlsOptions;
use crate::net::transports::SocketTransport;

#[pymethods]
impl LoopCore {
    /// A transport over a connected, non-blocking socket.
    #[pyo3(signature = (sock, protocol, waiter=None, *, extra=None, server=None))]
    fn _make_socket_transport(
        slf: &Bound<'_, Self>,
        sock: Bound<'_, PyAny>,
        protocol: Bound<'_, PyAny>,
        waiter: Option<Py<Future>>,
        extra: Option<Bound<'_, PyDict>>,
        server: Option<Py<ServerCore>>,
    ) -> PyResult<Py<SocketTransport>> {
        SocketTransport::over_socket(slf, sock, protocol, waiter, extra, server)
    }

    /// The same with TLS; `waiter` is done after the handshake.
    #[pyo3(signature = (rawsock, protocol, sslcontext, waiter=None, *, server_side=false,
        server_hostname=None, extra=None, server=None, ssl_handshake_timeout=None,
        ssl_shutdown_timeout=None))]
    #[allow(clippy::too_many_arguments, reason = "asyncio's signature")]
    fn _make_ssl_transport(
        slf: &Bound<'_, Self>,
        rawsock: Bound<'_, PyAny>,
        protocol: Bound<'_, PyAny>,
        sslcontext: Option<Bound<'_, PyAny>>,
        waiter: Option<Py<Future>>,
        server_side: bool,
        server_hostname: Option<Bound<'_, PyAny>>,
        extra: Option<Bound<'_, PyDict>>,
        server: Option<Py<ServerCore>>,
        ssl_handshake_timeout: Option<Bound<'_, PyAny>>,
        ssl_shutdown_timeout: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Option<Py<SslTransport>>> {
        let py = slf.py();
        let options = TlsOptions {
            context: sslcontext,
            server_side,
            server_hostname,
            handshake_timeout: ssl_handshake_timeout,
            shutdown_timeout: ssl_shutdown_timeout,
        };
        let tls = SslProtocol::create(slf, protocol, options, Origin::Connected(waiter))?;
        let below = tls.clone_ref(py).into_bound(py).into_any();
        SocketTransport::over_socket(slf, rawsock, below, None, extra, server)?;
        Ok(tls.get().app_transport(py))
    }
}
