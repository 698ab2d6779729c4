"""A response's body as a stream: aiohttp's reader, which takes bytes when somebody reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import ClientPayloadError
from aiohttp.http_exceptions import ContentEncodingError
from aiohttp.http_parser import DeflateBuffer
from aiohttp.streams import StreamReader

from .failures import FAILURES, in_body

if TYPE_CHECKING:
    from .responses import Response

__all__ = ("Content",)

#: Bytes of the body that are fetched at once, at most.
_PIECE = 1 << 20


class _Source:
    """What the reader believes to be its protocol. Nothing is to be paused: bytes are fetched."""

    __slots__ = ()
    connected = True

    def pause_reading(self) -> None: ...

    def resume_reading(self, resume_parser: bool = True) -> None: ...


_SOURCE = _Source()


class Content(StreamReader):
    """``aiohttp.StreamReader`` over a native response.

    All methods are aiohttp's, but for waiting: it fetches the next piece, and no more than one.
    Compressed data goes through aiohttp's own ``DeflateBuffer``, one block at a time, so what is
    kept is bounded as it is in aiohttp.
    """

    __slots__ = ("_fetching", "_inflater", "_more", "_native", "_response", "_splits")

    def __init__(self, response: Response, limit: int, encoding: str | None) -> None:
        super().__init__(_SOURCE, limit, loop=response._loop)  # type: ignore[arg-type]
        self._response: Response | None = response
        self._native = response._native
        self._inflater: DeflateBuffer | None = None
        self._more = False
        self._fetching = False
        self._splits = response.is_chunked
        if encoding is not None:
            self._inflater = DeflateBuffer(self, encoding, max_decompress_size=limit)

    async def _wait(self, func_name: str) -> None:
        if self._fetching:
            raise RuntimeError(
                f"{func_name}() called while another coroutine is already waiting for incoming data"
            )
        self._fetching = True
        try:
            await self._fetch()
        finally:
            self._fetching = False
        if self._exception is not None:
            raise self._exception

    async def _fetch(self) -> None:
        """Add the next piece of the body, or its end."""
        native = self._native
        if self._more:
            self._decompress(b"")
        else:
            ended = False
            try:
                if self._splits:
                    piece, ended = await native.read_chunk(min(self._high_water, _PIECE))
                else:
                    piece = await native.read_some(min(self._high_water, _PIECE))
            except FAILURES as error:
                self._fail(error)
                return
            if piece:
                if self._splits and self._http_chunk_splits is None:
                    self.begin_http_chunk_receiving()
                self._add(piece)
            elif not ended:
                self._end()
                return
            if ended and self._http_chunk_splits is not None:
                self.end_http_chunk_receiving()
        if native.is_complete and not self._more and not self._eof and self._exception is None:
            await self._drain()

    async def _drain(self) -> None:
        """Add what has come behind the last piece, so that the end is known with the data."""
        native = self._native
        if self._splits:
            return
        rest = await native.read()
        if rest:
            self._add(rest)
        if not self._more:
            self._end()

    def _add(self, piece: bytes) -> None:
        if self._inflater is None:
            self.feed_data(piece)
        else:
            self._decompress(piece)

    def _decompress(self, piece: bytes) -> None:
        assert self._inflater is not None
        try:
            self._more = self._inflater.feed_data(piece, len(piece))
        except ContentEncodingError as error:
            self._break(error)

    def _end(self) -> None:
        if self._eof:
            return
        try:
            if self._inflater is None:
                self.feed_eof()
            else:
                self._inflater.feed_eof()
        except ContentEncodingError as error:
            self._break(error)

    def _break(self, error: Exception) -> None:
        """Fail with aiohttp's exception for compressed data that is none."""
        failure = ClientPayloadError(str(error))
        failure.__cause__ = error
        self._more = False
        self.set_exception(failure)
        self._native.close()

    def _fail(self, error: BaseException) -> None:
        response = self._response
        assert response is not None
        received = self.total_raw_bytes
        self.set_exception(in_body(error, response, received))

    def is_eof(self) -> bool:
        return self._eof

    def at_eof(self) -> bool:
        return self._eof and not self._buffer

    async def wait_eof(self) -> None:
        """Wait until the whole body has come."""
        while not self._eof:
            await self._wait("wait_eof")

    def __repr__(self) -> str:
        return super().__repr__().replace(type(self).__name__, "StreamReader", 1)
