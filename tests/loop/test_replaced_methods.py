"""Are methods used that somebody has replaced: in a subclass, on the loop, in its class?"""

import asyncio
import contextlib
import gc
import sys
import weakref
from unittest import mock

import pytest


@contextlib.contextmanager
def closed_afterwards(loop):
    """Closes a loop when its threads have ended."""
    yield loop
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


@pytest.fixture(params=["subclass", "object", "class", "class of a subclass"])
def watch(request, loop_factory, new_loop):
    """Makes a loop that records the calls of one method: ``loop, calls = watch("call_soon")``."""
    with contextlib.ExitStack() as stack:

        def watching(name):
            calls = []
            made = loop_factory()
            base = type(made)
            made.close()
            own = getattr(base, name)

            def method(self, *args, **keywords):
                calls.append((args, keywords))
                return own(self, *args, **keywords)

            if request.param == "subclass":
                loop = stack.enter_context(
                    closed_afterwards(type("Sub", (base,), {name: method})())
                )
            elif request.param == "object":
                loop = new_loop()
                setattr(loop, name, lambda *args, **keywords: method(loop, *args, **keywords))
            elif request.param == "class":
                loop = new_loop()
                stack.enter_context(mock.patch.object(base, name, method))
            else:
                sub = type("Sub", (base,), {})
                loop = stack.enter_context(closed_afterwards(sub()))
                setattr(sub, name, method)
            return loop, calls

        yield watching


def count(loop, calls, work):
    """How many calls a coroutine function has led to, run as a task of ``loop``."""

    async def main():
        before = len(calls)
        await work()
        return len(calls) - before

    return loop.run_until_complete(main())


def test_sleep_uses_call_later(watch, api):
    loop, calls = watch("call_later")
    assert count(loop, calls, lambda: api.sleep(0.001)) == 1
    assert calls[-1][0][0] == 0.001


def test_sleep_uses_call_at(watch, api):
    loop, calls = watch("call_at")
    assert count(loop, calls, lambda: api.sleep(0.001)) == 1


@pytest.mark.parametrize("name", ["call_at", "time"])
def test_call_later_uses_call_at_and_time(watch, name):
    loop, calls = watch(name)

    async def work():
        loop.call_later(100, print).cancel()

    assert count(loop, calls, work) >= 1


def test_a_timeout_uses_call_at(watch, api):
    loop, calls = watch("call_at")

    async def work():
        async with api.timeout(100):
            pass

    assert count(loop, calls, work) == 1


def test_a_timeout_that_is_over_uses_call_soon(watch, api):
    loop, calls = watch("call_soon")

    async def work():
        with contextlib.suppress(TimeoutError):
            async with api.timeout(0):
                await api.sleep(100)

    assert count(loop, calls, work) >= 1


@pytest.mark.parametrize("wait", ["wait_for", "wait"])
def test_waits_use_the_timers(watch, api, wait):
    of_deadlines = wait == "wait_for" and sys.version_info >= (3, 12)
    loop, calls = watch("call_at" if of_deadlines else "call_later")

    async def work():
        future = loop.create_future()
        loop.call_soon(future.set_result, None)
        await (api.wait([future], timeout=100) if wait == "wait" else api.wait_for(future, 100))

    assert count(loop, calls, work) == 1


def test_to_thread_uses_run_in_executor(watch, api):
    loop, calls = watch("run_in_executor")
    assert count(loop, calls, lambda: api.to_thread(int)) == 1


@pytest.mark.parametrize("way", ["create_task", "ensure_future", "gather", "group"])
def test_tasks_are_made_by_create_task(watch, api, way):
    loop, calls = watch("create_task")

    async def child():
        return 7

    async def work():
        if way == "group":
            async with api.TaskGroup() as group:
                group.create_task(child())
        else:
            await getattr(api, way)(child())

    assert count(loop, calls, work) == 1


def test_a_group_sees_a_create_task_that_is_replaced_inside(loop, api, run):
    async def child():
        pass

    async def main():
        async with api.TaskGroup() as group:
            with mock.patch.object(loop, "create_task", wraps=loop.create_task) as create_task:
                group.create_task(child())
            assert create_task.called

    run(main())


