"""Locks that are initialised twice or never, given another class, or used by what comes back."""

import asyncio
import decimal
import fractions
import sys

import pytest

NAMES = ("Lock", "Event", "Semaphore", "BoundedSemaphore", "Condition", "Barrier")


async def outcome(awaitable, seconds=0.01):
    try:
        return await asyncio.wait_for(awaitable, seconds)
    except Exception as error:
        return type(error)


def attempt(function, *arguments):
    try:
        return function(*arguments)
    except BaseException as error:
        return type(error)


def make(api, name):
    return api.Barrier(2) if name == "Barrier" else getattr(api, name)()


METHODS = {
    "Lock": ["acquire", "release", "locked", "__aenter__", "__aexit__", "__repr__"],
    "Event": ["set", "clear", "is_set", "wait", "__repr__"],
    "Semaphore": ["acquire", "release", "locked", "__aenter__", "__aexit__", "__repr__"],
    "BoundedSemaphore": ["acquire", "release", "locked", "__aenter__", "__aexit__", "__repr__"],
    "Condition": ["wait", "notify", "notify_all", "acquire", "release", "locked", "__repr__"],
    "Barrier": ["wait", "reset", "abort", "__repr__", "__aenter__"],
}
ATTRIBUTES = {
    "Lock": ["_locked"],
    "Event": ["_value"],
    "Semaphore": ["_value"],
    "BoundedSemaphore": ["_value", "_bound_value"],
    "Condition": ["_lock"],
    "Barrier": ["parties", "_cond"],
}


async def use_before_init(api, name):
    cls, seen = getattr(api, name), []
    for method in METHODS[name]:
        target = cls.__new__(cls)

        async def use(target=target, method=method):
            arguments = [None] * 3 if method == "__aexit__" else []
            result = getattr(target, method)(*arguments)
            if hasattr(result, "__await__"):
                result = await result
            return type(result)

        seen.append((method, await outcome(use())))
    for attribute in ATTRIBUTES[name]:
        seen.append((attribute, attempt(getattr, cls.__new__(cls), attribute)))
    return seen


@pytest.mark.parametrize("name", NAMES)
def test_use_before_init(run, api, name):
    assert run(use_before_init(api, name)) == asyncio.run(use_before_init(asyncio, name))


async def init_twice(api, name, cancelled):
    target, seen = make(api, name), []
    if name in ("Lock", "Semaphore", "BoundedSemaphore"):
        await target.acquire()
        waits, release = target.acquire, target.release
    elif name == "Event":
        waits, release = target.wait, target.set
    else:
        return await init_twice_with_a_lock(target, name)
    waiters = [asyncio.ensure_future(waits()) for _ in range(3)]
    await asyncio.sleep(0)
    target.__init__()
    if name != "Event":
        await target.acquire()
    others = [asyncio.ensure_future(waits()) for _ in range(3)]
    await asyncio.sleep(0)
    if cancelled:
        for task in waiters:
            task.cancel()
        await asyncio.gather(*waiters, return_exceptions=True)
    for _ in range(3):
        seen.append(attempt(release))
        for _ in range(4):
            await asyncio.sleep(0)
    seen.append([task.done() and not task.cancelled() and task.result() for task in others])
    seen.append([task.done() for task in waiters])
    for task in waiters:
        task.cancel()
    await asyncio.gather(*waiters, *others, return_exceptions=True)
    return seen


async def init_twice_with_a_lock(target, name):
    async def wait():
        if name == "Barrier":
            return await target.wait()
        async with target:
            return await target.wait()

    tasks = [asyncio.ensure_future(wait()) for _ in range(1)]
    for _ in range(3):
        await asyncio.sleep(0)
    target.__init__(*([2] if name == "Barrier" else []))
    others = [asyncio.ensure_future(wait()) for _ in range(2)]
    for _ in range(3):
        await asyncio.sleep(0)
    if name == "Condition":
        async with target:
            target.notify_all()
    for _ in range(6):
        await asyncio.sleep(0)
    seen = [task.done() and task.result() for task in others]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, *others, return_exceptions=True)
    return seen


