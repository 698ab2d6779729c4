"""The package's own exception for each failure below."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from .. import _errors

if TYPE_CHECKING:
    from .._native import HttpLease
    from .packages import Package

__all__ = ("FAILURES", "ConnectFailed", "connected", "is_of_connecting", "translated")


class ConnectFailed(_errors.HttpError):
    """Connecting failed with ``error``, where an ``OSError`` could also be the caller's own."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


#: What is translated. Anything else is a defect, or the caller's own exception.
FAILURES = (_errors.HttpError, OSError)

_NAMES: dict[type[Exception], str] = {
    _errors.PoolTimeout: "PoolTimeout",
    _errors.ConnectTimeout: "ConnectTimeout",
    _errors.AcquireTimeout: "ConnectTimeout",
    _errors.ReadTimeout: "ReadTimeout",
    _errors.TotalTimeout: "ReadTimeout",
    _errors.WriteTimeout: "WriteTimeout",
    _errors.LocalProtocolError: "LocalProtocolError",
    _errors.RemoteProtocolError: "RemoteProtocolError",
    _errors.ReadError: "ReadError",
    _errors.PoolClosed: "ReadError",
    _errors.WriteError: "WriteError",
    _errors.ProxyError: "ProxyError",
    _errors.ProxyUnreachable: "ConnectError",
    ConnectFailed: "ConnectError",
}


#: Numbers of errors after which no address of a host is left; None is of several errors at once.
_UNREACHABLE = {
    None,
    errno.EADDRNOTAVAIL,
    errno.ECONNREFUSED,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.ETIMEDOUT,
}


def translated(package: Package, error: Exception, request: Any) -> Exception:
    """Return the package's exception for ``error``, about ``request``."""
    # An OSError that is not wrapped comes from connecting.
    name = "ConnectError"
    for base in type(error).__mro__:
        if base in _NAMES:
            name = _NAMES[base]
            break
    return package.exceptions[name](_text(name, error), request=request)


def is_of_connecting(error: Exception) -> bool:
    """Whether nothing was sent when ``error`` happened, so that connecting may be tried again."""
    return isinstance(error, (OSError, ConnectFailed, _errors.ConnectTimeout))


def _text(name: str, error: Exception) -> str:
    if name.endswith("Timeout"):
        return ""  # as in the packages themselves
    if isinstance(error, _errors.ServerDisconnected):
        return "Server disconnected without sending a response."
    if isinstance(error, (_errors.ProxyUnreachable, ConnectFailed)):
        error = error.error
    if isinstance(error, OSError) and error.errno in _UNREACHABLE and name == "ConnectError":
        return "All connection attempts failed"
    return str(error)


async def connected(lease: HttpLease, timeout: float | None) -> None:
    """Connect a lease; an ``OSError`` becomes `ConnectFailed`."""
    try:
        await lease.connect(timeout)
    except OSError as error:
        raise ConnectFailed(error) from error
