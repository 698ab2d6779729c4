"""``start_tls``: encrypting a connection that exists."""

from __future__ import annotations

import sys
from asyncio import streams

from .._aioxide import LoopCore, SSLProtocol

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
        """Encrypt a connection from now on.

        Arguments:
            transport: the stream transport; it must not be used directly any
                more. One that is encrypted already gives TLS in TLS.
            protocol: the protocol that the new transport calls. It has had its
                ``connection_made()`` and gets no second one.
            sslcontext: the ``ssl.SSLContext``.
            server_side: whether the peer begins the handshake.
            server_hostname: the name that the peer's certificate must have.
            ssl_handshake_timeout: seconds until a handshake that does not end
                aborts the connection; 60 by default.
            ssl_shutdown_timeout: seconds until a closing handshake that does
                not end aborts the connection; 30 by default.

        Returns:
            The transport to use from now on; None if the connection was lost
            before the handshake was over without an error.

        Raises:
            TypeError: ``sslcontext`` is no context, or the transport cannot be
                upgraded.
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
        # Nothing may arrive before the new protocol knows its transport.
        transport.pause_reading()
        if server_side and sys.version_info >= (3, 14):
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
            encrypted = None  # It leads to the exception, whose traceback leads here.
            raise
        return tls._app_transport


def _hand_over_what_was_read(protocol, tls: SSLProtocol) -> None:
    """Give a stream's unread bytes to TLS: a client may begin before it is told to."""
    if isinstance(protocol, streams.StreamReaderProtocol):
        reader = getattr(protocol, "_stream_reader", None)
        if reader is not None and reader._buffer:
            tls._incoming.write(reader._buffer)
            reader._buffer.clear()
