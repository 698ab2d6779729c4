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
    """Keeps the last session with each server.

    A session belongs to the context that it was made with, to the name that the certificate was
    compared with, and to the address. Contexts of other classes than ``ssl.SSLContext`` itself may
    verify in ways of their own, at each handshake, so theirs are not resumed.
    """

    def __init__(self) -> None:
        # The object of a connection, not its session: with TLS 1.3 the ticket arrives later.
        self._last: OrderedDict[Origin, ssl.SSLObject] = OrderedDict()

    def resuming(self, origin: Origin) -> Any:
        """Return what stands for the origin's context in the handshake; None without a session."""
        last = self._last.get(origin)
        if last is None or origin.tls is None or last.session is None:
            return None
        return _Resuming(origin.tls, last.session)

    def keep(self, origin: Origin, transport: Any) -> None:
        """Remember the session of a connection that was made."""
        if type(origin.tls) is not ssl.SSLContext:
            return
        self._last[origin] = transport.get_extra_info("ssl_object")
        self._last.move_to_end(origin)
        if len(self._last) > MOST_SERVERS:
            self._last.popitem(last=False)


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
