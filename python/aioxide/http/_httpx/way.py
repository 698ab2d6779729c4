"""The functions of httpcore between a transport and the network, and whether they are its own."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable, Iterator
from types import FunctionType
from typing import Any

__all__ = ("Way", "is_own")

_Functions = tuple[str, str, tuple[str, ...]]

#: Module below the package, class, methods.
_FUNCTIONS = (
    ("_async.connection_pool", "AsyncConnectionPool", ("handle_async_request",)),
    ("_async.connection", "AsyncHTTPConnection", ("handle_async_request", "_connect")),
    ("_async.http11", "AsyncHTTP11Connection", ("handle_async_request",)),
    ("_async.http_proxy", "AsyncForwardHTTPConnection", ("handle_async_request",)),
    ("_async.http_proxy", "AsyncTunnelHTTPConnection", ("handle_async_request",)),
    ("_async.socks_proxy", "AsyncSocks5Connection", ("handle_async_request",)),
    ("_backends.auto", "AutoBackend", ("connect_tcp", "connect_unix_socket")),
    ("_backends.anyio", "AnyIOBackend", ("connect_tcp", "connect_unix_socket")),
)
#: The same of connections of HTTP/2, whose module is imported only where they are wanted.
_HTTP2 = ("_async.http2", "AsyncHTTP2Connection", ("handle_async_request",))
_POOLS = (
    ("_async.connection_pool", "AsyncConnectionPool"),
    ("_async.http_proxy", "AsyncHTTPProxy"),
    ("_async.socks_proxy", "AsyncSOCKSProxy"),
)
_BACKENDS = (("_backends.auto", "AutoBackend"), ("_backends.anyio", "AnyIOBackend"))
#: Of the package below httpcore.
_ANYIO = ("connect_tcp", "connect_unix")


class Way:
    """The way of one httpcore.

    Arguments:
        core: the name of the package.
        watched: namespace, name and function of each; a namespace is a live view.
        pools: the classes of pools, with how each makes a connection.
        backends: the classes of network backends.
    """

    def __init__(
        self,
        core: str,
        watched: list[tuple[Any, str, Any]],
        pools: dict[type, Any],
        backends: frozenset[type],
    ) -> None:
        self._core = core
        self._knows_http2 = False
        self._watched = watched
        self._pools = pools
        self._backends = backends
        self._handle_request = next(iter(pools)).handle_async_request

    @classmethod
    def find(cls, core: str) -> Way | None:
        """Return the way of httpcore, or of httpcore2; None while something on it is replaced."""
        watched = _watched(core, _FUNCTIONS)
        if watched is None:
            return None
        anyio = importlib.import_module("anyio")
        for name in _ANYIO:
            function = getattr(anyio, name)
            if not is_own(function, os.path.dirname(anyio.__file__), name):
                return None
            watched.append((vars(anyio), name, function))
        pools = {}
        for module_name, class_name in _POOLS:
            pool_class = _class(core, module_name, class_name)
            if pool_class is None:
                continue
            create = pool_class.create_connection
            module = sys.modules[f"{core}.{module_name}"]
            if not is_own(create, module.__file__, f"{class_name}.create_connection"):
                return None
            pools[pool_class] = create
        backends = (_class(core, *each) for each in _BACKENDS)
        own_backends = frozenset(each for each in backends if each is not None)
        return cls(core, watched, pools, own_backends)

    def reaches_http2(self) -> bool:
        """Watch what connections of HTTP/2 are, too; False if something of it is replaced."""
        if not self._knows_http2:
            watched = _watched(self._core, (_HTTP2,))
            if watched is None:
                return False
            self._watched += watched
            self._knows_http2 = True
        return True

    def is_free(self, pool: Any) -> bool:
        """Whether a request of this pool would reach the network by httpcore's own functions."""
        kind = type(pool)
        create = self._pools.get(kind)
        if (
            create is None
            or kind.create_connection is not create
            or kind.handle_async_request is not self._handle_request
            or type(pool._network_backend) not in self._backends
            or "handle_async_request" in pool.__dict__
            or "create_connection" in pool.__dict__
        ):
            return False
        for namespace, name, function in self._watched:
            if namespace.get(name) is not function:
                return False
        return True


def _watched(core: str, functions: Iterable[_Functions]) -> list[tuple[Any, str, Any]] | None:
    """Return namespace, name and function of each; None while one is replaced."""
    watched: list[tuple[Any, str, Any]] = []
    for owner, module, name in _owners(core, functions):
        function = vars(owner).get(name)
        if not is_own(function, module.__file__, f"{owner.__name__}.{name}"):
            return None
        watched.append((vars(owner), name, function))
    return watched


def _owners(core: str, functions: Iterable[_Functions]) -> Iterator[tuple[Any, Any, str]]:
    for module_name, class_name, names in functions:
        owner = _class(core, module_name, class_name)
        if owner is not None:
            module = sys.modules[f"{core}.{module_name}"]
            yield from ((owner, module, name) for name in names)


def _class(core: str, module_name: str, class_name: str) -> Any:
    """Return a class; None if what its module needs is not installed (socksio, anyio)."""
    try:
        module = importlib.import_module(f"{core}.{module_name}")
    except ImportError:
        return None
    return getattr(module, class_name)


def is_own(function: Any, place: str, qualname: str) -> bool:
    """Whether a function was written there; what stands in for one only looks like it.

    Arguments:
        place: the beginning of the file's path.
        qualname: of the function.
    """
    if type(function) is not FunctionType:
        return False
    code = function.__code__
    return code.co_qualname == qualname and code.co_filename.startswith(place)
