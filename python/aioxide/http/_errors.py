"""What goes wrong below the doors. No program sees these: each door raises its library's own.

The native half raises them by name. What ``connect`` raises besides (``OSError`` with
``ssl.SSLError`` and ``socket.gaierror``) reaches the door unchanged.
"""

from __future__ import annotations

__all__ = (
    "AcquireTimeout",
    "ConnectTimeout",
    "Http11Required",
    "HttpError",
    "IncompleteBody",
    "LocalProtocolError",
    "PoolClosed",
    "PoolTimeout",
    "ProxyError",
    "ProxyUnreachable",
    "ReadError",
    "ReadTimeout",
    "RemoteProtocolError",
    "ServerDisconnected",
    "TotalTimeout",
    "WriteError",
    "WriteTimeout",
)


class HttpError(Exception):
    """The base of what the native half and the connecting half raise."""


class PoolTimeout(HttpError):
    """No place in the pool became free in time."""


class ConnectTimeout(HttpError):
    """The connection was not established in time."""


class AcquireTimeout(HttpError):
    """A place in the pool and a connection together took too long."""


class ReadTimeout(HttpError):
    """The peer sent nothing for too long."""


class WriteTimeout(HttpError):
    """The peer took nothing for too long."""


class TotalTimeout(HttpError):
    """The deadline of the whole exchange has passed."""


class PoolClosed(HttpError):
    """The pool was closed, before the request or during it."""


class LocalProtocolError(HttpError):
    """The request cannot be sent; the text names what is wrong with it."""


class RemoteProtocolError(HttpError):
    """The peer sent what is not HTTP."""


class Http11Required(RemoteProtocolError):
    """The peer answers the request over HTTP/1.1 only (HTTP_1_1_REQUIRED, RFC 9113 section 7).

    It has not processed it. The next request to the same origin is sent over HTTP/1.1.
    """


class ServerDisconnected(RemoteProtocolError):
    """The peer closed the connection before the head of a response.

    Arguments:
        text: what happened.
        reused: whether the connection had served a request before.
    """

    def __init__(
        self,
        text: str = "the server disconnected without sending a response",
        reused: bool = False,
    ) -> None:
        super().__init__(text)
        self.reused = reused


class IncompleteBody(RemoteProtocolError):
    """The peer closed the connection within the body of a response.

    Arguments:
        text: what happened.
        received: bytes of the body that have arrived.
        expected: its length; None if it was sent in chunks.
    """

    def __init__(self, text: str = "", received: int = 0, expected: int | None = None) -> None:
        super().__init__(text or incomplete(received, expected))
        self.received = received
        self.expected = expected


class ReadError(HttpError):
    """The connection failed while reading; ``__cause__`` is the ``OSError``."""


class WriteError(HttpError):
    """The connection failed while writing; ``__cause__`` is the ``OSError``."""


class ProxyError(HttpError):
    """The proxy refused to connect, or did not speak its protocol.

    Arguments:
        text: what happened.
        status, reason, headers: of an HTTP proxy's response; None and empty for other failures.
    """

    def __init__(
        self,
        text: str,
        status: int | None = None,
        reason: str = "",
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason
        self.headers = headers


class ProxyUnreachable(HttpError):
    """No connection to the proxy itself; ``error`` is the ``OSError``."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


def incomplete(received: int, expected: int | None) -> str:
    """Return the text that the client libraries have for a body which ended early."""
    missing = "incomplete chunked read"
    if expected is not None:
        missing = f"received {received} bytes, expected {expected}"
    return f"peer closed connection without sending complete message body ({missing})"
