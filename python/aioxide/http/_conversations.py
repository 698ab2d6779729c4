"""The bytes that are exchanged with a proxy before the connection is a request's."""

from __future__ import annotations

import asyncio

from ._errors import ProxyError
from ._origins import Proxy
from ._socks import Negotiation
from ._tunnels import connect_request, take_answer

__all__ = ("Conversation",)


class Conversation(asyncio.Protocol):
    """A protocol that talks to a proxy until the proxy has connected to the host.

    It stops reading between two steps, so that it never holds more than the transport has given it
    at once.
    """

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._ended = False
        self._error: Exception | None = None
        self._waiting: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Keep the bytes for the next step."""
        self._received += data
        self._wake()

    def eof_received(self) -> None:
        """The proxy has closed its side; the transport closes."""
        self._ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """End a step that waits."""
        self._ended = True
        self._error = exc
        self._wake()

    async def ask(self, proxy: Proxy, host: str, port: int) -> None:
        """Have the proxy connect to ``host`` and ``port``.

        Raises:
            ProxyError: it refuses, does not speak its protocol, or closes the connection.
            OSError: the connection to it failed.
        """
        if proxy.is_socks:
            await self._ask_socks(Negotiation(host, port, proxy.auth))
        else:
            await self._ask_http(connect_request(host, port, proxy.headers))
        if self._received:
            # The client speaks first, in TLS and in HTTP.
            raise ProxyError("the proxy sent data before the request")
        if self._ended:
            raise self._end()

    async def _ask_socks(self, negotiation: Negotiation) -> None:
        assert self._transport is not None
        self._transport.write(negotiation.first)
        while not negotiation.is_done:
            answer = negotiation.receive(self._received)
            if answer:
                self._transport.write(answer)
            elif not negotiation.is_done:
                await self._more()

    async def _ask_http(self, request: bytes) -> None:
        assert self._transport is not None
        self._transport.write(request)
        while (answer := take_answer(self._received)) is None:
            await self._more()
        if not 200 <= answer.status < 300:
            text = f"{answer.status} {answer.reason}"
            raise ProxyError(text, answer.status, answer.reason, answer.headers)

    async def _more(self) -> None:
        """Wait until more has been received."""
        if self._ended:
            raise self._end()
        self._waiting = asyncio.get_running_loop().create_future()
        size = len(self._received)
        try:
            await self._waiting
        finally:
            self._waiting = None
        if len(self._received) == size:
            raise self._end()

    def _end(self) -> Exception:
        if isinstance(self._error, OSError):
            return self._error
        return ProxyError("the proxy closed the connection")

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
