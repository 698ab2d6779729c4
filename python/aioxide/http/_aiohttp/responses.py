"""``aiohttp.ClientResponse`` over a native response: what nobody asks for is not made."""

from __future__ import annotations

import asyncio
import codecs
import warnings
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import ClientConnectionError, hdrs
from aiohttp.client_reqrep import ClientResponse, RequestInfo, _is_expected_content_type
from aiohttp.helpers import DEFAULT_CHUNK_SIZE, parse_mimetype
from aiohttp.http import HttpVersion, HttpVersion10, HttpVersion11
from aiohttp.http_parser import HttpResponseParser, HttpResponseParserPy
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.typedefs import DEFAULT_JSON_DECODER
from multidict import CIMultiDict, CIMultiDictProxy, istr

from .._native import parse_json
from .contents import Content
from .failures import FAILURES, in_body

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from aiohttp import ClientSession
    from aiohttp.tracing import Trace
    from aiohttp.typedefs import JSONDecoder
    from yarl import URL

    from .._native import HttpResponse

__all__ = ("Response", "request_info")

#: The names in `Content-Encoding` that aiohttp decodes.
_ENCODINGS = frozenset(("gzip", "deflate", "br", "zstd"))
_EMPTY = frozenset((204, 304))

#: `Content-Type` to whether it is JSON, and the encoding that it says. At most `_MOST` entries.
_types: dict[str | None, tuple[bool, str | None]] = {}
_MOST = 256

#: The names that aiohttp's parser in C writes as `aiohttp.hdrs` does, by their lower case.
_names: dict[bytes, istr] = {}
if HttpResponseParser is not HttpResponseParserPy:
    _names.update(
        (name.lower().encode(), name) for name in vars(hdrs).values() if isinstance(name, istr)
    )

#: What stands for a document that the native parser leaves to Python's.
_UNUSUAL = object()


class Addressed(Protocol):
    """What knows where a request goes."""

    @property
    def url(self) -> URL:
        """Without the fragment."""

    @property
    def real_url(self) -> URL:
        """As it was asked for."""