def test_steps_and_callbacks_go_through_call_soon(watch, api):
    loop, calls = watch("call_soon")

    async def work():
        future = loop.create_future()
        future.add_done_callback(lambda future: None)
        future.set_result(None)
        await api.sleep(0)

    # The done callback, and the next step.
    assert count(loop, calls, work) == 2


@pytest.mark.parametrize("way", ["sleep", "lock", "queue", "shield"])
def test_waits_use_create_future(watch, api, way):
    loop, calls = watch("create_future")

    async def work():
        if way == "sleep":
            await api.sleep(0.001)
        elif way == "lock":
            lock = api.Lock()
            await lock.acquire()
            loop.call_soon(lock.release)
            await lock.acquire()
        elif way == "queue":
            queue = api.Queue()
            loop.call_soon(queue.put_nowait, 1)
            await queue.get()
        else:
            future = asyncio.Future(loop=loop)
            loop.call_soon(future.set_result, None)
            await api.shield(future)

    assert count(loop, calls, work) == 1


def test_timers_go_by_a_time_that_is_replaced(loop, api):
    async def main():
        now, fired = loop.time(), []
        loop.call_later(100, fired.append, "soon")
        loop.call_later(300, fired.append, "late")
        with mock.patch.object(loop, "time", return_value=now + 200):
            for _ in range(3):
                await api.sleep(0)
        assert fired == ["soon"]
        # The clock is the loop's own again.
        for _ in range(3):
            await api.sleep(0)
        assert fired == ["soon"]

    loop.run_until_complete(main())


def test_a_timer_waits_by_a_time_that_is_replaced(watch, api):
    loop, calls = watch("time")
    began = loop.time()
    loop.run_until_complete(api.sleep(0.01))
    assert loop.time() - began >= 0.01
    assert calls


def test_an_error_of_time_leaves_the_run(new_loop):
    loop = new_loop()

    def time():
        raise LookupError("no clock")

    loop.call_later(100, print)
    loop.time = time
    with pytest.raises(LookupError, match="no clock"):
        loop.run_forever()
    del loop.time


def test_what_was_replaced_can_be_put_back(loop, api, run):
    async def main():
        own = loop.call_later
        loop.call_later = mock.Mock(wraps=own)
        await api.sleep(0.001)
        assert loop.call_later.call_count == 1
        loop.call_later = own
        await api.sleep(0.001)
        del loop.call_later
        await api.sleep(0.001)

    run(main())


def test_a_call_soon_that_comes_and_goes(loop, api, run):
    async def child(queue):
        for _ in range(3):
            await queue.get()
            await api.sleep(0)
        return "done"

    async def main():
        queue = api.Queue()
        task = api.create_task(child(queue))
        for turn in range(3):
            queue.put_nowait(turn)
            with mock.patch.object(loop, "call_soon", wraps=loop.call_soon) as call_soon:
                await api.sleep(0)
                await api.sleep(0)
            assert call_soon.called
            await api.sleep(0)
        gathered = await api.gather(task, api.sleep(0, 1), api.sleep(0, 2))
        assert api.current_task() is not None
        return gathered

    assert run(main()) == ["done", 1, 2]


def test_a_loop_whose_class_is_exchanged(loop, api, run):
    calls = []

    class Watching(type(loop)):
        def call_later(self, delay, *args, **keywords):
            calls.append(delay)
            return super().call_later(delay, *args, **keywords)

    async def main():
        loop.__class__ = Watching
        await api.sleep(0.001)
        loop.__class__ = Watching.__base__
        await api.sleep(0.001)

    run(main())
    assert calls == [0.001]


def test_a_class_that_the_loop_was_of_may_go(new_loop):
    """``object``'s own descriptor exchanges the class without a word to the loop."""
    base = type(new_loop())

    class Kept(base):
        __slots__ = ()

    class Gone(base):
        __slots__ = ()

    loop = Gone()
    object.__dict__["__class__"].__set__(loop, Kept)
    del Gone
    gc.collect()
    loop.call_later(0.001, loop.stop)
    loop.run_forever()
    assert type(loop) is Kept
    loop.close()
    there = weakref.ref(Kept)
    del loop, Kept
    gc.collect()
    assert there() is None
