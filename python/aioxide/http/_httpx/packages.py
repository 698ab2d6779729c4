"""The classes of the package that a request comes from: httpx, httpx2, or one derived from them.

Neither package is imported here: whoever has a request has imported its package.
"""

from __future__ import annotations

import importlib
import logging
import ssl
import sys
from types import ModuleType
from typing import Any

from .bodies import Body, UpgradedBody

__all__ = ("Package", "package_of")

#: The package below each of these, whose loggers tell what the connections do.
_CORES = {"httpx": "httpcore", "httpx2": "httpcore2"}


class Package:
    """What is used of one package."""

    def __init__(self, module: ModuleType) -> None:
        self.name = module.__name__
        self.Response = module.Response
        self.AsyncByteStream = module.AsyncByteStream
        #: A body that is in memory.
        self.ByteStream = module.ByteStream
        self.exceptions = {
            name: getattr(module, name)
            for name in (
                "ConnectError",
                "ConnectTimeout",
                "LocalProtocolError",
                "PoolTimeout",
                "ProxyError",
                "ReadError",
                "ReadTimeout",
                "RemoteProtocolError",
                "UnsupportedProtocol",
                "WriteError",
                "WriteTimeout",
            )
        }
        self.core = _CORES.get(self.name, "httpcore")
        self.logger = logging.getLogger(f"{self.core}.http11")
        self.Body = self.byte_stream(Body)
        self.UpgradedBody = self.byte_stream(UpgradedBody)
        self.module = module
        self._headers = module.Headers if _headers_are_as_known(module.Headers) else None

    def create_ssl_context(self, verify: Any, cert: Any, trust_env: bool) -> ssl.SSLContext:
        """Return what the package itself would verify a server with."""
        return self.module.create_ssl_context(verify=verify, cert=cert, trust_env=trust_env)

    def byte_stream(self, methods: type) -> Any:
        """Return a class with these methods that is a byte stream of the package."""
        return type(methods.__name__, (methods, self.AsyncByteStream), {"package": self})

    def core_module(self) -> ModuleType:
        """Return the package below, whose exceptions a network stream raises."""
        return importlib.import_module(self.core)

    def headers(self, raw: Any) -> Any:
        """Return what `Response` is to be given for a response's fields."""
        if self._headers is None:
            return raw
        # What the class does itself with pairs, at a third of the time.
        headers = self._headers.__new__(self._headers)
        headers._list = [(name, name.lower(), value) for name, value in raw]
        headers._encoding = None
        return headers


_packages: dict[type, Package] = {}


def package_of(request_type: type) -> Package:
    """Return the package that a class of requests, or what it inherits from, belongs to.

    Raises:
        TypeError: it belongs to none.
    """
    package = _packages.get(request_type)
    if package is None:
        for base in request_type.__mro__:
            module = sys.modules.get(base.__module__.partition(".")[0])
            if module is not None and hasattr(module, "AsyncByteStream"):
                known = [each for each in _packages.values() if each.module is module]
                package = known[0] if known else Package(module)
                break
        else:
            raise TypeError(f"a request of httpx or httpx2 is needed, not {request_type!r}")
        _packages[request_type] = package
    return package


def _headers_are_as_known(headers: Any) -> bool:
    made = vars(headers([(b"Name", b"Value")]))
    return made == {"_list": [(b"Name", b"name", b"Value")], "_encoding": None}
