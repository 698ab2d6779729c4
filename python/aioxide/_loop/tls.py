"""``start_tls``: encrypting an existing connection."""

from __future__ import annotations

from asyncio import streams

from .._aioxide import LoopCore, SSLProtocol
from .._patch_releases import START_TLS_HANDS_OVER

try:
    import ssl
except ImportError:  # a Python built without OpenSSL
    ssl = None

__all__ = ("StartTls",)


class StartTls(LoopCore):
    """The upgrade of a transport to TLS."""

    __slots__ = ()  # See Loop.

    async def start_tls(
        self,
        transport,
        protocol,
        sslcontext,
        *,
        server_side=False,
        server_hostname=None,
        ssl_handshake_timeout=None,
        ssl_shutdown_timeout=None,
    ):
        """Upgrade a connection to TLS.

        Arguments:
            transport: the stream transport; it must not be used directly
                afterwards. If it is encrypted already, the result is TLS in TLS.
            protocol: the protocol that the new transport calls. Its
                ``connection_made()`` was called before and is not called again.
            sslcontext: the ``ssl.SSLContext``.
            server_side: whether the peer begins the handshake.
            server_hostname: the name that the peer's certificate must have.
            ssl_handshake_timeout: seconds after which an unfinished handshake
                aborts the connection; 60 by default.
            ssl_shutdown_timeout: seconds after which an unfinished closing
                handshake aborts the connection; 30 by default.

        Returns:
            The transport to use from now on; None if the connection was lost
            without an error before the handshake ended.

        Raises:
            TypeError: ``sslcontext`` is not an ``ssl.SSLContext``, or the
                transport cannot be upgraded.
            ValueError: a timeout is not positive.
            ssl.SSLError, OSError: the handshake failed.

        Cancellation closes the connection.

        https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.start_tls
        """
        if ssl is None:
            raise RuntimeError("Python ssl module is not available")
        if not isinstance(sslcontext, ssl.SSLContext):
            raise TypeError(
                f"sslcontext is expected to be an instance of ssl.SSLContext, got {sslcontext!r}"
            )
        if not getattr(transport, "_start_tls_compatible", False):
            raise TypeError(f"transport {transport!r} is not supported by start_tls()")
        encrypted = self.create_future()
        tls = SSLProtocol(
            self,
            protocol,
            sslcontext,
            encrypted,
            server_side,
            server_hostname,
            call_connection_made=False,
            ssl_handshake_timeout=ssl_handshake_timeout,
            ssl_shutdown_timeout=ssl_shutdown_timeout,
        )
        # No data may arrive before the new protocol has its transport.
        transport.pause_reading()
        if server_side and START_TLS_HANDS_OVER:
            _hand_over_what_was_read(protocol, tls)
        transport.set_protocol(tls)
        begin = self.call_soon(tls.connection_made, transport)
        resume = self.call_soon(transport.resume_reading)
        try:
            await encrypted
        except BaseException:
            transport.close()
            begin.cancel()
            resume.cancel()
            encrypted = None  # It refers to the exception, whose traceback refers to this frame.
            raise
        return tls._app_transport


def _hand_over_what_was_read(protocol, tls: SSLProtocol) -> None:
    """Move a stream's unread bytes to TLS: a client may begin before the server is ready."""
    if isinstance(protocol, streams.StreamReaderProtocol):
        reader = getattr(protocol, "_stream_reader", None)
        if reader is not None and reader._buffer:
            tls._incoming.write(reader._buffer)
            reader._buffer.clear()
