"""The heads of usual requests: what does not change is made once for a session and an origin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import hdrs
from aiohttp.client_reqrep import ClientRequest
from aiohttp.http import SERVER_SOFTWARE
from multidict import CIMultiDict, getversion, istr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import ClientSession

    from .connections import Origin

__all__ = ("KINDS", "Head", "Place", "is_usual", "with_headers")

#: Headers, as the native pool takes them.
Head = list[tuple[str, str]]

#: Methods of usual requests, to whether a request without a body says that its body is empty (1),
#: and also of what kind it is (2).
KINDS = {"GET": 0, "HEAD": 0, "OPTIONS": 0, "DELETE": 1, "POST": 2, "PUT": 2, "PATCH": 2}

_EMPTY: tuple[Head, ...] = (
    [],
    [(hdrs.CONTENT_LENGTH, "0")],
    [(hdrs.CONTENT_LENGTH, "0"), (hdrs.CONTENT_TYPE, "application/octet-stream")],
)
_CLOSE: Head = [(hdrs.CONNECTION, "close")]


class Place:
    """An origin as one session addresses it, and the headers that all requests there have."""

    __slots__ = ("closes", "heads", "host", "origin", "version")

    def __init__(self, origin: Origin, host: str, closes: bool) -> None:
        self.origin = origin
        #: The value of `Host`.
        self.host = host
        #: Whether the connector closes each connection after one request.
        self.closes = closes
        #: The version of the session's headers that `heads` were made of.
        self.version = -1
        #: One head for each of `KINDS`, without a body.
        self.heads: tuple[Head, ...] = ()

    def head(self, session: ClientSession, kind: int) -> Head:
        """Return the headers of a request without a body and without headers of its own."""
        defaults = session._default_headers
        if getversion(defaults) != self.version:
            self._make(defaults)
        return self.heads[kind]

    def head_with_body(self, session: ClientSession, content_type: str, length: int) -> Head:
        """Return the headers of a request with a body and without headers of its own."""
        defaults = session._default_headers
        if getversion(defaults) != self.version:
            self._make(defaults)
        if hdrs.CONTENT_TYPE in defaults or hdrs.CONTENT_LENGTH in defaults:
            return with_headers(self, CIMultiDict(defaults), 2, content_type, length)
        begin = self.heads[0]
        if self.closes:
            begin = begin[:-1]
        body = [(hdrs.CONTENT_LENGTH, str(length)), (hdrs.CONTENT_TYPE, content_type)]
        return begin + body + _CLOSE if self.closes else begin + body

    def _make(self, defaults: CIMultiDict[str]) -> None:
        self.heads = tuple(
            with_headers(self, CIMultiDict(defaults), kind, None, 0) for kind in (0, 1, 2)
        )
        self.version = getversion(defaults)


def with_headers(
    place: Place, headers: CIMultiDict[str], kind: int, content_type: str | None, length: int
) -> Head:
    """Return the headers of a request, in aiohttp's order.

    Arguments:
        place: where it goes.
        headers: the session's and its own, merged.
        kind: of the method, from `KINDS`.
        content_type: of the body; None: there is none.
        length: of the body.
    """
    host = place.host
    if hdrs.HOST in headers:
        host = headers.popall(hdrs.HOST)[-1]
    made: Head = [(hdrs.HOST, host)]
    made += headers.items()
    for header in made:
        if not isinstance(header[1], str):
            raise TypeError(f"Cannot serialize non-str key {header[1]!r}")
    for name, value in _AUTOMATIC:
        if name not in headers:
            made.append((name, value))
    if content_type is None:
        if hdrs.CONTENT_LENGTH not in headers:
            made.extend(_EMPTY[kind][:1])
        if hdrs.CONTENT_TYPE not in headers:
            made.extend(_EMPTY[kind][1:])
    else:
        if hdrs.CONTENT_LENGTH not in headers:
            made.append((hdrs.CONTENT_LENGTH, str(length)))
        if hdrs.CONTENT_TYPE not in headers:
            made.append((hdrs.CONTENT_TYPE, content_type))
    if place.closes and hdrs.CONNECTION not in headers:
        made.extend(_CLOSE)
    return made


#: What a request says by itself.
_AUTOMATIC: tuple[tuple[istr, str], ...] = (
    *((istr(name), value) for name, value in ClientRequest.DEFAULT_HEADERS.items()),
    (hdrs.USER_AGENT, SERVER_SOFTWARE),
)


def is_usual(headers: Mapping[str, str]) -> bool:
    """Tell whether the headers frame no body otherwise and ask for no more than one step."""
    return not (
        hdrs.TRANSFER_ENCODING in headers
        or hdrs.CONTENT_LENGTH in headers
        or hdrs.EXPECT in headers
        or hdrs.CONTENT_ENCODING in headers
        or hdrs.UPGRADE in headers
    )
