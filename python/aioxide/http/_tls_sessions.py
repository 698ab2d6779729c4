"""TLS sessions that are resumed: a new connection to the same server has a shorter handshake."""

from __future__ import annotations

import ssl
from collections import OrderedDict
from typing import Any

from ._origins import Origin

__all__ = ("Sessions",)

#: Servers whose last session is kept; the one that was connected to longest ago is forgotten first.
MOST_SERVERS = 64


class Sessions:
    """Keeps a session with each server.

    A session belongs to the context that it was made with, to the name that the certificate was
    compared with, and to the address. Contexts of other classes than ``ssl.SSLContext`` itself may
    verify in ways of their own, at each handshake, so theirs are not resumed.

    It serves as long as the server accepts it. A newer one is not asked for: each time that CPython
    is asked for the session of a connection, it loses some kilobytes.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[Origin, _Kept] = OrderedDict()

    def resuming(self, origin: Origin) -> Any:
        """Return what stands for the origin's context in the handshake; None without a session."""
        kept = self._kept.get(origin)
        if kept is None or origin.tls is None:
            return None
        session = kept.take()
        return None if session is None else _Resuming(origin.tls, session)

    def keep(self, origin: Origin, transport: Any) -> None:
        """Remember the session of a connection that was made, unless it is the one that is kept."""
        if type(origin.tls) is not ssl.SSLContext:
            return
        made = transport.get_extra_info("ssl_object")
        kept = self._kept.get(origin)
        if kept is None or not (kept.is_taken and made.session_reused):
            self._kept[origin] = _Kept(made)
        self._kept.move_to_end(origin)
        if len(self._kept) > MOST_SERVERS:
            self._kept.popitem(last=False)


class _Kept:
    """The session of one connection."""

    def __init__(self, made: ssl.SSLObject) -> None:
        # Not its session: with TLS 1.3 the ticket arrives later.
        self._object: ssl.SSLObject | None = made
        self._session: ssl.SSLSession | None = None

    @property
    def is_taken(self) -> bool:
        """Whether it has been used."""
        return self._session is not None

    def take(self) -> ssl.SSLSession | None:
        """Return the session; None if there is none."""
        if self._object is not None:
            self._session, self._object = self._object.session, None
        return self._session


class _Resuming:
    """A context whose next session continues an earlier one."""

    def __init__(self, context: ssl.SSLContext, session: ssl.SSLSession) -> None:
        self._context = context
        self._session = session

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | None = None,
    ) -> ssl.SSLObject:
        return self._context.wrap_bio(
            incoming, outgoing, server_side, server_hostname, self._session
        )
