"""``Transport``: the native client as a transport of httpx and httpx2."""

from __future__ import annotations

import asyncio
import ssl
import urllib.parse
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ._httpx.packages import Package
from ._httpx.pools import Pools
from ._httpx.proxies import http_proxy, socks_proxy
from ._httpx.settings import Settings
from ._origins import Proxy

if TYPE_CHECKING:
    from typing import Self

    import httpx
    import httpx2

    # What the packages' clients ask for. At run time neither is imported, and a client takes
    # whatever has the methods.
    class _Base(httpx.AsyncBaseTransport, httpx2.AsyncBaseTransport): ...  # type: ignore[misc]

else:
    _Base = object

__all__ = ("Transport",)


class Transport(_Base):
    """A transport for ``httpx.AsyncClient`` and ``httpx2.AsyncClient``.

    ::

        async with httpx.AsyncClient(transport=aioxide.http.Transport()) as client:
            response = await client.get("https://example.org")

    It takes the arguments of ``AsyncHTTPTransport`` and behaves like it: responses, exceptions and
    byte streams are of the package that the request comes from. It can also stand in a client's
    ``mounts``, and the client can be the ``http_client`` of an SDK. As with every transport that is
    given to a client, the client's own ``verify``, ``limits`` and proxies do not apply to it.

    Arguments:
        verify: True for the package's default authorities, False for no verification, or an
            ``ssl.SSLContext``. It is used as it is, but for what it offers by ALPN.
        cert: a client's certificate, as in the packages, which deprecate it.
        trust_env: whether ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` count for ``verify=True``.
        http1: whether to offer ``http/1.1``; it is spoken to servers without ALPN in any case.
        http2: whether to offer ``h2``. Where a server chooses it, requests share one connection;
            those beyond its limit of streams wait.
        limits: an ``httpx.Limits`` or ``httpx2.Limits``; by default 100 connections, of which 20
            are kept, for 5 seconds.
        proxy: a URL, or the package's ``Proxy``: "http", "https", "socks5" or "socks5h".
        uds: the path of a Unix socket to connect to.
        local_address: the address to connect from.
        retries: how often connecting is tried again, after 0, 0.5, 1, 2 and so on seconds.
        socket_options: arguments of ``setsockopt()`` for each connection.

    Raises:
        ValueError: neither version is wanted, or the proxy's scheme is unknown.

    One transport may be used on several loops, each of which has connections of its own. All must
    be aioxide's: on another loop a request raises ``RuntimeError``. Programs that run on
    other loops too keep ``AsyncHTTPTransport``.

    https://www.python-httpx.org/advanced/transports/
    """

    def __init__(
        self,
        verify: ssl.SSLContext | str | bool = True,
        cert: Any = None,
        trust_env: bool = True,
        http1: bool = True,
        http2: bool = False,
        limits: Any = None,
        proxy: Any = None,
        uds: str | None = None,
        local_address: str | None = None,
        retries: int = 0,
        socket_options: Iterable[tuple[Any, ...]] | None = None,
    ) -> None:
        if not (http1 or http2):
            raise ValueError("http1 and http2 cannot both be False")
        protocols = (["h2"] if http2 else []) + (["http/1.1"] if http1 else [])
        settings = Settings(
            _Verification(verify, cert, trust_env).context,
            proxy=None if proxy is None else _proxy(proxy),
            unix_path=uds if proxy is None else None,
            local_address=local_address if proxy is None else None,
            retries=retries,
            socket_options=tuple(socket_options or ()) if proxy is None else (),
            protocols=tuple(protocols),
        )
        if limits is not None:
            settings = settings._replace(
                max_connections=limits.max_connections,
                max_keepalive_connections=limits.max_keepalive_connections,
                keepalive_expiry=limits.keepalive_expiry,
            )
        self._pools = Pools(settings)

    async def handle_async_request(self, request: Any) -> Any:
        """Send a request; the client calls this.

        Arguments:
            request: an ``httpx.Request`` or ``httpx2.Request``.

        Returns:
            The package's response. Its body has not been read: read it, or call ``aclose()``.

        Raises:
            RuntimeError: the running loop is not aioxide's.
            RequestError: the package's own exception, with ``request`` set.

        Cancellation closes the connection.
        """
        pool = self._pools.of(asyncio.get_running_loop())
        if pool is None:
            raise RuntimeError(
                "aioxide.http.Transport needs an aioxide loop: run the program with aioxide.run(), "
                "aioxide.install() or python -m aioxide"
            )
        return await pool.send(request)

    async def aclose(self) -> None:
        """Close all connections. A request after that opens new ones."""
        self._pools.close(asyncio.get_running_loop())

    async def __aenter__(self) -> Self:
        """Return the transport itself."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Close all connections."""
        await self.aclose()


class _Verification:
    """What servers are verified with; made when the first one is, by the request's package."""

    def __init__(self, verify: ssl.SSLContext | str | bool, cert: Any, trust_env: bool) -> None:
        self._arguments = (verify, cert, trust_env)
        self._contexts: dict[str, ssl.SSLContext] = {}

    def context(self, package: Package) -> ssl.SSLContext:
        context = self._contexts.get(package.name)
        if context is None:
            context = package.create_ssl_context(*self._arguments)
            self._contexts[package.name] = context
        return context


def _proxy(proxy: Any) -> Proxy:
    if hasattr(proxy, "raw_auth"):
        url, auth = str(proxy.url), proxy.raw_auth
        headers, tls = tuple(proxy.headers.raw), proxy.ssl_context
    else:
        url, auth, headers, tls = str(proxy), None, (), None
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https", "socks5", "socks5h"):
        raise ValueError(f"Unknown scheme for proxy URL {url!r}")
    if auth is None and (parts.username or parts.password):
        names = (parts.username or "", parts.password or "")
        auth = (
            urllib.parse.unquote_to_bytes(names[0]),
            urllib.parse.unquote_to_bytes(names[1]),
        )
    host = parts.hostname or ""
    if parts.scheme.startswith("socks"):
        return socks_proxy(parts.scheme, host, parts.port, auth)
    return http_proxy(parts.scheme, host, parts.port, auth, headers, tls)
