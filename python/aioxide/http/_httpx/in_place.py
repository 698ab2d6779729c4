"""Acceleration of ``AsyncHTTPTransport`` itself, for unmodified programs.

Decided for each request: the native pool is used only while nothing on the library's own way to the
network is replaced, so that a request which a test has mocked never gets there.
"""

from __future__ import annotations

import functools
import logging
import os
import ssl
import sys
import weakref
from asyncio import _get_running_loop
from collections.abc import Callable
from types import ModuleType
from typing import Any

from .._origins import Proxy
from .._versions import are_known
from .pools import Pools
from .proxies import http_proxy, socks_proxy
from .settings import Settings
from .way import Way, is_own

__all__ = ("accelerate_httpx",)

_KNOWN = {
    "httpx": {"httpx": ("0.28.",), "httpcore": ("1.0.",)},
    "httpx2": {"httpx2": ("2.16.",), "httpcore2": ("2.16.",)},
}
_METHODS = ("handle_async_request", "aclose", "__aexit__")
_ATTRIBUTE = "_aioxide_pools"
#: The methods that are ours have this attribute: their `_Acceleration`.
_MARK = "_aioxide_acceleration"

_logger = logging.getLogger("aioxide.http")


def accelerate_httpx(module: ModuleType) -> Callable[[], None] | None:
    """Replace the methods of ``AsyncHTTPTransport`` in httpx or httpx2.

    Returns:
        What puts them back; None if nothing was replaced, which the log tells.
    """
    name = module.__name__
    if not are_known(name, _KNOWN[name]):
        return None
    transport = module.AsyncHTTPTransport
    core = {"httpx": "httpcore", "httpx2": "httpcore2"}[name]
    originals = {method: vars(transport)[method] for method in _METHODS}
    for method, each in originals.items():
        before = getattr(each, _MARK, None)
        if before is not None:
            if before.is_on:
                # `alias_httpx()` of httpx2 imports it once more, under the other name.
                return None
            # Somebody had it replaced while it was undone, and has put it back since.
            originals[method] = each.__wrapped__
    place = os.path.dirname(module.__file__ or "")
    if not all(
        is_own(each, place, f"AsyncHTTPTransport.{method}") for method, each in originals.items()
    ):
        _logger.warning("%s is not accelerated: AsyncHTTPTransport was changed before", name)
        return None
    acceleration = _Acceleration(core, originals)
    replacements = acceleration.replacements()
    for method, replacement in replacements.items():
        setattr(transport, method, replacement)

    def undo() -> None:
        for method, replacement in replacements.items():
            # What other code has replaced since is not touched; it may still call ours.
            if vars(transport).get(method) is replacement:
                setattr(transport, method, originals[method])
        acceleration.end()

    return undo


class _Acceleration:
    """What the replaced methods of one package do.

    Arguments:
        core: the name of the package below.
        originals: its own methods.
    """

    def __init__(self, core: str, originals: dict[str, Any]) -> None:
        self._core = core
        self._originals = originals
        self._way: Way | None = None
        self.is_on = True
        self._pools: weakref.WeakSet[Pools] = weakref.WeakSet()

    def replacements(self) -> dict[str, Any]:
        """Return the methods to be set."""
        own_request, own_aclose, own_aexit = (self._originals[name] for name in _METHODS)
        pool_for = self._pool_for

        @functools.wraps(own_request)
        async def handle_async_request(transport: Any, request: Any) -> Any:
            pool = pool_for(transport)
            if pool is None:
                return await own_request(transport, request)
            return await pool.send(request)

        @functools.wraps(own_aclose)
        async def aclose(transport: Any) -> None:
            _close(transport)
            await own_aclose(transport)

        @functools.wraps(own_aexit)
        async def __aexit__(transport: Any, *args: Any, **named: Any) -> None:
            _close(transport)
            await own_aexit(transport, *args, **named)

        methods = dict(zip(_METHODS, (handle_async_request, aclose, __aexit__), strict=True))
        for method in methods.values():
            setattr(method, _MARK, self)
        return methods

    def end(self) -> None:
        """Leave everything to the library from now on."""
        self.is_on = False
        for pools in self._pools:
            pools.close_idle()

    def _pool_for(self, transport: Any) -> Any:
        """Return the native pool that serves a request; None if the library has to."""
        if not self.is_on:
            return None
        theirs = getattr(transport, "_pool", None)
        way = self._way
        if way is None:
            way = self._way = Way.find(self._core)
            if way is None:
                return None
        if not way.is_free(theirs):
            return None
        known = transport.__dict__.get(_ATTRIBUTE)
        if known is None or known[0] is not theirs:
            known = (theirs, self._make_pools(theirs, way))
            setattr(transport, _ATTRIBUTE, known)
        pools = known[1]
        return None if pools is None else pools.of(_get_running_loop())

    def _make_pools(self, theirs: Any, way: Way) -> Pools | None:
        if theirs._http2 and not way.reaches_http2():
            return None
        settings = _settings(theirs)
        if settings is None:
            return None
        pools = Pools(settings)
        self._pools.add(pools)
        return pools


def _close(transport: Any) -> None:
    known = transport.__dict__.pop(_ATTRIBUTE, None)
    if known is not None and known[1] is not None:
        known[1].close(_get_running_loop())


def _settings(pool: Any) -> Settings | None:
    """Read the settings of a pool of httpcore; None if they are the library's business."""
    options = () if pool._socket_options is None else pool._socket_options
    context = pool._ssl_context
    if (
        not pool._http1
        or pool._proxy is not None
        or not isinstance(options, (list, tuple))
        or not isinstance(context, ssl.SSLContext)
    ):
        return None
    settings = Settings(
        lambda package: context,
        _limit(pool._max_connections),
        _limit(pool._max_keepalive_connections),
        pool._keepalive_expiry,
        protocols=("h2", "http/1.1") if pool._http2 else ("http/1.1",),
    )
    proxy_url = getattr(pool, "_proxy_url", None)
    if proxy_url is not None:
        return settings._replace(proxy=_proxy(pool, proxy_url))
    return settings._replace(
        unix_path=pool._uds,
        local_address=pool._local_address,
        retries=pool._retries,
        socket_options=tuple(options),
    )


def _proxy(pool: Any, url: Any) -> Proxy:
    scheme, host = url.scheme.decode("ascii"), url.host.decode("ascii")
    if scheme.startswith("socks"):
        return socks_proxy(scheme, host, url.port, pool._proxy_auth)
    headers = tuple(pool._proxy_headers)
    return http_proxy(scheme, host, url.port, None, headers, pool._proxy_ssl_context)


def _limit(number: int) -> int | None:
    return None if number == sys.maxsize else number
