"""Which sockets the loop takes, and what it sets on those it makes."""

from __future__ import annotations

import socket
import sys

try:
    from ssl import SSLSocket
except ImportError:  # a Python built without OpenSSL
    SSLSocket = None

__all__ = (
    "bind_error",
    "is_by_address",
    "reject_ssl_socket",
    "require_stream",
    "require_unix_stream",
    "set_reuse_port",
)


def reject_ssl_socket(sock) -> None:
    """Raise ``TypeError`` if ``sock`` is an ``ssl.SSLSocket``.

    The readiness of such a socket is that of the encrypted stream, not of the
    data inside.
    """
    if SSLSocket is not None and isinstance(sock, SSLSocket):
        raise TypeError("Socket cannot be of type SSLSocket")


def require_stream(sock) -> None:
    """Raise ``ValueError`` unless ``sock`` is of type ``SOCK_STREAM``.

    Any address family is accepted, also Unix sockets, as in asyncio.
    """
    if sock.type != socket.SOCK_STREAM:
        raise ValueError(f"A Stream Socket was expected, got {sock!r}")


def require_unix_stream(sock) -> None:
    """Raise ``ValueError`` unless ``sock`` is a Unix socket of type ``SOCK_STREAM``."""
    if sock.family != socket.AF_UNIX or sock.type != socket.SOCK_STREAM:
        raise ValueError(f"A UNIX Domain Stream Socket was expected, got {sock!r}")


def is_by_address(sock, host, port, complaint: str) -> bool:
    """Return whether a method was given an address rather than a socket.

    ``complaint`` is the message if neither was given.

    Raises:
        TypeError: ``sock`` is a TLS socket.
        ValueError: both were given, neither was, or ``sock`` is not a stream socket.
    """
    by_address = host is not None or port is not None
    if sock is not None:
        reject_ssl_socket(sock)
        if by_address:
            raise ValueError("host/port and sock can not be specified at the same time")
        require_stream(sock)
    elif not by_address:
        raise ValueError(complaint)
    return by_address


def set_reuse_port(sock: socket.socket) -> None:
    """Let several sockets listen on the address of ``sock``.

    Raises:
        ValueError: the operating system does not offer it.
    """
    if not hasattr(socket, "SO_REUSEPORT"):
        raise ValueError("reuse_port not supported by socket module")
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError:
        raise ValueError(
            "reuse_port not supported by socket module, SO_REUSEPORT defined but not implemented."
        ) from None


def bind_error(error: OSError, address) -> OSError:
    """Return an exception like ``error`` that names the address as well."""
    # Python 3.13 changed the wording from strerror to the whole message.
    if sys.version_info >= (3, 13) or error.strerror is None:
        reason = str(error)
    else:
        reason = error.strerror
    return OSError(
        error.errno,
        f"error while attempting to bind on address {address!r}: {reason.lower()}",
    )
