"""A context that offers HTTP/1.1 alone, where its own connections offer HTTP/2 too."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

__all__ = ("OnlyHttp1",)


class OnlyHttp1(ssl.SSLContext):
    """Stands for another context in one handshake.

    What is offered by ALPN belongs to a context, and connections that are made at the same time
    share theirs. So it is set for the moment in which the handshake's object is made.

    Arguments:
        context: the one that verifies the server.
        offered: what its other connections offer.
    """

    _context: ssl.SSLContext
    _offered: list[str]

    def __new__(cls, context: ssl.SSLContext, offered: Iterable[str]) -> OnlyHttp1:
        """Make one; its own settings are used for nothing."""
        made = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        made._context, made._offered = context, list(offered)
        return made

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        """Do nothing: what is offered is known."""

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        """Make the object of a handshake that offers HTTP/1.1."""
        self._context.set_alpn_protocols(["http/1.1"])
        try:
            return self._context.wrap_bio(*args, **options)
        finally:
            self._context.set_alpn_protocols(self._offered)
