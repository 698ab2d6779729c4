"""The settings of a transport, whichever door they come from."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from .._origins import Proxy

if TYPE_CHECKING:
    from .packages import Package

__all__ = ("Settings",)


class Settings(NamedTuple):
    """How a transport connects, and how many connections it may have."""

    #: Returns what servers are verified with.
    tls: Callable[[Package], ssl.SSLContext]
    max_connections: int | None = 100
    max_keepalive_connections: int | None = 20
    keepalive_expiry: float | None = 5.0  # seconds
    #: An "https" proxy without a context is verified as the package does by default.
    proxy: Proxy | None = None
    unix_path: str | None = None
    local_address: str | None = None
    #: How often connecting is tried again.
    retries: int = 0
    socket_options: tuple[tuple[Any, ...], ...] = ()
    #: Offered by ALPN; HTTP/2 is spoken where the server chooses "h2".
    protocols: tuple[str, ...] = ("http/1.1",)
