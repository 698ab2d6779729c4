"""Name resolution."""

from __future__ import annotations

import socket
from asyncio.log import logger

from .._aioxide import _note_wait
from .addresses import is_numeric, numeric_addrinfo
from .executors import Executors

__all__ = ("NameResolution",)

_NUMERIC_NAME = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV


class NameResolution(Executors):
    """``getaddrinfo`` and ``getnameinfo`` that do not block the loop.

    The functions of the ``socket`` module are looked up at each call, so that
    a program which replaces them is heard.
    """

    __slots__ = ()  # See Loop.

    async def getaddrinfo(self, host, port, *, family=0, type=0, proto=0, flags=0):
        """``socket.getaddrinfo()`` in the default executor.

        A question without names in it is answered at once, in this thread. In
        debug mode the time taken is logged.

        Returns:
            A list of ``(family, type, proto, canonical name, socket address)``.

        Raises:
            socket.gaierror: the name has no address, or the lookup failed.

        Cancellation ends the wait; the lookup goes on in its thread.
        """
        lookup = self._getaddrinfo_timed if self.get_debug() else socket.getaddrinfo
        if is_numeric(host, port):
            return lookup(host, port, family, type, proto, flags)
        answer = self.run_in_executor(None, lookup, host, port, family, type, proto, flags)
        _note_wait(answer, "name resolution")
        return await answer

    async def getnameinfo(self, sockaddr, flags=0):
        """``socket.getnameinfo()`` in the default executor.

        If ``flags`` ask for numbers only, the answer comes at once.

        Returns:
            ``(host, service)``.

        Raises:
            socket.gaierror: the lookup failed.

        Cancellation ends the wait; the lookup goes on in its thread.
        """
        if flags & _NUMERIC_NAME == _NUMERIC_NAME:
            return socket.getnameinfo(sockaddr, flags)
        answer = self.run_in_executor(None, socket.getnameinfo, sockaddr, flags)
        _note_wait(answer, "name resolution")
        return await answer

    async def _ensure_resolved(
        self, address, *, family=0, type=socket.SOCK_STREAM, proto=0, flags=0
    ):
        """Return ``getaddrinfo()`` entries for an address that may be numeric.

        Arguments:
            address: ``(host, port)``, or an IPv6 socket address with flow
                information and scope behind.
        """
        host, port, *rest = address
        known = numeric_addrinfo(host, port, family, type, proto, *rest)
        if known is not None:
            return [known]
        return await self.getaddrinfo(
            host, port, family=family, type=type, proto=proto, flags=flags
        )

    def _getaddrinfo_timed(self, host, port, family, type, proto, flags):
        asked = [f"{host}:{port!r}"]
        named = {"family": family, "type": type, "proto": proto, "flags": flags}
        asked += [f"{name}={value!r}" for name, value in named.items() if value]
        question = ", ".join(asked)
        logger.debug("Get address info %s", question)

        started = self.time()
        addrinfo = socket.getaddrinfo(host, port, family, type, proto, flags)
        took = self.time() - started

        message = f"Getting address info {question} took {took * 1e3:.3f}ms: {addrinfo!r}"
        if took >= self.slow_callback_duration:
            logger.info(message)
        else:
            logger.debug(message)
        return addrinfo
