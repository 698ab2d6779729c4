"""The TLS arguments of the loop's methods: checked and combined."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ("Tls", "check_server_name", "check_timeouts")


class Tls(NamedTuple):
    """How a connection is encrypted: the arguments of ``_make_ssl_transport()``."""

    context: object  # an SSLContext, or None for the default one of a client
    server_side: bool
    server_hostname: str | None
    handshake_timeout: float | None  # seconds; None is asyncio's default
    shutdown_timeout: float | None

    @classmethod
    def wanted(
        cls,
        ssl,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
        handshake_timeout: float | None = None,
        shutdown_timeout: float | None = None,
    ) -> Tls | None:
        """Return the combined arguments of a loop's method; None without ``ssl``."""
        if not ssl:
            return None
        context = None if isinstance(ssl, bool) else ssl
        return cls(context, server_side, server_hostname, handshake_timeout, shutdown_timeout)


def check_server_name(tls: bool, server_hostname, host) -> str | None:
    """Return the name that the server's certificate is compared with.

    That is the host if no name is given.

    Raises:
        ValueError: a name is given without TLS, or TLS is wanted and neither a
            name nor a host says which name to expect.
    """
    if not tls:
        if server_hostname is not None:
            raise ValueError("server_hostname is only meaningful with ssl")
        return None
    if server_hostname is not None:
        return server_hostname
    if not host:
        raise ValueError("You must set server_hostname when using ssl without a host")
    return host


def check_timeouts(tls: bool, handshake_timeout, shutdown_timeout) -> None:
    """Check that timeouts of TLS are given only with TLS.

    Raises:
        ValueError: a timeout is given without TLS.
    """
    if handshake_timeout is not None and not tls:
        raise ValueError("ssl_handshake_timeout is only meaningful with ssl")
    if shutdown_timeout is not None and not tls:
        raise ValueError("ssl_shutdown_timeout is only meaningful with ssl")
