"""What do locks, events and semaphores look like to others, and to those who derive from them?"""

import asyncio
import gc
import re
import weakref

import pytest


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Lock", "unlocked"),
        ("Event", "unset"),
        ("Semaphore", "unlocked, value:1"),
        ("BoundedSemaphore", "unlocked, value:1"),
    ],
)
def test_repr_tells_the_state(api, name, shown):
    pattern = rf"<asyncio\.locks\.{name} object at 0x[0-9a-f]+ \[{shown}\]>"
    assert re.fullmatch(pattern, repr(getattr(api, name)()))


def test_repr_counts_who_waits(run, api):
    async def main():
        lock = api.Lock()
        await lock.acquire()
        waiter = asyncio.ensure_future(lock.acquire())
        await asyncio.sleep(0)
        shown = repr(lock)
        waiter.cancel()
        return shown

    assert run(main()).endswith("[locked, waiters:1]>")


def test_release_of_what_nobody_has(api):
    with pytest.raises(RuntimeError, match="Lock is not acquired"):
        api.Lock().release()
    with pytest.raises(ValueError, match="BoundedSemaphore released too many times"):
        api.BoundedSemaphore(2).release()


def test_a_semaphore_of_less_than_none(api):
    for name in ("Semaphore", "BoundedSemaphore"):
        with pytest.raises(ValueError, match="initial value must be >= 0"):
            getattr(api, name)(-1)


@pytest.mark.parametrize(
    "name, value",
    [
        ("Semaphore", 2),
        ("Semaphore", 2.0),
        ("Semaphore", float("inf")),
        ("BoundedSemaphore", 2),
        ("BoundedSemaphore", 2.0),
    ],
)
def test_a_semaphore_counts_with_any_number(run, api, name, value):
    # Dask says by infinity that there is no limit.
    async def main():
        semaphore = getattr(api, name)(value)
        shown = [repr(semaphore).rpartition("[")[2]]
        for _ in range(2):
            assert not semaphore.locked()
            assert await semaphore.acquire() is True
            shown.append(repr(semaphore._value))
        locked = semaphore.locked()
        semaphore.release()
        return shown, locked, repr(semaphore._value)

    left = [value - 1, value - 2]
    shown, locked, last = run(main())
    assert shown == [f"unlocked, value:{value}]>", *map(repr, left)]
    assert locked is (left[1] == 0)
    assert last == repr(left[1] + 1)


def test_a_semaphore_of_no_number(api):
    for name in ("Semaphore", "BoundedSemaphore"):
        with pytest.raises(TypeError):
            getattr(api, name)("many")


@pytest.mark.parametrize("name", ["Lock", "Semaphore"])
def test_async_with_goes_through_the_methods_of_a_subclass(run, api, name):
    calls = []

    class Derived(getattr(api, name)):
        def __init__(self, label):
            super().__init__()
            self.label = label

        async def acquire(self):
            calls.append(f"{self.label} acquire")
            return await super().acquire()

        def release(self):
            calls.append(f"{self.label} release")
            super().release()

    async def main():
        async with Derived("x") as bound:
            assert bound is None

    run(main())
    assert calls == ["x acquire", "x release"]


def test_an_object_belongs_to_the_loop_that_first_waited_for_it(api, new_loop):
    lock = api.Lock()

    async def contend():
        waiter = asyncio.ensure_future(lock.acquire())
        await asyncio.sleep(0)
        waiter.cancel()

    async def elsewhere():
        with pytest.raises(RuntimeError, match="is bound to a different event loop"):
            await lock.acquire()

    first, second = new_loop(), new_loop()
    first.run_until_complete(lock.acquire())
    first.run_until_complete(contend())
    second.run_until_complete(elsewhere())


def test_attributes_and_weak_references_are_possible(api):
    lock = api.Lock()
    lock.purpose = "testing"
    lock.itself = lock
    reference = weakref.ref(lock)
    del lock
    gc.collect()
    assert reference() is None


def test_a_cycle_through_a_waiter_is_collected(run, api):
    async def main():
        event = api.Event()
        waiter = asyncio.ensure_future(event.wait())
        waiter.event = event if hasattr(waiter, "__dict__") else None
        await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.wait([waiter])
        return weakref.ref(event)

    reference = run(main())
    gc.collect()
    assert reference() is None
