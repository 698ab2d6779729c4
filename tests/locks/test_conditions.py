"""Who waits for a condition, who is told, and whose is the lock meanwhile?"""

import asyncio
import contextlib
import gc
import re
import sys
import types
import weakref

import pytest


async def settle():
    """Lets everything that is ready run."""
    for _ in range(6):
        await asyncio.sleep(0)


@pytest.fixture(params=["own", "Lock", "asyncio.Lock", "look-alike", "derived"])
def make(api, request):
    """Makes a condition, over each kind of lock."""

    class LookAlike:
        """A lock that is no class of asyncio's, with an ``acquire`` of the old kind."""

        def __init__(self):
            self._lock = asyncio.Lock()

        def locked(self):
            return self._lock.locked()

        @types.coroutine
        def acquire(self):
            return (yield from self._lock.acquire().__await__())

        def release(self):
            self._lock.release()

    def make_condition():
        kinds = {
            "own": lambda: api.Condition(),
            "Lock": lambda: api.Condition(api.Lock()),
            "asyncio.Lock": lambda: api.Condition(asyncio.Lock()),
            "look-alike": lambda: api.Condition(LookAlike()),
            "derived": lambda: type("Derived", (api.Condition,), {})(),
        }
        return kinds[request.param]()

    return make_condition


def test_a_waiter_goes_on_when_it_is_told_and_the_lock_is_free(run, make):
    async def main():
        condition, steps = make(), []

        async def waiter():
            async with condition as bound:
                assert bound is None
                steps.append("waits")
                assert await condition.wait() is True
                assert condition.locked()
                steps.append("goes on")

        task = asyncio.ensure_future(waiter())
        await settle()
        assert not condition.locked()
        async with condition:
            condition.notify()
            await settle()
            steps.append("gives the lock back")
        await task
        assert not condition.locked()
        return steps

    assert run(main()) == ["waits", "gives the lock back", "goes on"]


def test_those_who_wait_are_told_in_the_order_of_their_coming(run, make):
    async def main():
        condition, told = make(), []

        async def waiter(number):
            async with condition:
                await condition.wait()
                told.append(number)

        tasks = [asyncio.ensure_future(waiter(number)) for number in range(8)]
        await settle()
        seen = []
        for count in (1, 2, 0, -3, 1.5):
            async with condition:
                condition.notify(count)
            await settle()
            seen.append(list(told))
        async with condition:
            condition.notify_all()
        await asyncio.gather(*tasks)
        return seen, told

    seen, told = run(main())
    assert [len(numbers) for numbers in seen] == [1, 3, 3, 3, 5]
    assert told == list(range(8))


def test_more_are_told_than_wait(run, make):
    async def main():
        condition = make()
        async with condition:
            condition.notify(10**30)
            condition.notify("nobody looks at it")

        async def waiter():
            async with condition:
                return await condition.wait()

        task = asyncio.ensure_future(waiter())
        await settle()
        async with condition:
            with pytest.raises(TypeError):
                condition.notify("many")
            condition.notify(10**30)
        return await task

    assert run(main()) is True


def test_wait_for_asks_until_the_answer_is_true(run, make):
    async def main():
        condition, answers = make(), iter([[], 0, "", "yes"])

        async def waiter():
            async with condition:
                return await condition.wait_for(lambda: next(answers))

        task = asyncio.ensure_future(waiter())
        for _ in range(3):
            await settle()
            assert not task.done()
            async with condition:
                condition.notify_all()
        return await task

    assert run(main()) == "yes"


def test_wait_for_does_not_wait_if_it_need_not(run, make):
    async def main():
        condition = make()
        # Nobody holds the lock, and nobody asks.
        assert await condition.wait_for(lambda: 7) == 7
        with pytest.raises(RuntimeError, match="cannot wait on un-acquired lock"):
            await condition.wait_for(lambda: 0)

    run(main())


