"""The heads of usual requests: what does not change is made once for a session and an origin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import hdrs
from aiohttp.client_reqrep import ClientRequest
from aiohttp.http import SERVER_SOFTWARE
from multidict import CIMultiDict, getversion, istr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import ClientSession

    from .connections import Origin

__all__ = ("KINDS", "Head", "Place", "is_usual", "with_headers")

#: Headers, as the native pool takes them. It checks and writes the same tuple once.
Head = list[tuple[str, str]] | tuple[tuple[str, str], ...]

#: Methods of usual requests, to whether a request without a body says that its body is empty (1),
#: and also of what kind it is (2).
KINDS = {"GET": 0, "HEAD": 0, "OPTIONS": 0, "DELETE": 1, "POST": 2, "PUT": 2, "PATCH": 2}

#: What aiohttp says of the body of a request without one.
_NOTHING = "application/octet-stream"
_CLOSE = (hdrs.CONNECTION, "close")


class Place:
    """An origin as one session addresses it, and the headers that all requests there have."""

    __slots__ = ("appends", "closes", "heads", "host", "origin", "version")

    def __init__(self, origin: Origin, host: str, closes: bool) -> None:
        self.origin = origin
        #: The value of `Host`.
        self.host = host
        #: Whether the connector closes each connection after one request.
        self.closes = closes
        #: The version of the session's headers that `heads` were made of.
        self.version = -1
        #: One head for each of `KINDS`, without a body. None: the session's headers are unusual.
        self.heads: tuple[Head | None, ...] = ()
        #: Whether the headers of a body stand at the end, and none of them is there already.
        self.appends = False

    def head(self, session: ClientSession, kind: int) -> Head | None:
        """Return the headers of a request without a body and without headers of its own.

        None: the session's headers ask for more than a usual request does.
        """
        defaults = session._default_headers
        if getversion(defaults) != self.version:
            self._make(defaults)
        return self.heads[kind]

    def head_with_body(self, session: ClientSession, content_type: str, body: bytes) -> Head | None:
        """Return the same for a request with a body."""
        begin = self.head(session, 0)
        if begin is None:
            return None
        if not self.appends:
            headers = CIMultiDict(session._default_headers)
            return with_headers(self, headers, 0, content_type, body)
        return [
            *begin,
            (hdrs.CONTENT_LENGTH, str(len(body))),
            (hdrs.CONTENT_TYPE, content_type),
        ]

    def _make(self, defaults: CIMultiDict[str]) -> None:
        self.version = getversion(defaults)
        self.appends = not self.closes and hdrs.CONTENT_TYPE not in defaults
        if is_usual(defaults):
            self.heads = tuple(
                tuple(with_headers(self, CIMultiDict(defaults), kind, _NOTHING, None))
                for kind in (0, 1, 2)
            )
        else:
            self.heads = (None, None, None)


def with_headers(
    place: Place,
    headers: CIMultiDict[str],
    kind: int,
    content_type: str,
    body: bytes | None,
    cookies: Any = None,
) -> list[tuple[str, str]]:
    """Return the headers of a request, in aiohttp's order.

    Arguments:
        place: where it goes.
        headers: the session's and its own, merged. They are changed.
        kind: of the method, from `KINDS`.
        content_type: of the body.
        body: what is sent; None: nothing.
        cookies: of the session's jar, for this URL.
    """
    host = place.host
    if hdrs.HOST in headers:
        host = headers.popall(hdrs.HOST)[-1]
    cookie = _cookie(headers, cookies) if cookies else None
    made: list[tuple[str, str]] = [(hdrs.HOST, host)]
    made += headers.items()
    for header in made:
        if not isinstance(header[1], str):
            raise TypeError(f"Cannot serialize non-str key {header[1]!r}")
    for name, value in _AUTOMATIC:
        if name not in headers:
            made.append((name, value))
    if cookie is not None:
        made.append((hdrs.COOKIE, cookie))
    if body is not None:
        made.append((hdrs.CONTENT_LENGTH, str(len(body))))
    elif kind:
        made.append((hdrs.CONTENT_LENGTH, "0"))
        content_type = _NOTHING
    if (body is not None or kind == 2) and hdrs.CONTENT_TYPE not in headers:
        made.append((hdrs.CONTENT_TYPE, content_type))
    if place.closes and hdrs.CONNECTION not in headers:
        made.append(_CLOSE)
    return made


def _cookie(headers: CIMultiDict[str], cookies: Any) -> str:
    """Take `Cookie` out of the headers and return it with the jar's cookies added."""
    # aiohttp's own function, on an object that has no more than it needs.
    request = object.__new__(ClientRequest)
    request.headers = headers
    request.update_cookies(cookies)
    return headers.popall(hdrs.COOKIE)[-1]


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
