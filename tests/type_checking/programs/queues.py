"""Queues of something: what goes in is what comes out."""

from __future__ import annotations

import dataclasses
import sys
from typing import Generic, TypeVar, assert_type

import aioxide as asyncio

T = TypeVar("T")


@dataclasses.dataclass(order=True)
class Job:
    priority: int
    name: str = dataclasses.field(compare=False)


class Channel(Generic[T]):
    """A generic class of a program's own around a queue."""

    def __init__(self, size: int = 0) -> None:
        self._queue: asyncio.Queue[T] = asyncio.Queue(size)

    async def send(self, item: T) -> None:
        await self._queue.put(item)

    async def receive(self) -> T:
        return await self._queue.get()


class Unique(asyncio.Queue[str]):
    """A subclass that decides how items are kept, as the documentation allows."""

    def _init(self, maxsize: int) -> None:
        self._kept: dict[str, None] = {}

    def _put(self, item: str) -> None:
        self._kept[item] = None

    def _get(self) -> str:
        return self._kept.popitem()[0]

    def qsize(self) -> int:
        return len(self._kept)

    def empty(self) -> bool:
        return not self._kept


async def produce(queue: asyncio.Queue[int | None]) -> None:
    for number in range(5):
        await queue.put(number)
    await queue.put(None)


async def consume(queue: asyncio.Queue[int | None]) -> int:
    total = 0
    while (item := await queue.get()) is not None:
        assert_type(item, int)
        total += item
        queue.task_done()
    queue.task_done()
    return total


async def kinds() -> None:
    queue = asyncio.Queue[int](maxsize=3)
    assert_type(queue, asyncio.Queue[int])
    queue.put_nowait(1)
    assert_type(queue.get_nowait(), int)
    assert_type((queue.qsize(), queue.empty(), queue.full()), tuple[int, bool, bool])
    assert_type(queue.maxsize, int)
    try:
        queue.get_nowait()
    except asyncio.QueueEmpty:
        pass
    last_in: asyncio.LifoQueue[str] = asyncio.LifoQueue()
    await last_in.put("a")
    assert_type(await last_in.get(), str)
    jobs: asyncio.PriorityQueue[Job] = asyncio.PriorityQueue()
    await jobs.put(Job(2, "later"))
    await jobs.put(Job(1, "first"))
    assert (await jobs.get()).name == "first"
    pairs: asyncio.PriorityQueue[tuple[int, str]] = asyncio.PriorityQueue(10)
    await pairs.put((1, "one"))
    assert_type(await pairs.get(), tuple[int, str])
    unique = Unique()
    await unique.put("once")
    await unique.put("once")
    assert unique.qsize() == 1
    assert_type(await unique.get(), str)
    if sys.version_info >= (3, 13):
        queue.shutdown(immediate=True)
        try:
            await queue.get()
        except asyncio.QueueShutDown:
            pass


async def main() -> int:
    queue: asyncio.Queue[int | None] = asyncio.Queue(2)
    producer = asyncio.create_task(produce(queue))
    total = await consume(queue)
    await producer
    await queue.join()
    await kinds()
    channel = Channel[bytes]()
    await channel.send(b"x")
    assert_type(await channel.receive(), bytes)
    wrong: asyncio.Queue[int] = asyncio.Queue()
    wrong.put_nowait("text")  # type: ignore[arg-type]
    return total


def run() -> None:
    assert asyncio.run(main()) == 10
