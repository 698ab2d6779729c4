"""Circles of locks and tasks; what only looks like one is none."""

import asyncio
import contextlib

import pytest


def opposite(api, first, second, deadline=None):
    async def program(spawn):
        async def take(one, two):
            async with one:
                await api.sleep(0)
                if deadline is None:
                    async with two:
                        pass
                else:
                    async with api.timeout(deadline):
                        async with two:
                            pass

        spawn(take(first, second), "there")
        spawn(take(second, first), "back")

    return program


def test_circle_of_locks(api, looked_at):
    (finding,) = looked_at(opposite(api, api.Lock(), api.Lock()), 0, 1, 2)
    assert finding.lint == "deadlock"
    assert finding.sentence.startswith("2 tasks have waited in a circle for 1.0 s: task ")
    assert "task 'there' waits at" in finding.sentence
    assert "task 'back' waits at" in finding.sentence
    assert finding.sentence.count(__file__) == 2
    assert finding.place.file == __file__
    assert finding.seconds == 1.0
    assert "same order" in finding.fix


def test_lock_that_its_holder_acquires_again(api, looked_at):
    async def program(spawn):
        lock = api.Lock()

        async def again():
            async with lock:
                async with lock:
                    pass

        async def victim():
            async with lock:
                pass

        spawn(again(), "again")
        spawn(victim(), "victim")

    (finding,) = looked_at(program, 0, 1)
    assert finding.sentence.startswith("a task has waited for itself for 1.0 s: task 'again' waits")
    assert finding.sentence.endswith(" for a lock that it has itself")
    assert finding.victims == ("victim",)
    assert "not reentrant" in finding.fix


def test_task_that_is_awaited_under_the_lock_it_needs(api, looked_at):
    async def program(spawn):
        lock = api.Lock()

        async def inner():
            async with lock:
                pass

        async def outer():
            async with lock:
                await spawn(inner(), "inner")

        spawn(outer(), "outer")

    (finding,) = looked_at(program, 0, 1)
    assert {"'inner'", "'outer'"} <= set(finding.sentence.split())


@pytest.mark.parametrize("recorded", [False, True])
def test_locks_that_are_acquired_by_calls(only_ours, api, looked_at, recorded):
    """asyncio's locks have no owner; the recorder notes it."""
    import aioxide

    async def program(spawn):
        one, two = api.Lock(), api.Lock()

        async def take(first, second):
            await first.acquire()
            await api.sleep(0)
            await second.acquire()

        spawn(take(one, two), "there")
        spawn(take(two, one), "back")

    with aioxide.record() if recorded else contextlib.nullcontext():
        found = looked_at(program, 0, 1, 6)
    assert [each.lint for each in found if each.lint == "deadlock"] == ["deadlock"] * recorded
    if recorded:
        assert found[-1].created is not None
        assert found[-1].task


def test_a_lock_that_a_timer_releases(only_ours, api, looked_at):
    """It was acquired by a call, so that it need not be its holder who releases it."""
    import aioxide

    async def program(spawn):
        lock = api.Lock()

        async def inner():
            async with lock:
                pass

        async def outer():
            await lock.acquire()
            asyncio.get_running_loop().call_later(50, lock.release)
            await spawn(inner(), "inner")

        spawn(outer(), "outer")

    with aioxide.record():
        found = looked_at(program, 0, 1, 6, 12)
    assert [each for each in found if each.lint == "deadlock"] == []


def test_a_lock_that_is_handed_over(only_ours, api, looked_at):
    """One task acquires it for another one, which releases it when it is done."""
    import aioxide

    async def program(spawn):
        lock = api.Lock()

        async def work():
            await api.sleep(50)
            lock.release()

        async def dispatch():
            while True:
                await lock.acquire()
                spawn(work(), "worker")

        spawn(dispatch(), "dispatcher")

    with aioxide.record():
        found = looked_at(program, 0, 6, 12)
    assert [each for each in found if each.lint == "deadlock"] == []


@pytest.mark.parametrize("before", ["nobody", "its holder", "another"])
def test_a_lock_that_was_released_by(only_ours, api, looked_at, before):
    """Acquired again by a call: a fault where its holders release it."""
    import aioxide

    async def program(spawn):
        lock = api.Lock()

        async def again():
            await lock.acquire()
            await lock.acquire()

        if before != "nobody":
            await lock.acquire()
            if before == "another":
                asyncio.get_running_loop().call_soon(lock.release)
            else:
                lock.release()
            await api.sleep(0)
        spawn(again(), "again")

    with aioxide.record():
        found = looked_at(program, 0, 1, 6)
    told = [each for each in found if each.lint == "deadlock"]
    assert len(told) == (before == "its holder")
    for each in told:
        assert each.sentence.endswith(" for a lock that it has itself")


def test_a_block_on_a_lock_that_others_release(only_ours, api, looked_at):
    """What another task has released once is no mutual exclusion, whoever is in a block on it."""
    import aioxide

    async def program(spawn):
        lock = api.Lock()
        await lock.acquire()
        asyncio.get_running_loop().call_soon(lock.release)
        await api.sleep(0)

        async def again():
            async with lock, lock:
                pass

        spawn(again(), "again")

    with aioxide.record():
        found = looked_at(program, 0, 6, 12)
    assert [each for each in found if each.lint == "deadlock"] == []


def test_a_condition_is_released_while_it_is_waited_for(api, looked_at):
    """Its block is open, but another task has the lock."""

    async def program(spawn):
        condition = api.Condition()

        async def wait():
            async with condition:
                await condition.wait()

        async def hold():
            async with condition:
                await api.sleep(50)

        async def enter():
            async with condition:
                pass

        spawn(wait(), "waits")
        await api.sleep(0)
        spawn(hold(), "holds")
        await api.sleep(0)
        spawn(enter(), "enters")

    (finding,) = looked_at(program, 0, 2)
    assert finding.lint == "lock-held"
    assert "by task 'holds', which" in finding.sentence


def test_a_circle_through_a_condition(api, looked_at):
    async def program(spawn):
        condition = api.Condition()

        async def again():
            async with condition:
                await spawn(enter(), "enters")

        async def enter():
            async with condition:
                condition.notify_all()

        spawn(again(), "again")

    (finding,) = looked_at(program, 0, 1)
    assert finding.lint == "deadlock"


def test_circle_with_a_deadline(api, looked_at):
    assert looked_at(opposite(api, api.Lock(), api.Lock(), deadline=30), 0, 1, 2) == []


def test_circle_under_wait_for(api, looked_at):
    async def program(spawn):
        lock = api.Lock()

        async def again():
            async with lock:
                await api.wait_for(lock.acquire(), 30)

        spawn(again(), "again")

    assert looked_at(program, 0, 1) == []


def test_locks_in_one_order(api, looked_at):
    async def program(spawn):
        first, second = api.Lock(), api.Lock()

        async def take():
            async with first, second:
                await api.sleep(50)

        spawn(take())
        spawn(take())

    assert [each for each in looked_at(program, 0, 0.9) if each.lint == "deadlock"] == []


def test_circle_that_moves_on_is_none(api, looked_at):
    """Two tasks that hand a lock back and forth are never in one circle at two looks."""
    waiters = []

    async def program(spawn):
        async def wait(own, other):
            while True:
                waiters.append(asyncio.get_running_loop().create_future())
                await waiters[-1]

        spawn(wait(0, 1))
        spawn(wait(1, 0))

    assert looked_at(program, 0, 1, 2) == []
