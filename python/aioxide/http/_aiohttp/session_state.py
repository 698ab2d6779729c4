"""What is kept of a session between requests: its connector's pool, and its URLs taken apart."""

from __future__ import annotations

import re
from math import ceil
from typing import TYPE_CHECKING, Any

from aiohttp.client_reqrep import ClientRequest, ClientResponse, ConnectionKey
from aiohttp.helpers import DEFAULT_CHUNK_SIZE
from yarl import URL

from .connections import connections_of
from .heads import Place

if TYPE_CHECKING:
    from aiohttp import ClientSession, ClientTimeout

    from .connections import Connections

__all__ = ("Limits", "SessionState", "Target", "state_of", "target_at")

#: The attribute of a session that holds its :class:`SessionState`.
ATTRIBUTE = "_aioxide_state"

#: The limits of a response's head that the native client has: aiohttp's own, too.
_HEAD_LIMITS = (8190, 8190, 128)

#: URLs that a session keeps taken apart, at most.
_MOST = 1024


class Target:
    """A URL of usual requests, taken apart."""

    __slots__ = ("_real_url", "_text", "_url", "path", "place")

    def __init__(self, place: Place, path: bytes, text: str, real_url: URL | None = None) -> None:
        self.place = place
        self.path = path
        self._text = text
        self._real_url = real_url
        self._url: URL | None = None

    @property
    def real_url(self) -> URL:
        """The URL as it was asked for, with its fragment; made when somebody asks."""
        url = self._real_url
        if url is None:
            url = self._real_url = URL(self._text)
        return url

    @property
    def url(self) -> URL:
        """The same without the fragment."""
        url = self._url
        if url is None:
            url = self.real_url
            if url.raw_fragment:
                url = url.with_fragment(None)
            self._url = url
        return url


#: Paths with queries that yarl leaves as they are: no character that it would encode or decode,
#: no dot segment, no fragment.
_is_plain = re.compile(
    r"(?:/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)*/?(?:\?[A-Za-z0-9_.~=&/-]+)?"
).fullmatch

#: What stands before such a path and is nothing but an origin.
_is_origin = re.compile(r"https?://[A-Za-z0-9.:\[\]_-]+").fullmatch


class Limits:
    """A ``ClientTimeout`` as the native pool takes it."""

    __slots__ = ("connect", "steps", "threshold", "total")

    def __init__(self, timeout: ClientTimeout) -> None:
        total = timeout.total
        self.total = total if total is not None and total > 0 else None
        self.threshold = timeout.ceil_threshold
        self.connect = timeout.connect if timeout.connect and timeout.connect > 0 else None
        #: For the places, connecting, reading, writing. The connector itself limits connecting.
        self.steps = (None, None, timeout.sock_read or None, None)

    def deadline(self, now: float) -> float | None:
        """Return the time at which a request that begins now ends, rounded as aiohttp does."""
        total = self.total
        if total is None:
            return None
        return float(ceil(now + total)) if total >= self.threshold else now + total

    def acquiring(self, now: float) -> float | None:
        """Return for how many seconds a request may wait for a connection."""
        connect = self.connect
        if connect is None or connect <= self.threshold:
            return connect
        return ceil(now + connect) - now


class SessionState:
    """What is kept of one session. It does not hold the session."""

    __slots__ = (
        "connect",
        "connections",
        "connector",
        "inflates",
        "is_custom",
        "limits",
        "loop",
        "places",
        "prefixes",
        "read_bufsize",
        "simple_traces",
        "size",
        "targets",
        "timeout",
    )

    def __init__(self, session: ClientSession, connections: Connections) -> None:
        connector = session._connector
        assert connector is not None
        self.connector = connector
        self.connections = connections
        self.loop = session._loop
        #: Attributes of the connector: one more, and something in it was replaced.
        self.size = len(connector.__dict__)
        #: What stands for the connector's `connect`: if something else does, it was replaced.
        self.connect = connector.__dict__["connect"]
        self.places: dict[ConnectionKey, Place] = {}
        self.targets: dict[str | URL, Target] = {}
        #: Places by the begin of a URL, up to the path, as it was written.
        self.prefixes: dict[str, Place] = {}
        #: The session's traces, if they listen to begins and ends only.
        self.simple_traces: list[Any] | None = None
        self.timeout = session._timeout
        self.limits = Limits(session._timeout)
        self.read_bufsize = session._read_bufsize
        self.inflates = session._auto_decompress
        #: Whether responses are read otherwise than usual.
        self.is_custom = self.read_bufsize != DEFAULT_CHUNK_SIZE or not self.inflates

    def target(self, session: ClientSession, str_or_url: str | URL) -> Target | None:
        """Take a URL apart; None: it is an unusual one, or wrong."""
        # Most programs ask one origin for many paths: what is before the path is known then.
        is_text = type(str_or_url) is str and session._base_url is None
        slash = 0
        if is_text:
            text: str = str_or_url  # type: ignore[assignment]
            slash = text.find("/", 8)
            if slash > 0:
                place = self.prefixes.get(text[:slash])
                if place is not None and _is_plain(text, slash):
                    return self._keep(text, Target(place, text[slash:].encode(), text))
        try:
            url = session._build_url(str_or_url)
        except ValueError:
            return None
        if url.scheme not in ("http", "https") or not url.raw_host:
            return None
        if url.raw_user is not None or url.raw_password is not None:
            return None
        target = self.target_of(url)
        if slash > 0 and _is_origin(text, 0, slash):
            if len(self.prefixes) >= _MOST:
                self.prefixes.clear()
            self.prefixes[text[:slash]] = target.place
        return self._keep(str_or_url, target)

    def _keep(self, str_or_url: str | URL, target: Target) -> Target:
        if len(self.targets) >= _MOST:
            self.targets.clear()
        self.targets[str_or_url] = target
        return target

    def target_of(self, url: URL) -> Target:
        """Return the target of an absolute URL without credentials."""
        key = ConnectionKey(
            url.raw_host or "", url.port, url.scheme == "https", True, None, None, None, None
        )
        place = self.places.get(key)
        if place is None:
            if len(self.places) >= _MOST:
                self.places.clear()
            origin = self.connections.origin(key, url.origin())
            host = url.host_port_subcomponent
            assert host is not None
            place = self.places[key] = Place(origin, host, self.connector._force_close)
        return target_at(place, url)

    def limits_of(self, timeout: ClientTimeout) -> Limits:
        """Return the time limits of one request."""
        if timeout is self.timeout:
            return self.limits
        return Limits(timeout)


def target_at(place: Place, url: URL) -> Target:
    """Return the target of a URL whose origin is known."""
    return Target(place, url.raw_path_qs.encode(), "", url)


def state_of(session: ClientSession) -> SessionState | None:
    """Return a session's state, made for the connector that it has now.

    None: its requests do not run natively.
    """
    connector = session._connector
    if (
        connector is None
        or session._request_class is not ClientRequest
        or session._response_class is not ClientResponse
        or session._version != (1, 1)
        or (session._max_line_size, session._max_field_size, session._max_headers) != _HEAD_LIMITS
    ):
        return None
    connections = connections_of(connector)
    if connections is None:
        return None
    state = SessionState(session, connections)
    # Not by `setattr`, which warns in aiohttp's debug mode.
    session.__dict__[ATTRIBUTE] = state
    return state
