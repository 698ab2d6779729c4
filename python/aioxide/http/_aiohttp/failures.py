"""aiohttp's exceptions for what goes wrong below: of the same classes, with the same texts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import (
    ClientConnectionError,
    ClientOSError,
    ClientPayloadError,
    ClientResponseError,
    ConnectionTimeoutError,
    ServerDisconnectedError,
    SocketTimeoutError,
)
from aiohttp.client_exceptions import ClientConnectorError
from aiohttp.http_exceptions import ContentLengthError, TransferEncodingError

from .. import _errors as native

if TYPE_CHECKING:
    from aiohttp import ClientResponse, RequestInfo
    from yarl import URL

    from .responses import Response

__all__ = ("FAILURES", "before_response", "in_body", "may_repeat")

#: What a native request raises that is not aiohttp's own exception.
FAILURES = (native.HttpError, OSError)

_INJECTION = "Forbidden control character detected in headers. Potential header injection attack."
_TOO_SLOW = (native.PoolTimeout, native.ConnectTimeout, native.AcquireTimeout)


def before_response(
    error: BaseException,
    url: URL,
    info: RequestInfo,
    history: tuple[ClientResponse, ...] = (),
) -> BaseException:
    """Return aiohttp's exception for one that was raised before the response's head came."""
    if isinstance(error, OSError):
        if isinstance(error, ClientConnectionError):
            return error
        if error.errno is None and isinstance(error, TimeoutError):
            return _caused(ConnectionTimeoutError(f"Connection timeout to host {url}"), error)
        return _caused(ClientOSError(*error.args), error)
    if isinstance(error, _TOO_SLOW):
        return _caused(ConnectionTimeoutError(f"Connection timeout to host {url}"), TimeoutError())
    if isinstance(error, native.ServerDisconnected):
        return ServerDisconnectedError()
    if isinstance(error, native.RemoteProtocolError):
        return ClientResponseError(info, history, status=400, message=str(error))
    if isinstance(error, native.LocalProtocolError):
        text = str(error)
        return ValueError(_INJECTION if "header" in text.lower() else text)
    return _in_any_phase(error)


def in_body(error: BaseException, response: Response, received: int | None) -> BaseException:
    """Return aiohttp's exception for one that was raised while the body was read.

    Arguments:
        error: what the native response raised.
        response: whose body it is.
        received: the body's bytes that have come; None if that is not known.
    """
    if isinstance(error, native.IncompleteBody):
        return _incomplete(error.received, error.expected, None)
    if isinstance(error, native.RemoteProtocolError):
        return _incomplete(received, None, None)
    if isinstance(error, (native.ReadError, native.WriteError)):
        expected = None if response.is_chunked else response.content_length
        return _incomplete(received, expected, error.__cause__)
    return _in_any_phase(error)


def may_repeat(error: BaseException) -> bool:
    """Tell whether the request may be sent again, if its method allows it."""
    return isinstance(error, (ClientOSError, ServerDisconnectedError)) and not isinstance(
        error, (ClientConnectorError, ConnectionTimeoutError)
    )


def _in_any_phase(error: BaseException) -> BaseException:
    if isinstance(error, native.ReadTimeout):
        return SocketTimeoutError("Timeout on reading data from socket")
    if isinstance(error, native.WriteTimeout):
        return SocketTimeoutError("Timeout on writing data to socket")
    if isinstance(error, native.TotalTimeout):
        # aiohttp cancels the task, and so has this cause.
        return _caused(TimeoutError(), asyncio.CancelledError())
    if isinstance(error, (native.ReadError, native.WriteError)):
        cause = error.__cause__
        if isinstance(cause, OSError):
            return _caused(ClientOSError(*cause.args), cause)
        return ClientOSError(str(error))
    if isinstance(error, native.PoolClosed):
        return ClientConnectionError("Connector is closed.")
    return ClientConnectionError(str(error))


def _incomplete(
    received: int | None, expected: int | None, cause: BaseException | None
) -> BaseException:
    if expected is None:
        why: Exception = TransferEncodingError("Not enough data to satisfy transfer length header.")
    else:
        why = ContentLengthError(
            "Not enough data to satisfy content length header "
            f"(received {received or 0} of {expected} bytes)."
        )
    text = f"Response payload is not completed: {why!r}"
    if cause is not None:
        text = f"{text}. {cause!r}"
    return _caused(ClientPayloadError(text), why)


def _caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error
