"""Locks of every kind, in ``async with`` and by hand."""

from __future__ import annotations

from typing import Literal, assert_type

import aioxide as asyncio


class Account:
    """Keeps annotated locks as attributes, as programs do."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._enough: asyncio.Condition = asyncio.Condition(self._lock)
        self._open: asyncio.Event = asyncio.Event()
        self.balance = 0

    async def deposit(self, amount: int) -> None:
        async with self._enough:
            self.balance += amount
            self._enough.notify_all()

    async def withdraw(self, amount: int) -> None:
        async with self._enough as entered:
            assert_type(entered, None)
            assert_type(await self._enough.wait_for(lambda: self.balance >= amount), bool)
            self.balance -= amount

    async def opened(self) -> None:
        assert_type(await self._open.wait(), Literal[True])

    def open(self) -> None:
        self._open.set()
        assert_type(self._open.is_set(), bool)


async def locks() -> None:
    lock = asyncio.Lock()
    assert_type(await lock.acquire(), Literal[True])
    assert_type(lock.locked(), bool)
    lock.release()
    async with lock:
        pass
    for semaphore in (asyncio.Semaphore(2), asyncio.BoundedSemaphore(2)):
        async with semaphore:
            assert_type(semaphore.locked(), bool)
        assert_type(await semaphore.acquire(), Literal[True])
        semaphore.release()


async def limited(limit: asyncio.Semaphore, value: int) -> int:
    async with limit:
        await asyncio.sleep(0)
        return value


async def barriers() -> None:
    barrier = asyncio.Barrier(2)

    async def pass_it() -> int:
        async with barrier:
            pass
        return await barrier.wait()

    await asyncio.gather(pass_it(), pass_it())
    assert_type(barrier.parties, int)
    assert_type(barrier.n_waiting, int)
    assert_type(barrier.broken, bool)
    await barrier.abort()
    try:
        await barrier.wait()
    except asyncio.BrokenBarrierError:
        await barrier.reset()


async def main() -> int:
    account = Account()
    withdrawn = asyncio.create_task(account.withdraw(5))
    opened = asyncio.create_task(account.opened())
    await account.deposit(7)
    account.open()
    await withdrawn
    await opened
    await locks()
    await barriers()
    bounded: asyncio.Semaphore = asyncio.BoundedSemaphore(3)
    assert sum(await asyncio.gather(*(limited(bounded, each) for each in range(5)))) == 10
    return account.balance


def run() -> None:
    assert asyncio.run(main()) == 2
    try:
        asyncio.Semaphore("1")  # type: ignore[arg-type]
    except TypeError:
        pass