@pytest.mark.parametrize("cancelled", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_init_a_second_time_while_others_wait(run, api, name, cancelled):
    seen = run(init_twice(api, name, cancelled))
    assert seen == asyncio.run(init_twice(asyncio, name, cancelled))


async def class_assigned(api, name, when):
    cls, noted = getattr(api, name), []

    class Mine(cls):
        __slots__ = ()

        async def acquire(self):
            noted.append("acquire")
            return await super().acquire()

        def release(self):
            noted.append("release")
            return super().release()

        def locked(self):
            noted.append("locked")
            return super().locked()

    class Told(cls):
        __slots__ = ()

        async def wait(self):
            noted.append("wait")
            return await super().wait()

        def notify(self, n=1):
            noted.append("notify")
            return super().notify(n)

    if name in ("Lock", "Semaphore", "BoundedSemaphore"):
        target = cls()
        if when == "before":
            target.__class__ = Mine
        async with target:
            waiter = asyncio.ensure_future(target.acquire())
            await asyncio.sleep(0)
            if when == "while held":
                target.__class__ = Mine
        noted.append(await waiter)
        target.release()
        target.__class__ = cls
        async with target:
            noted.append("in")
    elif name == "Condition":
        target = cls()

        async def wait():
            async with target:
                return await target.wait_for(lambda: ready)

        ready = False
        if when == "before":
            target.__class__ = Told
        waiter = asyncio.ensure_future(wait())
        await asyncio.sleep(0)
        if when == "while held":
            target.__class__ = Told
        for _ in range(2):
            async with target:
                target.notify_all()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            ready = True
        noted.append(await waiter)
    else:
        target = make(api, name)
        waiter = asyncio.ensure_future(target.wait())
        await asyncio.sleep(0)
        target.__class__ = Told
        if name == "Event":
            target.set()
            await target.wait()
        else:
            async with target:
                noted.append("in")
        noted.append(await waiter)
    return noted


@pytest.mark.parametrize("when", ["before", "while held"])
@pytest.mark.parametrize("name", NAMES)
def test_the_class_is_changed(run, api, name, when):
    seen = run(class_assigned(api, name, when))
    assert seen == asyncio.run(class_assigned(asyncio, name, when))


async def replaced_in_the_object(api, name):
    target, noted = make(api, name), []
    acquire, release = target.acquire, target.release

    async def my_acquire():
        noted.append("acquire")
        return await acquire()

    target.acquire = my_acquire
    target.release = lambda: (noted.append("release"), release())[1]
    async with target:
        noted.append(target.locked())
        if name == "Condition":
            noted.append(await outcome(target.wait()))
    del target.acquire, target.release
    if name == "Condition":
        noted.append(attempt(lambda: target.acquire))
    else:
        async with target:
            noted.append("in")
    return noted


@pytest.mark.parametrize("name", ["Lock", "Semaphore", "BoundedSemaphore", "Condition"])
def test_a_method_is_replaced_in_the_object(run, api, name):
    seen = run(replaced_in_the_object(api, name))
    assert seen == asyncio.run(replaced_in_the_object(asyncio, name))


VALUES = [0, 1, 2**62, 2**63 - 1, 2**63, 2**70, True, False, 1.5, float("inf"), float("nan")]
VALUES += [decimal.Decimal(2), fractions.Fraction(3, 2), None, "1", (), -1, -(2**70), -0.5]


async def count_with(api, name, value):
    try:
        semaphore = getattr(api, name)(value)
    except Exception as error:
        return type(error), str(error)
    seen = [repr(semaphore).rpartition(" [")[2], semaphore._value == value]
    for _ in range(2):
        seen.append((await outcome(semaphore.acquire(), 0.001), repr(semaphore._value)))
    for _ in range(3):
        seen.append((attempt(semaphore.release), repr(semaphore._value), semaphore.locked()))
    return seen


@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize("name", ["Semaphore", "BoundedSemaphore"])
def test_a_semaphore_counts_as_python_does(run, api, name, value):
    seen = run(count_with(api, name, value))
    assert seen == asyncio.run(count_with(asyncio, name, value))


class Counting:
    """A number that does something else each time it is used."""

    def __init__(self, value, meddle):
        self.value, self.meddle = value, meddle

    def _next(self, value):
        self.meddle()
        return Counting(value, self.meddle)

    def __add__(self, other):
        return self._next(self.value + other)

    def __sub__(self, other):
        return self._next(self.value - other)

    def __eq__(self, other):
        self.meddle()
        return self.value == other

    def __lt__(self, other):
        return self.value < other

    def __gt__(self, other):
        self.meddle()
        return self.value > other


async def count_meddling(api, how):
    seen, depth = [], 0

    def meddle():
        nonlocal depth
        if depth < 3 and started:
            depth += 1
            if how == "release":
                semaphore.release()
            elif how == "init":
                semaphore.__init__(2)
            elif how == "locked":
                seen.append(semaphore.locked())
            elif how == "raise":
                raise ZeroDivisionError

    started = False
    semaphore = api.Semaphore(Counting(1, meddle))
    started = True
    for _ in range(3):
        seen.append(await outcome(semaphore.acquire(), 0.001))
        seen.append(attempt(semaphore.locked))
    waiter = asyncio.ensure_future(semaphore.acquire())
    await asyncio.sleep(0)
    seen.append(attempt(semaphore.release))
    seen.append(await outcome(waiter))
    seen.append(getattr(semaphore._value, "value", semaphore._value))
    return seen


@pytest.mark.parametrize("how", ["nothing", "release", "init", "locked", "raise"])
def test_a_number_that_comes_back(run, api, how):
    assert run(count_meddling(api, how)) == asyncio.run(count_meddling(asyncio, how))


async def notify_with(api, number):
    condition, woken = api.Condition(), 0

    async def wait():
        nonlocal woken
        async with condition:
            await condition.wait()
            woken += 1

    tasks = [asyncio.ensure_future(wait()) for _ in range(3)]
    await asyncio.sleep(0)
    async with condition:
        seen = attempt(condition.notify, number)
    for _ in range(12):
        await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    return seen, woken


@pytest.mark.parametrize(
    "number", [0, 1, 2.5, 2**70, -1, float("nan"), float("inf"), None, "2", True], ids=repr
)
def test_notify_takes_what_can_be_compared(run, api, number):
    assert run(notify_with(api, number)) == asyncio.run(notify_with(asyncio, number))


async def predicate_that(api, how):
    condition, calls = api.Condition(), 0

    class Truth:
        def __bool__(self):
            if how == "raise":
                raise ZeroDivisionError
            if how == "init":
                condition.__init__()
            elif how == "class" and calls == 2:
                condition.__class__ = Told
            elif how == "release" and calls == 1:
                condition.release()
            elif how == "notify":
                condition.notify_all()
            return calls > 2

    class Told(api.Condition):
        __slots__ = ()

        async def wait(self):
            return await super().wait()

    def predicate():
        nonlocal calls
        calls += 1
        return Truth()

    async def wait():
        async with condition:
            return type(await condition.wait_for(predicate)).__name__

    waiter = asyncio.ensure_future(outcome(wait(), 0.05))
    for _ in range(4):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if not condition.locked():
            await condition.acquire()
            condition.notify_all()
            if condition.locked():
                condition.release()
    return await waiter, calls


@pytest.mark.parametrize("how", ["nothing", "raise", "init", "class", "release", "notify"])
def test_a_predicate_whose_truth_comes_back(run, api, how):
    assert run(predicate_that(api, how)) == asyncio.run(predicate_that(asyncio, how))


async def cancel_at_each_point(api, name, steps):
    """Some of those who wait are cancelled so many steps after the first release."""
    target, held, most, got = getattr(api, name)(), 0, 0, []

    async def hold(number):
        nonlocal held, most
        async with target:
            held += 1
            most = max(most, held)
            got.append(number)
            try:
                await asyncio.sleep(0)
            finally:
                held -= 1

    tasks = [asyncio.ensure_future(hold(number)) for number in range(6)]
    for _ in range(steps):
        await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
    assert most == 1 and not target.locked()
    return got


@pytest.mark.parametrize("steps", range(10))
@pytest.mark.parametrize("name", ["Lock", "Semaphore", "BoundedSemaphore", "Condition"])
def test_no_turn_is_lost_by_a_cancellation(run, api, name, steps):
    seen = run(cancel_at_each_point(api, name, steps))
    assert seen == asyncio.run(cancel_at_each_point(asyncio, name, steps))


async def throw_at_each_point(api, name, error):
    """An exception is thrown into each wait, and each coroutine is closed at each point."""
    seen = []
    for free in (False, True):
        for started in (False, True):
            for close in (False, True):
                target = make(api, name)
                if name in ("Lock", "Semaphore", "BoundedSemaphore", "Condition") and not free:
                    await target.acquire()
                if name == "Event" and free:
                    target.set()
                method = target.wait if hasattr(target, "wait") else target.acquire
                coroutine = method()
                step = type(attempt(coroutine.send, None)).__name__ if started else None
                try:
                    ended = coroutine.close() if close else coroutine.throw(error())
                except BaseException as raised:
                    ended = type(raised)
                if hasattr(ended, "cancel") and not isinstance(ended, type):
                    ended = type(ended).__name__
                seen.append((step, ended, attempt(coroutine.send, None)))
                if name != "Barrier":
                    again = "acquire" if hasattr(target, "acquire") else "wait"
                    seen.append(await outcome(getattr(target, again)(), 0.001))
    return seen


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError, KeyError]
)
@pytest.mark.parametrize("name", NAMES)
def test_exceptions_thrown_into_each_wait(run, api, name, error):
    seen = run(throw_at_each_point(api, name, error))
    expected = asyncio.run(throw_at_each_point(asyncio, name, error))
    thrown = error is asyncio.CancelledError and "Semaphore" in name
    if sys.version_info < (3, 13) and thrown and api is not asyncio:
        # Where nothing was released, asyncio before 3.13 takes that for a wake-up
        # and makes up a permit: the next wait ends at once. No permit is made up here.
        assert seen[5] is TimeoutError
        expected[5] = TimeoutError
    assert seen == expected


PARTIES = [1, 2, 1.0, 1.5, True, 2**70, float("inf"), float("nan"), decimal.Decimal(1)]
PARTIES += [fractions.Fraction(1), None, "1", (), 0, -1, 0.5]


async def barrier_of(api, parties):
    try:
        barrier = api.Barrier(parties)
    except Exception as error:
        return type(error), str(error)
    first = await outcome(barrier.wait(), 0.001)
    return barrier.parties is parties, first, repr(barrier).rpartition(" [")[2], barrier.n_waiting


@pytest.mark.parametrize("parties", PARTIES, ids=repr)
def test_a_barrier_of_so_many(run, api, parties):
    assert run(barrier_of(api, parties)) == asyncio.run(barrier_of(asyncio, parties))