def test_what_a_predicate_raises_comes_out_with_the_lock_held(run, make):
    async def main():
        condition, asked = make(), []

        def predicate():
            asked.append(condition.locked())
            if len(asked) == 2:
                raise LookupError("from the predicate")

        async def waiter():
            async with condition:
                with pytest.raises(LookupError, match="from the predicate"):
                    await condition.wait_for(predicate)
                assert condition.locked()

        task = asyncio.ensure_future(waiter())
        await settle()
        async with condition:
            condition.notify()
        await task
        return asked

    assert run(main()) == [True, True]


def test_without_the_lock_nothing_is_possible(run, make):
    async def main():
        condition = make()
        with pytest.raises(RuntimeError, match="cannot wait on un-acquired lock"):
            await condition.wait()
        for notify in (condition.notify, condition.notify_all, lambda: condition.notify(2)):
            with pytest.raises(RuntimeError, match="cannot notify on un-acquired lock"):
                notify()

    run(main())


def test_a_cancelled_waiter_has_the_lock_before_it_ends(run, make):
    async def main():
        condition, steps = make(), []

        async def waiter():
            async with condition:
                try:
                    await condition.wait()
                except asyncio.CancelledError as error:
                    steps.append((condition.locked(), error.args))
                    raise

        task = asyncio.ensure_future(waiter())
        await settle()
        await condition.acquire()
        task.cancel("enough")
        await settle()
        assert not task.done()
        steps.append("gives the lock back")
        condition.release()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not condition.locked()
        assert not condition._waiters
        return steps

    assert run(main()) == ["gives the lock back", (True, ("enough",))]


def test_cancelled_while_it_takes_the_lock_again(run, make):
    async def main():
        condition, ended = make(), []

        async def waiter():
            async with condition:
                try:
                    await condition.wait()
                except asyncio.CancelledError as error:
                    ended.append((error.args, condition.locked(), error.__context__))
                    raise

        task = asyncio.ensure_future(waiter())
        await settle()
        await condition.acquire()
        condition.notify()
        await settle()
        for message in ("first", "second"):
            task.cancel(message)
            await settle()
            assert not task.done()
        condition.release()
        with pytest.raises(asyncio.CancelledError):
            await task
        return ended

    [(arguments, locked, _)] = run(main())
    assert locked
    assert arguments == (("second",) if sys.version_info >= (3, 13) else ())


@pytest.mark.skipif(sys.version_info < (3, 13), reason="since Python 3.13")
@pytest.mark.parametrize("moment", ["at once", "with the lock wanted"])
def test_a_notification_that_a_cancelled_task_got_goes_to_another(run, make, moment):
    async def main():
        condition, told = make(), []

        async def waiter(number):
            async with condition:
                await condition.wait()
                told.append(number)

        first, second = (asyncio.ensure_future(waiter(number)) for number in (1, 2))
        await settle()
        async with condition:
            condition.notify()
            if moment == "with the lock wanted":
                await settle()
            first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await asyncio.wait_for(second, 5)
        return told

    assert run(main()) == [2]


def test_a_wait_that_is_timed_out(run, make):
    async def main():
        condition = make()
        async with condition:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(condition.wait(), 0.01)
        assert not condition._waiters

    run(main())


def test_a_lock_that_cannot_be_taken_again(run, api):
    class Refusing(asyncio.Lock):
        refuses = False

        async def acquire(self):
            if self.refuses:
                raise LookupError("no more")
            return await super().acquire()

    async def main():
        lock = Refusing()
        condition = api.Condition(lock)
        first, second = asyncio.Event(), []

        async def waiter():
            await condition.acquire()
            first.set()
            with pytest.raises(LookupError, match="no more") as caught:
                await condition.wait()
            second.append(caught.value.__context__)

        task = asyncio.ensure_future(waiter())
        await first.wait()
        await settle()
        lock.refuses = True
        task.cancel("enough")
        await task
        assert not condition._waiters
        return second

    [context] = run(main())
    assert isinstance(context, asyncio.CancelledError)
    assert context.args == ("enough",)


def test_a_coroutine_that_is_closed_takes_the_lock_again(run, make):
    async def main():
        condition = make()
        await condition.acquire()
        waiting = condition.wait()
        waiting.send(None)
        assert not condition.locked()
        assert len(condition._waiters) == 1
        waiting.close()
        assert condition.locked()
        assert not condition._waiters

    run(main())


