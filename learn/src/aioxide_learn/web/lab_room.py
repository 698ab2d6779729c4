"""Who watches a lab's page now, and the checks that run for them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from aioxide_learn import lab_work
from aioxide_learn.store.database import AsyncDatabase


class LabRooms:
    """Checks a lab again on each save while somebody has its page open, and tells them.

    Each lab is checked by one check at a time. Use it as an asynchronous context manager; at its
    end all streams and watches end.
    """

    def __init__(self, database: AsyncDatabase) -> None:
        self._database = database
        self._listeners: dict[str, set[asyncio.Queue[str]]] = {}
        self._watches: dict[str, asyncio.Task[None]] = {}
        #: The last check of each lab that was asked for, while it is not over.
        self._checks: dict[str, asyncio.Task[None]] = {}
        self._closing = asyncio.Event()

    async def __aenter__(self) -> LabRooms:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
        watches = list(self._watches.values())
        for watch in watches:
            watch.cancel()
        await asyncio.gather(*watches, return_exceptions=True)

    def close(self) -> None:
        """End all streams; the server waits for them when it stops."""
        self._closing.set()
        for queues in self._listeners.values():
            for queue in queues:
                queue.put_nowait("end")

    async def check(self, name: str) -> None:
        """Check a lab now, after a check of it that is running, and tell who has its page open.

        Raises:
            LabError: it was not started, or its file is gone.
        """
        before = self._checks.get(name)
        check = asyncio.create_task(self._check(name, before), name=f"check {name}")
        self._checks[name] = check
        try:
            await check
        finally:
            if self._checks.get(name) is check:
                del self._checks[name]

    async def _check(self, name: str, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait({before})
        self._tell(name, "running")
        try:
            await lab_work.check(self._database, name)
        finally:
            self._tell(name, "result")

    async def events(self, name: str) -> AsyncIterator[str]:
        """Yield ``running`` and ``result`` as checks of a lab begin and end; watch its folder."""
        queue: asyncio.Queue[str] = asyncio.Queue()
        listeners = self._listeners.setdefault(name, set())
        listeners.add(queue)
        try:
            if name not in self._watches and not self._closing.is_set():
                self._watches[name] = asyncio.create_task(self._watch(name), name=f"watch {name}")
            while not self._closing.is_set():
                event = await queue.get()
                if event == "end":
                    return
                yield event
        finally:
            listeners.discard(queue)
            if not listeners and (watch := self._watches.pop(name, None)):
                watch.cancel()

    async def _watch(self, name: str) -> None:
        try:
            state = await lab_work.started(self._database, name)
            async for _ in lab_work.saves(Path(state.path), self._closing):
                with contextlib.suppress(lab_work.LabError):
                    await self.check(name)
        except lab_work.LabError:
            # The page says what is missing; a button starts the lab anew.
            pass
        finally:
            if self._watches.get(name) is asyncio.current_task():
                del self._watches[name]

    def _tell(self, name: str, event: str) -> None:
        for queue in self._listeners.get(name, ()):
            queue.put_nowait(event)
