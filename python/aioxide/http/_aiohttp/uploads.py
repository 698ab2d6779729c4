"""A request's body, written piece by piece: what aiohttp's payloads write to, over an exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import ClientConnectionError, ClientOSError, hdrs
from aiohttp.abc import AbstractStreamWriter
from aiohttp.compression_utils import ZLibCompressor

from .. import _errors as native

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ClientRequest
    from multidict import CIMultiDict

    from .._native import HttpExchange

__all__ = ("Upload",)


class Upload:
    """The body of one request on its way, in a task of its own."""

    __slots__ = ("_exchange", "_request", "failure", "task")

    def __init__(
        self,
        request: ClientRequest,
        exchange: HttpExchange,
        on_chunk: Callable[[bytes], Awaitable[None]] | None,
    ) -> None:
        self._request = request
        self._exchange = exchange
        #: aiohttp's exception, if the body could not be sent.
        self.failure: BaseException | None = None
        writer = BodyWriter(exchange, on_chunk, request.headers.get(hdrs.CONTENT_LENGTH) != "0")
        if request.compress:
            writer.enable_compression(request.compress)
        self.task = asyncio.ensure_future(self._run(writer))

    async def _run(self, writer: BodyWriter) -> None:
        request = self._request
        exchange = self._exchange
        try:
            if request._body is not None:
                await request._body.write_with_length(writer, request._get_content_length())
            await writer.write_eof()
        except _Refused:
            return
        except native.WriteError as error:
            cause = error.__cause__
            errno = cause.errno if isinstance(cause, OSError) else None
            # The response may be there nevertheless: whoever waits for it decides.
            self._fail(
                ClientOSError(errno, f"Can not write request body for {request.url}"),
                cause or error,
            )
        except (native.ReadError, native.RemoteProtocolError, native.TotalTimeout):
            # Whoever waits for the response is told.
            return
        except OSError as error:
            if error.errno is None and isinstance(error, TimeoutError):
                self._fail(error, None)
            else:
                text = f"Can not write request body for {request.url}"
                self._fail(ClientOSError(error.errno, text), error)
            exchange.close()
        except Exception as error:
            key = request.connection_key
            text = (
                f"Failed to send bytes into the underlying connection Connection<{key}>: {error!r}"
            )
            self._fail(ClientConnectionError(text), error)
            exchange.close()
        except BaseException:
            exchange.close()
            raise

    def _fail(self, failure: BaseException, cause: BaseException | None) -> None:
        if cause is not None:
            failure.__cause__ = cause
        self.failure = failure


class _Refused(Exception):
    """The response is there, and the server does not want the rest of the body."""


class BodyWriter(AbstractStreamWriter):
    """What a payload of aiohttp writes to. The exchange frames each piece as the headers say."""

    def __init__(
        self,
        exchange: HttpExchange,
        on_chunk: Callable[[bytes], Awaitable[None]] | None,
        has_body: bool,
    ) -> None:
        self._exchange = exchange
        self._on_chunk = on_chunk
        #: The head has announced a body, which has to be ended.
        self._has_body = has_body
        self._compressor: ZLibCompressor | None = None
        self._ended = False
        self.length = None
        self.on_body_write = None

    def enable_compression(self, encoding: str = "deflate", strategy: int | None = None) -> None:
        self._compressor = ZLibCompressor(encoding=encoding, strategy=strategy)

    def enable_chunking(self) -> None: ...

    async def write_headers(self, status_line: str, headers: CIMultiDict[str]) -> None: ...

    async def drain(self) -> None: ...

    async def write(self, chunk: Any, *, drain: bool = True, LIMIT: int = 0) -> None:
        """Send a piece; returns when more may be written."""
        if self._on_chunk is not None:
            await self._on_chunk(chunk)
        if isinstance(chunk, memoryview) and chunk.nbytes != len(chunk):
            chunk = chunk.cast("c")
        if self._compressor is not None:
            chunk = await self._compressor.compress(chunk)
        await self._send(chunk)

    async def write_eof(self, chunk: bytes = b"") -> None:
        """Send the last piece, and the end."""
        if self._ended:
            return
        self._ended = True
        if chunk:
            await self.write(chunk)
        if self._compressor is not None:
            await self._send(self._compressor.flush())
        if self._has_body:
            await self._exchange.end()

    async def _send(self, chunk: Any) -> None:
        if not chunk:
            return
        if self.length is not None:
            chunk = chunk[: self.length]
            self.length -= len(chunk)
        if chunk:
            self.output_size += len(chunk)
            if await self._exchange.write(chunk) is False:
                raise _Refused