def test_repr_tells_the_state_and_counts_who_waits(run, api):
    async def main():
        condition = api.Condition()
        shown = [repr(condition)]
        waiting = asyncio.ensure_future(contend(condition))
        await settle()
        async with condition:
            shown.append(repr(condition))
        waiting.cancel()
        return shown

    async def contend(condition):
        async with condition:
            await condition.wait()

    unlocked, locked = run(main())
    name = r"<asyncio\.locks\.Condition object at 0x[0-9a-f]+ "
    assert re.fullmatch(name + r"\[unlocked\]>", unlocked)
    assert re.fullmatch(name + r"\[locked, waiters:1\]>", locked)


def test_the_locks_methods_are_the_conditions(run, api):
    async def main():
        lock = api.Lock()
        condition = api.Condition(lock)
        assert condition._lock is lock
        assert vars(condition).keys() >= {"_lock", "locked", "acquire", "release"}
        assert await condition.acquire() is True
        assert lock.locked()
        condition.release()
        assert not lock.locked()

    run(main())


def test_what_is_no_lock_is_refused(api):
    with pytest.raises(AttributeError, match="'int' object has no attribute 'locked'"):
        api.Condition(7)
    with pytest.raises(TypeError):
        api.Condition(loop=None)


def test_a_subclass_is_asked_for_what_it_has_replaced(run, api):
    calls = []

    class Derived(api.Condition):
        def __init__(self, label):
            super().__init__()
            self.label = label

        async def wait(self):
            calls.append(f"{self.label} wait")
            return await super().wait()

        def notify(self, n=1):
            calls.append(f"{self.label} notify {n}")
            super().notify(n)

        # The lock's own methods come before these.
        async def acquire(self):
            calls.append("acquire")

        def release(self):
            calls.append("release")

    async def main():
        condition, ready = Derived("x"), []

        async def waiter():
            async with condition:
                await condition.wait_for(lambda: ready)

        tasks = [asyncio.ensure_future(waiter()) for _ in range(2)]
        await settle()
        async with condition:
            ready.append(True)
            condition.notify_all()
        await asyncio.gather(*tasks)

    run(main())
    assert calls == ["x wait", "x wait", "x notify 2"]


def test_a_condition_of_which_init_never_ran(run, api):
    async def main():
        condition = api.Condition.__new__(api.Condition)
        with pytest.raises(AttributeError, match="'Condition' object has no attribute 'acquire'"):
            async with condition:
                pass
        with pytest.raises(AttributeError, match="'Condition' object has no attribute 'locked'"):
            await condition.wait()

    run(main())


def test_a_condition_belongs_to_the_loop_that_first_waited(api, new_loop):
    condition = api.Condition()

    async def wait_in_vain():
        async with condition:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(condition.wait(), 0.01)

    async def elsewhere():
        async with condition:
            with pytest.raises(
                RuntimeError, match="Condition.* is bound to a different event loop"
            ):
                await condition.wait()
            assert condition.locked()

    first, second = new_loop(), new_loop()
    first.run_until_complete(wait_in_vain())
    second.run_until_complete(elsewhere())


def test_a_condition_over_a_lock_that_refers_to_it_is_collected(run, api):
    async def main():
        condition = api.Condition()
        condition._lock.guards = condition

        async def waiter():
            async with condition:
                await condition.wait()

        task = asyncio.ensure_future(waiter())
        await settle()
        task.cancel()
        await asyncio.wait([task])
        return weakref.ref(condition)

    reference = run(main())
    gc.collect()
    assert reference() is None


def test_of_many_the_last_may_be_cancelled_first(run, make):
    async def main():
        condition, told = make(), []

        async def waiter(number):
            async with condition:
                await condition.wait()
                told.append(number)

        tasks = [asyncio.ensure_future(waiter(number)) for number in range(500)]
        await settle()
        for task in reversed(tasks[1:]):
            task.cancel()
        async with condition:
            condition.notify_all()
        await asyncio.gather(*tasks, return_exceptions=True)
        return told

    assert run(main()) == [0]
