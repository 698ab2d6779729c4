"""Name resolution through the loop, with a cache."""

from __future__ import annotations

import asyncio
import socket
from collections import OrderedDict
from typing import Any

__all__ = ("Resolver",)

#: Names that are remembered; the one that was looked up longest ago is forgotten first.
MOST_NAMES = 1024


class Resolver:
    """Looks names up by ``loop.getaddrinfo()``; concurrent lookups of one name share one call.

    Arguments:
        ttl: seconds for which an answer is used again; None means always, and 0 never: then the
            lookups are not shared either.
        flags: as for ``getaddrinfo()``.

    An answer that is used again begins with the next address each time, so that connections
    spread over the addresses of a name.
    """

    def __init__(self, ttl: float | None = 0, *, flags: int = 0) -> None:
        self._ttl = ttl
        self._flags = flags
        self._known: OrderedDict[tuple[str, int, int], _Answer] = OrderedDict()
        self._running: dict[tuple[str, int, int], _Lookup] = {}

    async def resolve(self, host: str, port: int, family: int = 0) -> list[Any]:
        """Return ``getaddrinfo()`` entries of stream sockets, at least one.

        Arguments:
            host: a name or a numeric address.
            port: a number.
            family: the address family, 0 for any.

        Raises:
            OSError: the lookup failed (``socket.gaierror``), or the name has no address.

        Cancellation ends the wait. The lookup itself is cancelled with its last waiter.
        """
        loop = asyncio.get_running_loop()
        if self._ttl == 0:
            return await self._look_up(loop, host, port, family)
        key = (host, port, family)
        answer = self._known.get(key)
        if answer is not None:
            if answer.expires is None or loop.time() < answer.expires:
                return answer.take()
            del self._known[key]
        lookup = self._running.get(key)
        if lookup is None or lookup.abandoned or lookup.task.get_loop() is not loop:
            lookup = _Lookup(loop.create_task(self._look_up(loop, host, port, family)))
            self._running[key] = lookup
            lookup.task.add_done_callback(lambda task: self._finish(key, lookup))
        return await lookup.wait()

    def forget(self, host: str | None = None, port: int | None = None) -> None:
        """Forget the answers for one host and port, or all."""
        for key in list(self._known):
            if host is None or key[:2] == (host, port):
                del self._known[key]

    async def _look_up(self, loop, host: str, port: int, family: int) -> list[Any]:
        entries = await loop.getaddrinfo(
            host, port, family=family, type=socket.SOCK_STREAM, flags=self._flags
        )
        if not entries:
            raise OSError("getaddrinfo() returned empty list")
        return entries

    def _finish(self, key: tuple[str, int, int], lookup: _Lookup) -> None:
        if self._running.get(key) is lookup:
            del self._running[key]
        task = lookup.task
        if task.cancelled() or task.exception() is not None:
            return
        expires = None if self._ttl is None else task.get_loop().time() + self._ttl
        self._known[key] = _Answer(task.result(), expires)
        while len(self._known) > MOST_NAMES:
            self._known.popitem(last=False)


class _Answer:
    """What a name was resolved to."""

    __slots__ = ("entries", "expires", "next")

    def __init__(self, entries: list[Any], expires: float | None) -> None:
        self.entries = entries
        self.expires = expires  # the loop's time; None: never
        self.next = 1  # The first was given to those who waited for the lookup.

    def take(self) -> list[Any]:
        """Return the entries, from the next one on."""
        at = self.next % len(self.entries)
        self.next = at + 1
        return self.entries[at:] + self.entries[:at]


class _Lookup:
    """A running lookup, which ends with the last one who waits for it."""

    __slots__ = ("abandoned", "task", "waiting")

    def __init__(self, task: asyncio.Task[list[Any]]) -> None:
        self.task = task
        self.waiting = 0
        self.abandoned = False

    async def wait(self) -> list[Any]:
        """Return its entries. A failure is raised to each waiter as an exception of its own."""
        self.waiting += 1
        try:
            await asyncio.wait((self.task,))
        finally:
            self.waiting -= 1
            if not self.waiting and not self.task.done():
                self.abandoned = True
                self.task.cancel()
        if self.task.cancelled():
            raise OSError("the lookup was cancelled")
        error = self.task.exception()
        if isinstance(error, OSError):
            raise type(error)(*error.args)
        if error is not None:
            raise error
        return list(self.task.result())