class Response(ClientResponse):
    """A response to a native request."""

    # Attributes of the base class are set by `start` of the native request, below. These are made
    # when somebody asks: headers, cookies, request_info, content.
    _content: StreamReader | None = None
    _writing: asyncio.Task[None] | None = None
    _connection_view: ConnectionView | None = None
    _traces: Sequence[Trace] = ()  # type: ignore[assignment]
    #: When the whole request ends; kept for the next one if this response redirects.
    _deadline: float | None = None
    _limit = DEFAULT_CHUNK_SIZE
    _inflates = True

    def __init__(
        self,
        native: HttpResponse,
        method: str,
        target: Addressed,
        session: ClientSession,
        sent: Any,
    ) -> None:
        # The base class's __init__ wants parts of aiohttp's way that there are none of here.
        self._native = native
        self.status = native.status
        self.method = method
        self._target = target
        self._session = session
        self._loop = session._loop
        self._resolve_charset = session._resolve_charset
        self._cache = {}
        self._sent = sent
        self._shut = False
        self._is_plain = native.is_plain

    def __del__(self, _warnings: Any = warnings) -> None:
        if not self._shut and not self._native.is_complete:
            self._native.close()
            if self._loop.get_debug():
                _warnings.warn(f"Unclosed response {self!r}", ResourceWarning, source=self)
                context = {"client_response": self, "message": "Unclosed response"}
                self._loop.call_exception_handler(context)

    # Where it is from.

    @property
    def _url(self) -> URL:  # type: ignore[override]
        return self._target.url

    @property
    def _real_url(self) -> URL:  # type: ignore[override]
        return self._target.real_url

    # What the head says.

    @property
    def version(self) -> HttpVersion:  # type: ignore[override]
        version = self._native.version
        return HttpVersion11 if version == (1, 1) else HttpVersion10

    @property
    def reason(self) -> str:  # type: ignore[override]
        return self._native.reason.decode("utf-8", "surrogateescape")

    @property
    def _raw_headers(self) -> tuple[tuple[bytes, bytes], ...]:  # type: ignore[override]
        return self._native.raw_headers

    @property
    def _headers(self) -> CIMultiDictProxy[str]:  # type: ignore[override]
        cache = self._cache
        made = cache.get("headers")
        if made is None:
            made = cache["headers"] = CIMultiDictProxy(
                CIMultiDict(
                    [
                        (
                            _names.get(name.lower()) or name.decode("utf-8", "surrogateescape"),
                            value.decode("utf-8", "surrogateescape"),
                        )
                        for name, value in self._native.raw_headers
                    ]
                )
            )
        return made  # type: ignore[no-any-return]

    @property
    def _request_info(self) -> RequestInfo:  # type: ignore[override]
        cache = self._cache
        info = cache.get("request_info")
        if info is None:
            info = request_info(self._url, self._real_url, self.method, self._sent)
            cache["request_info"] = info
        return info  # type: ignore[no-any-return]

    @property
    def is_chunked(self) -> bool:
        """Whether the body comes in chunks of HTTP."""
        coding = self._native.get("transfer-encoding")
        return coding is not None and "chunked" in coding.lower()

    # The body.

    @property
    def _encoding(self) -> str | None:
        """The compression of the body, if it is to be undone."""
        if not self._inflates:
            return None
        encoding = self._native.get("content-encoding")
        if encoding is None:
            return None
        encoding = encoding.lower()
        return encoding if encoding in _ENCODINGS else None

    @property
    def content(self) -> StreamReader:  # type: ignore[override]
        stream = self._content
        if stream is None:
            stream = self._content = self._make_content()
            if self._released:
                stream.set_exception(ClientConnectionError("Connection closed"))
        return stream

    def _make_content(self) -> StreamReader:
        native = self._native
        if self.method == "HEAD" or self.status in _EMPTY or native.get("content-length") == "0":
            return EMPTY_PAYLOAD
        stream = Content(self, self._limit, self._encoding)
        if self._body is not None:
            stream.feed_eof()
        return stream

    async def read(self) -> bytes:
        """Read the rest of the body. See ``aiohttp.ClientResponse.read``."""
        body = self._body
        if body is None:
            try:
                native = self._native
                if (
                    self._content is None
                    and not self._released
                    and (self._is_plain or self._encoding is None)
                ):
                    body = native.read_nowait()
                    if body is None:
                        body = await native.read()
                    self._body = body
                else:
                    body = self._body = await self.content.read()
                for trace in self._traces:
                    if trace._trace_config._on_response_chunk_received:
                        await trace.send_response_chunk_received(self.method, self.url, body)
            except FAILURES as error:
                failure = in_body(error, self, None) if self._body is None else error
                self.close()
                raise failure from failure.__cause__
            except BaseException:
                self.close()
                raise
        elif self._released:
            raise ClientConnectionError("Connection closed")
        if self._writing is not None:
            await self._written()
        return body

    def _taken(self) -> bytes | None:
        """Take the body if all of it has arrived and `read` would do nothing else."""
        if self._released or self._writing is not None or not self._native.is_complete:
            return None
        body = self._body = self._native.read_nowait()
        return body

    def get_encoding(self) -> str:
        """Return the encoding of the text. See ``aiohttp.ClientResponse.get_encoding``."""
        encoding = _judged(self._native.get("content-type"))[1]
        if encoding is not None:
            return encoding
        if self._body is None:
            raise RuntimeError("Cannot compute fallback encoding of a not yet read body")
        return self._resolve_charset(self, self._body)

    async def json(
        self,
        *,
        encoding: str | None = None,
        loads: JSONDecoder = DEFAULT_JSON_DECODER,
        content_type: str | None = "application/json",
    ) -> Any:
        """Read the body as JSON. See ``aiohttp.ClientResponse.json``."""
        body = self._body
        if body is None:
            if self._is_plain and self._content is None and not self._traces:
                body = self._taken()
            if body is None:
                body = await self.read()
        is_json, said = _judged(self._native.get("content-type"))
        if (
            not is_json
            or said is None
            or encoding is not None
            or loads is not DEFAULT_JSON_DECODER
            or content_type != "application/json"
        ):
            return await super().json(encoding=encoding, loads=loads, content_type=content_type)
        if said == "utf-8":
            value = parse_json(body, _UNUSUAL)
            if value is not _UNUSUAL:
                return value
        # As aiohttp has it: no document is none, and spaces do not count.
        return loads(text) if (text := body.strip().decode(said)) else None

    # The connection.

    @property
    def closed(self) -> bool:
        return self._shut or self._native.is_complete

    @property
    def connection(self) -> ConnectionView | None:  # type: ignore[override]
        if self.closed:
            return None
        view = self._connection_view
        if view is None:
            view = self._connection_view = ConnectionView(self)
        return view

    def close(self) -> None:
        if not self._released:
            self._notify_content()
        self._shut = True
        self._native.close()
        self._cleanup_writer()

    def release(self) -> Any:
        if not self._released:
            if self._content is None:
                self._released = True
            else:
                self._notify_content()
        self._shut = True
        self._native.release()
        if self._writing is None:
            self._session = None
        else:
            self._cleanup_writer()
        return _nothing

    def raise_for_status(self) -> None:
        if self.status >= 400:
            super().raise_for_status()

    def _notify_content(self) -> None:
        stream = self._content
        if stream is not None and stream.exception() is None:
            stream.set_exception(ClientConnectionError("Connection closed"))
        self._released = True

    def _cleanup_writer(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
        self._session = None

    async def _written(self) -> None:
        """Wait for the end of the request's body."""
        writing = self._writing
        assert writing is not None
        try:
            await writing
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
        self._writing = None

    async def wait_for_close(self) -> None:
        if self._writing is not None:
            await self._written()
        self.release()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self._in_context = False
        self.release()
        if self._writing is not None:
            await self._written()


class ConnectionView:
    """``ClientResponse.connection``: as much of ``aiohttp.Connection`` as programs use."""

    __slots__ = ("_response",)

    def __init__(self, response: Response) -> None:
        self._response = response

    def __repr__(self) -> str:
        return f"Connection<{self._response._url.host}:{self._response._url.port}>"

    def __bool__(self) -> bool:
        return True

    @property
    def transport(self) -> asyncio.Transport | None:
        return self._response._native.transport  # type: ignore[no-any-return]

    @property
    def protocol(self) -> asyncio.BaseProtocol | None:
        transport = self.transport
        return None if transport is None else transport.get_protocol()

    @property
    def closed(self) -> bool:
        transport = self.transport
        return transport is None or transport.is_closing()

    def close(self) -> None:
        """Close the connection; the response cannot be read any more."""
        self._response.close()

    def release(self) -> None:
        """Give the connection up; it is closed unless the response is complete."""
        self._response.release()


class _Nothing:
    """What ``release()`` returns: old programs await it."""

    __slots__ = ()

    def __await__(self) -> Any:
        yield


_nothing = _Nothing()


def request_info(url: URL, real_url: URL, method: str, sent: Any) -> RequestInfo:
    """Return aiohttp's description of a request.

    Arguments:
        sent: its headers, as aiohttp has them or as the native pool takes them.
    """
    if type(sent) is not CIMultiDict:
        sent = CIMultiDict([(text_of(name), text_of(value)) for name, value in sent])
    return tuple.__new__(RequestInfo, (url, method, CIMultiDictProxy(sent), real_url))


def text_of(text: str | bytes) -> str:
    """Return a header's name or value as aiohttp has it."""
    return text if isinstance(text, str) else text.decode("utf-8", "surrogateescape")


def _judged(said: str | None) -> tuple[bool, str | None]:
    """Return whether a `Content-Type` is JSON, and its encoding; None if it does not say one."""
    found = _types.get(said)
    if found is not None:
        return found
    lower = "" if said is None else said.lower()
    mimetype = parse_mimetype(lower)
    encoding = None
    if charset := mimetype.parameters.get("charset"):
        try:
            encoding = codecs.lookup(charset).name
        except (LookupError, ValueError):
            encoding = None
    if encoding is None and mimetype.type == "application":
        if mimetype.subtype in ("json", "rdap"):
            encoding = "utf-8"
    found = (_is_expected_content_type(lower, "application/json"), encoding)
    if len(_types) >= _MOST:
        _types.clear()
    _types[said] = found
    return found
