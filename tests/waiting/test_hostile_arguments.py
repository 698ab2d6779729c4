"""What is given to gather, wait and as_completed changes, fails or calls back meanwhile."""

import pytest


class Foreign:
    """A foreign future that is done and calls back at once, as often as it likes."""

    _asyncio_future_blocking = False
    _cancel_message = None

    def __init__(self, loop, times=1):
        self.loop = loop
        self.times = times
        self.callbacks = []

    def get_loop(self):
        return self.loop

    def add_done_callback(self, callback, *, context=None):
        self.callbacks.append(callback)
        for _ in range(self.times):
            callback(self)

    def remove_done_callback(self, callback):
        return 0

    def done(self):
        return bool(self.callbacks)

    def cancelled(self):
        return False

    def exception(self):
        return None

    def result(self):
        return "foreign"


class Equal:
    """An awaitable that is equal to every other of its kind, and runs code to say so."""

    def __init__(self, action=None):
        self.action = action

    def __eq__(self, other):
        if self.action is not None:
            self.action()
        return isinstance(other, Equal)

    def __hash__(self):
        return 1

    def __await__(self):
        yield
        return "equal"


class Failing:
    """An iterable that fails behind its last item. (Up to 3.11 a generator is a coroutine.)"""

    def __init__(self, *items):
        self.items = items

    def __iter__(self):
        yield from self.items
        raise ValueError("no more")


def test_gather_takes_equal_arguments_once(api, run):
    async def main():
        future = api.get_running_loop().create_future()
        future.set_result("first")
        return await api.gather(future, Equal(), future, Equal())

    assert run(main()) == ["first", "equal", "first", "equal"]


def test_gather_leaves_what_it_has_begun_when_an_argument_fails(api, loop, run, turn):
    class Unhashable:
        __hash__ = None

        def __await__(self):
            yield

    ran = []

    async def begun():
        ran.append("begun")

    async def main():
        coroutine = begun()
        with pytest.raises(TypeError):
            api.gather(coroutine, Unhashable())
        with pytest.raises(TypeError):
            api.gather(api.sleep(0), 5)
        await api.sleep(0)
        await api.sleep(0)
        assert api.all_tasks() == {api.current_task()}

    run(main())
    assert ran == ["begun"]


def test_gather_takes_no_offence_at_an_error_while_it_begins(api, loop, run):
    async def fail():
        raise ValueError("nobody sees it")

    async def main():
        with pytest.raises(TypeError):
            api.gather(fail(), 5)
        await api.sleep(0)
        await api.sleep(0)

    # It was looked at, so that nothing is reported.
    run(main())


def test_gather_counts_a_foreign_future_that_calls_at_once(api, loop, run):
    class Pending(Foreign):
        def done(self):
            return False

    async def main():
        foreign = Pending(loop)
        gathered = api.gather(foreign, api.sleep(0, "ours"))
        await api.sleep(0)
        await api.sleep(0)
        await api.sleep(0)
        assert gathered.done()
        return gathered.result()

    assert run(main()) == ["foreign", "ours"]


def test_gather_may_be_finished_by_a_future_that_calls_twice(api, loop, run, reported):
    class Pending(Foreign):
        def done(self):
            return False

        def add_done_callback(self, callback, *, context=None):
            self.callbacks.append(callback)

    async def main():
        foreign = Pending(loop)
        pending = loop.create_future()
        gathered = api.gather(foreign, pending)
        foreign.callbacks[0](foreign)
        with pytest.raises(api.InvalidStateError):
            foreign.callbacks[0](foreign)
        assert not gathered.done()
        gathered.cancel() if hasattr(foreign, "cancel") else pending.cancel()
        await api.sleep(0)
        await api.sleep(0)
        gathered_is_done = gathered.done()
        if gathered_is_done:
            with pytest.raises(api.CancelledError):
                gathered.result()
        return gathered_is_done

    assert run(main())


@pytest.mark.parametrize("name", ["wait", "as_completed"])
def test_an_iterable_that_fails_is_an_error(api, loop, run, name):
    async def main():
        future = loop.create_future()
        with pytest.raises(ValueError, match="no more"):
            if name == "wait":
                await api.wait(Failing(future))
            else:
                for coroutine in api.as_completed(Failing(future)):
                    await coroutine
        assert future._callbacks is None

    run(main())


def test_wait_takes_a_foreign_future_that_calls_at_once(api, loop, run):
    async def main():
        foreign, pending = Foreign(loop), loop.create_future()
        done, left = await api.wait([foreign, pending], return_when=api.FIRST_COMPLETED)
        assert (done, left) == ({foreign}, {pending})

    run(main())


def test_wait_takes_a_foreign_future_that_calls_three_times(api, loop, run):
    async def main():
        foreign, pending = Foreign(loop, times=3), loop.create_future()
        # Three calls are more than there are futures: asyncio is done then.
        done, left = await api.wait([foreign, pending])
        assert (done, left) == ({foreign}, {pending})

    run(main())


def test_wait_keeps_what_was_given_when_it_began(api, loop, run):
    async def main():
        futures = [loop.create_future(), loop.create_future()]
        given = list(futures)
        loop.call_soon(given.clear)
        for future in futures:
            loop.call_soon(future.set_result, None)
        done, left = await api.wait(given)
        assert done == set(futures)
        assert not left

    run(main())


def test_as_completed_refuses_a_future_that_is_done_twice(api, loop, run, reported):
    class Later(Foreign):
        def add_done_callback(self, callback, *, context=None):
            self.callbacks.append(callback)

    async def main():
        foreign, pending = Later(loop), loop.create_future()
        waits = list(api.as_completed([foreign, pending]))
        foreign.callbacks[0](foreign)
        with pytest.raises(KeyError):
            foreign.callbacks[0](foreign)
        assert await waits[0] == "foreign"
        pending.set_result("ours")
        assert await waits[1] == "ours"

    run(main())


def test_shield_passes_nothing_on_twice(api, loop, run):
    class Later(Foreign):
        def add_done_callback(self, callback, *, context=None):
            self.callbacks.append(callback)

        def done(self):
            return False

    async def main():
        foreign = Later(loop)
        shield = api.shield(foreign)
        # From 3.14 on asyncio has another callback before this one, for call graphs.
        done = foreign.callbacks[-1]
        done(foreign)
        with pytest.raises(api.InvalidStateError):
            done(foreign)
        assert shield.result() == "foreign"
        await api.sleep(0)

    run(main())
