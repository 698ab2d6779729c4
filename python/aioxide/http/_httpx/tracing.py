"""The ``trace`` extension, and the debug lines of httpcore's loggers: what happens when."""

from __future__ import annotations

import contextvars
import inspect
import logging
import socket
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from .._connecting import Observer
from .._native import HttpResponse
from .._origins import Origin
from .bodies import Body
from .errors import FAILURES, connected, translated
from .network_streams import NetworkStream

if TYPE_CHECKING:
    from .packages import Package
    from .pool import Pool

__all__ = ("Trace", "TracedBody", "is_wanted", "observer")

#: What connecting is watched by, in the task of a traced request and in those that it starts.
observer: contextvars.ContextVar[Observer | None] = contextvars.ContextVar(
    "aioxide.http.observer", default=None
)


def is_wanted(package: Package, extensions: Any) -> bool:
    """Whether anybody wants to know what a request does."""
    return "trace" in extensions or package.logger.isEnabledFor(logging.DEBUG)


class Trace(Observer):
    """Tells the callback and the loggers of one request what happens, by httpcore's names.

    Arguments:
        package: of the request.
        request: of httpx or httpx2.
        target, headers: as they are sent.
    """

    def __init__(
        self, package: Package, request: Any, origin: Origin, target: bytes, headers: Any
    ) -> None:
        core = package.core_module()
        url = core.URL(
            scheme=origin.scheme.encode(),
            host=origin.host.encode(),
            port=origin.port,
            target=target,
        )
        self._package = package
        self._request = request
        self._info = {"request": core.Request(request.method, url, headers=headers)}
        self._callback = request.extensions.get("trace")
        self._origin = origin
        self._connect_timeout: float | None = None

    async def attempt(
        self, pool: Pool, target: bytes, headers: Any, timeouts: tuple[float | None, ...]
    ) -> HttpResponse:
        """Send the request, and return the native response."""
        request = self._request
        for_place, self._connect_timeout, read, write = timeouts
        lease = pool.native.try_acquire(self._origin)
        if lease is None:
            lease = await pool.native.acquire(self._origin, for_place)
        try:
            if not lease.is_connected:
                token = observer.set(self)
                try:
                    await connected(lease, self._connect_timeout)
                finally:
                    observer.reset(token)
            await self._tell("http11", "send_request_headers.started", self._info)
            exchange = lease.open(
                request.method, target, headers, read_timeout=read, write_timeout=write
            )
        except BaseException:
            lease.close()
            raise
        try:
            await self._tell("http11", "send_request_headers.complete", {"return_value": None})
            await self._step("send_request_body", lambda: pool.send_body(exchange, request.stream))
            return await self._step("receive_response_headers", exchange.response, _summary)
        except BaseException:
            await self.closing(exchange.close)
            raise

    async def began(self, step: str, info: dict[str, Any]) -> None:
        """Tell of a step of connecting."""
        if step == "resolve":
            return
        info = {**info, "timeout": self._connect_timeout}
        if step == "ask_proxy":
            info = {"host": info["host"], "port": info["port"], "auth": info["proxy"].auth}
        await self._tell(*self._name(step, "started"), info)

    async def ended(self, step: str, result: Any) -> None:
        """Tell that it has ended."""
        if step == "resolve":
            return
        if isinstance(result, socket.socket):
            result = _OfSocket(result)
        stream = None if result is None else NetworkStream(result)
        await self._tell(*self._name(step, "complete"), {"return_value": stream})

    async def failed(self, step: str, error: BaseException) -> None:
        """Tell that it has failed."""
        if step != "resolve":
            await self._tell(*self._name(step, "failed"), {"exception": self._told(error)})

    async def body(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the pieces of a response's body."""
        await self._tell("http11", "receive_response_body.started", self._info)
        try:
            async for piece in pieces:
                yield piece
        except BaseException as error:
            await self._tell("http11", "receive_response_body.failed", {"exception": error})
            raise
        await self._tell("http11", "receive_response_body.complete", {"return_value": None})

    async def closing(self, close: Callable[[], object]) -> None:
        """Tell of the end of a response."""
        try:
            await self._tell("http11", "response_closed.started", {})
        finally:
            close()
        await self._tell("http11", "response_closed.complete", {"return_value": None})

    def _name(self, step: str, state: str) -> tuple[str, str]:
        proxy = self._origin.proxy
        if step == "ask_proxy":
            step = "setup_socks5_connection" if proxy and proxy.is_socks else "connect_tunnel"
        elif step != "start_tls" or proxy is None or self._origin.is_forwarded:
            return "connection", f"{step}.{state}"
        return "socks" if proxy and proxy.is_socks else "proxy", f"{step}.{state}"

    async def _step(
        self, name: str, work: Callable[[], Any], shown: Callable[[Any], Any] = lambda result: None
    ) -> Any:
        await self._tell("http11", f"{name}.started", self._info)
        try:
            result = await work()
        except BaseException as error:
            await self._tell("http11", f"{name}.failed", {"exception": self._told(error)})
            raise
        await self._tell("http11", f"{name}.complete", {"return_value": shown(result)})
        return result

    def _told(self, error: BaseException) -> BaseException:
        if isinstance(error, FAILURES):
            return translated(self._package, error, self._request)
        return error

    async def _tell(self, prefix: str, event: str, info: dict[str, Any]) -> None:
        if self._callback is not None:
            told = self._callback(f"{prefix}.{event}", info)
            if not inspect.isawaitable(told):
                raise TypeError("the callback of the `trace` extension must be asynchronous")
            await told
        logger = logging.getLogger(f"{self._package.core}.{prefix}")
        if logger.isEnabledFor(logging.DEBUG):
            if info and not ("return_value" in info and info["return_value"] is None):
                event += "".join(f" {name}={value!r}" for name, value in info.items())
            logger.debug(event)


class TracedBody(Body):
    """The methods of a body that tells a `Trace`."""

    def __init__(self, response: HttpResponse, request: Any, trace: Trace) -> None:
        super().__init__(response, request)
        self._trace = trace

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield what has arrived."""
        async for piece in self._trace.body(super().__aiter__()):
            yield piece

    async def aclose(self) -> None:
        """End the response."""
        if not self._is_closed:
            self._is_closed = True
            await self._trace.closing(self._response.release)


class _OfSocket:
    """A socket that has no transport yet, as a transport's extra information."""

    def __init__(self, sock: socket.socket) -> None:
        self._known = {
            "socket": sock,
            "sockname": sock.getsockname(),
            "peername": sock.getpeername(),
        }

    def get_extra_info(self, name: str) -> Any:
        return self._known.get(name)

    def is_closing(self) -> bool:
        return False

    def abort(self) -> None:
        self._known["socket"].close()


def _summary(response: HttpResponse) -> Any:
    version = b"HTTP/%d.%d" % response.version
    return version, response.status, response.reason, list(response.raw_headers)
