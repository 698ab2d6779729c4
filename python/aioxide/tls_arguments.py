"""Which arguments about TLS fit together.

The loop has no TLS transports. The arguments are checked as asyncio checks
them, so that a mistake is reported as the mistake it is; what is left of them
is then refused.
"""

from __future__ import annotations

__all__ = ("check_server_name", "check_timeouts", "refuse")


def check_server_name(tls: bool, server_hostname, host) -> None:
    """Check the name that the server's certificate is compared with.

    Raises:
        ValueError: a name is given without TLS, or TLS is wanted and neither a
            name nor a host says which name to expect.
    """
    if server_hostname is not None and not tls:
        raise ValueError("server_hostname is only meaningful with ssl")
    if server_hostname is None and tls and not host:
        raise ValueError("You must set server_hostname when using ssl without a host")


def check_timeouts(tls: bool, handshake_timeout, shutdown_timeout) -> None:
    """Check that timeouts of TLS come with TLS.

    Raises:
        ValueError: a timeout is given without TLS.
    """
    if handshake_timeout is not None and not tls:
        raise ValueError("ssl_handshake_timeout is only meaningful with ssl")
    if shutdown_timeout is not None and not tls:
        raise ValueError("ssl_shutdown_timeout is only meaningful with ssl")


def refuse(method: str, ssl) -> None:
    """Raise ``NotImplementedError`` for a method called with ``ssl=ssl``."""
    raise NotImplementedError(
        f"{method}(ssl={ssl!r}): the aioxide event loop has no TLS transports"
    )
