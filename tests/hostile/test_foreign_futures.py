"""Futures of somebody else's that keep no rule of asyncio's."""

import asyncio

import pytest


class Foreign:
    """A future whose parts are what the test says; it keeps the callbacks it is handed."""

    _asyncio_future_blocking = False

    def __init__(self, loop, **parts):
        self.callbacks = []
        self.loop = loop
        self.parts = parts
        self.left = 6

    def _part(self, name, default):
        part = self.parts.get(name, default)
        if not callable(part):
            return part
        # A few times only: what calls back for ever goes on for ever, on any loop.
        self.left -= 1
        return part(self) if self.left >= 0 and self.callbacks else default

    def get_loop(self):
        return self._part("get_loop", self.loop)

    def result(self):
        return self._part("result", None)

    def exception(self):
        return self._part("exception", None)

    def done(self):
        return self._part("done", False)

    def cancelled(self):
        return self._part("cancelled", False)

    def cancel(self, msg=None):
        return self._part("cancel", True)

    def add_done_callback(self, callback, *, context=None):
        self.callbacks.append(callback)
        return self._part("add_done_callback", None)

    def remove_done_callback(self, callback):
        return self._part("remove_done_callback", 0)

    def __await__(self):
        self._asyncio_future_blocking = True
        return (yield self)


def call_at_once(foreign):
    foreign.callbacks[-1](foreign)


def call_at_once_twice(foreign):
    foreign.callbacks[-1](foreign)
    foreign.callbacks[-1](foreign)


def call_with_another_object(foreign):
    foreign.callbacks[-1](object())


def call_with_a_future(foreign):
    foreign.callbacks[-1](foreign.loop.create_future())


def call_soon_twice(foreign):
    for _ in range(2):
        foreign.loop.call_soon(foreign.callbacks[-1], foreign)


def call_without_arguments(foreign):
    foreign.callbacks[-1]()


def raise_an_error(foreign):
    raise ValueError("from the foreign future")


def raise_a_base_exception(foreign):
    raise KeyboardInterrupt


def settle_the_waiter(foreign):
    for task in asyncio.all_tasks(foreign.loop):
        task.cancel()


def initialise_the_waiter(foreign):
    for task in asyncio.all_tasks(foreign.loop):
        # Not the test's own, which the loop would then run for ever.
        if task.get_name() != "test":
            task.__init__(asyncio.sleep(0), loop=foreign.loop)


MISBEHAVIOURS = [
    call_at_once,
    call_at_once_twice,
    call_with_another_object,
    call_with_a_future,
    call_soon_twice,
    call_without_arguments,
    raise_an_error,
    raise_a_base_exception,
    settle_the_waiter,
    initialise_the_waiter,
]
PARTS = (
    "get_loop result exception done cancelled cancel add_done_callback remove_done_callback"
).split()


def waiters(api, loop, foreign):
    """Everything that can wait for a future."""

    async def awaiting():
        await foreign

    async def in_timeout():
        async with api.timeout(0.001):
            await foreign

    async def in_group():
        async with api.TaskGroup() as group:
            group.create_task(awaiting())
            await foreign

    yield "task", lambda: loop.create_task(awaiting())
    yield "timeout", lambda: loop.create_task(in_timeout())
    yield "task group", lambda: loop.create_task(in_group())
    yield "gather", lambda: api.gather(foreign, loop.create_future())
    yield "shield", lambda: api.shield(foreign)
    yield "wait", lambda: loop.create_task(api.wait([foreign], timeout=0.001))
    yield "wait_for", lambda: loop.create_task(api.wait_for(foreign, 0.001))
    yield "as_completed", lambda: list(api.as_completed([foreign]))
    yield "ensure_future", lambda: api.ensure_future(foreign)
    yield "wrap_future", lambda: api.wrap_future(foreign)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("misbehaviour", MISBEHAVIOURS, ids=lambda one: one.__name__)
def test_a_future_that_breaks_a_rule_is_survived(misbehaviour, part, api, made, attempt):
    loop = made.loop

    async def start():
        asyncio.current_task().set_name("test")
        started = []
        for _, wait in waiters(api, loop, foreign):
            started.append(attempt(wait))
        await api.sleep(0)
        return started

    foreign = Foreign(loop, **{part: misbehaviour})
    started = attempt(loop.run_until_complete, start())
    made.run_loop()
    for callback in list(foreign.callbacks):
        for argument in (foreign, object(), None):
            attempt(callback, argument)
            attempt(callback, argument)
        made.run_loop(1)
    for one in started or ():
        for name in ("cancel", "result", "exception", "__repr__"):
            attempt(lambda one=one, name=name: getattr(one, name)())
    del started
    made.settle()


@pytest.mark.parametrize("blocking", [True, 1, "x", None, [], -1])
def test_a_mark_that_is_no_bool_is_survived(blocking, api, made, attempt):
    class Marked(Foreign):
        def __await__(self):
            self._asyncio_future_blocking = blocking
            return (yield self)

    async def main():
        await Marked(made.loop)

    task = made.loop.create_task(main())
    made.run_loop()
    task.cancel()
    made.settle()


def test_a_callback_called_twice_after_the_task_went_on(api, made, attempt):
    """The second call must not touch what the task awaits by then."""
    loop = made.loop

    async def main():
        first, second = Foreign(loop), loop.create_future()
        steps = []

        async def wait():
            await first
            steps.append("first")
            try:
                await second
            except RuntimeError:
                steps.append("refused")
            await Foreign(loop)

        task = loop.create_task(wait())
        await api.sleep(0)
        for _ in range(2):
            loop.call_soon(first.callbacks[0], first)
        for _ in range(3):
            await api.sleep(0)
        second.set_result(None)
        await api.sleep(0.001)
        task.cancel()
        return steps

    assert loop.run_until_complete(main())[0] == "first"


@pytest.mark.parametrize("yielded", [1, object(), (), "x", [], type, ValueError("x")], ids=repr)
def test_a_coroutine_that_yields_anything_is_survived(yielded, api, made, attempt):
    class Yields:
        def __await__(self):
            while True:
                try:
                    yield yielded
                except RuntimeError:
                    return

    async def main():
        await Yields()

    made.loop.run_until_complete(main())


def test_a_waiter_of_another_loop_is_survived(api, made, loop_factory, attempt):
    other = loop_factory()
    future = other.create_future()

    async def main():
        await future

    task = made.loop.create_task(main())
    made.run_loop()
    attempt(task.exception)
    attempt(future.set_result, 1)
    made.settle()
    other.close()
