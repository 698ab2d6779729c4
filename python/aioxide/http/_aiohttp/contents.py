"""A response's body as a stream: aiohttp's reader, which takes bytes when somebody reads."""

from __future__ import annotations

from collections import deque
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

    __slots__ = (
        "_at",
        "_chunk_ends",
        "_fetched",
        "_fetching",
        "_inflater",
        "_is_chunked",
        "_more",
        "_native",
        "_piece",
        "_response",
    )

    def __init__(self, response: Response, limit: int, encoding: str | None) -> None:
        super().__init__(_SOURCE, limit, loop=response._loop)  # type: ignore[arg-type]
        self._response: Response | None = response
        self._native = response._native
        self._inflater: DeflateBuffer | None = None
        #: The inflater has more of what it was given already.
        self._more = False
        self._fetching = False
        #: What was fetched last, and how much of it was passed on.
        self._piece = b""
        self._at = 0
        #: Bytes of the body that were passed on, as they came.
        self._fetched = 0
        self._is_chunked = response.is_chunked
        self._chunk_ends: deque[int] = deque()
        if self._is_chunked:
            self.begin_http_chunk_receiving()
        if encoding is not None:
            self._inflater = DeflateBuffer(self, encoding, max_decompress_size=limit)

    async def read(self, n: int = -1) -> bytes:
        """Read up to ``n`` bytes, or all. See ``aiohttp.StreamReader.read``."""
        if (
            n <= 0
            or self._buffer
            or self._eof
            or self._is_chunked
            or self._inflater is not None
            or self._exception is not None
            or self._at < len(self._piece)
            or self._fetching
        ):
            return await super().read(n)
        # Nothing is to be done with the bytes: as many are fetched as are asked for.
        self.set_read_chunk_size(n)
        native = self._native
        self._fetching = True
        try:
            piece = native.read_some_nowait(n)
            if piece is None:
                piece = await native.read_some(n)
        except FAILURES as error:
            self._fail(error)
            assert self._exception is not None
            raise self._exception from self._exception.__cause__
        finally:
            self._fetching = False
        self._fetched += len(piece)
        self.total_bytes += len(piece)
        self._cursor += len(piece)
        if not piece:
            self._end()
        elif native.is_complete:
            self._look_for_end()
        return piece  # type: ignore[no-any-return]

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
        if self._more:
            self._decompress(b"")
            self._pass_on()
            return
        if self._at == len(self._piece):
            try:
                piece = await self._native.read_some(min(self._high_water, _PIECE))
            except FAILURES as error:
                self._fail(error)
                return
            if not piece:
                self._end()
                return
            self._take(piece)
        self._pass_on()

    def _take(self, piece: bytes) -> None:
        self._piece = piece
        self._at = 0
        if self._is_chunked:
            self._chunk_ends.extend(self._native.take_chunk_ends())

    def _pass_on(self) -> None:
        """Add what was fetched, chunk by chunk, until the inflater has enough for now."""
        ends = self._chunk_ends
        whole = self._piece
        while self._at < len(whole) and not self._more and self._exception is None:
            stop = len(whole)
            if ends:
                stop = min(stop, self._at + ends[0] - self._fetched)
            piece = whole[self._at : stop]
            self._at = stop
            self._fetched += len(piece)
            if self._inflater is None:
                self.feed_data(piece)
            else:
                self._decompress(piece)
            if ends and ends[0] == self._fetched:
                ends.popleft()
                self.end_http_chunk_receiving()
        if not self._more and self._at == len(whole) and self._native.is_complete:
            self._look_for_end()

    def _look_for_end(self) -> None:
        """End if the last data was passed on, so that the end is known along with it."""
        if rest := self._native.read_some_nowait(min(self._high_water, _PIECE)):
            self._take(rest)
        else:
            self._end()

    def _decompress(self, piece: bytes) -> None:
        assert self._inflater is not None
        try:
            self._more = self._inflater.feed_data(piece, len(piece))
        except ContentEncodingError as error:
            self._break(error)

    def _end(self) -> None:
        if self._eof or self._exception is not None:
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
        self.set_exception(in_body(error, response, self._fetched))

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
