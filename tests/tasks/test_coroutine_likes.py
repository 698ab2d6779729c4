"""Which objects other than native coroutines can a task run?"""

import asyncio
import collections.abc
import types

import pytest


class Wrapper(collections.abc.Coroutine):
    """A coroutine made of a native one that logs how it is driven."""

    def __init__(self, coroutine):
        self.coroutine = coroutine
        self.log = []

    def send(self, value):
        self.log.append(("send", value))
        return self.coroutine.send(value)

    def throw(self, *arguments):
        self.log.append(("throw", *arguments))
        return self.coroutine.throw(*arguments)

    def close(self):
        self.log.append(("close",))
        return self.coroutine.close()

    def __await__(self):
        return self


async def give(value):
    await asyncio.sleep(0)
    return value


def test_an_implementation_of_the_abstract_class(loop, Task):
    wrapper = Wrapper(give(42))
    task = loop.create_task(wrapper)
    assert type(task) is Task
    assert task.get_coro() is wrapper
    assert loop.run_until_complete(task) == 42
    assert wrapper.log == [("send", None), ("send", None)]


def test_an_exception_is_thrown_in_as_one_argument(loop, turn):
    async def main():
        await loop.create_future()

    wrapper = Wrapper(main())
    task = loop.create_task(wrapper)
    turn()
    task.cancel("because")
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    name, exception = wrapper.log[-1]
    assert name == "throw"
    assert type(exception) is asyncio.CancelledError
    assert exception.args == ("because",)


def test_it_can_be_run_to_completion_directly(loop):
    assert loop.run_until_complete(Wrapper(give(42))) == 42


def test_it_may_return_a_value_by_stop_iteration(loop):
    class Immediate(collections.abc.Coroutine):
        def send(self, value):
            raise StopIteration("value")

        def throw(self, *arguments):
            raise AssertionError

        def close(self):
            pass

        def __await__(self):
            return self

    assert loop.run_until_complete(loop.create_task(Immediate())) == "value"


def test_it_may_fail(loop):
    class Failing(Wrapper):
        def send(self, value):
            self.coroutine.close()
            raise LookupError("in send")

    with pytest.raises(LookupError) as raised:
        loop.run_until_complete(loop.create_task(Failing(give(42))))
    assert str(raised.value) == "in send"


def test_its_repr_shows_the_class_when_it_has_no_name(loop, turn):
    task = loop.create_task(Wrapper(give(42)), name="the name")
    assert repr(task) == ("<Task pending name='the name' coro=<<Wrapper without __name__>()>>")
    turn(2)
    assert task.result() == 42


def test_it_has_no_stack(loop, turn):
    task = loop.create_task(Wrapper(give(42)))
    assert task.get_stack() == []
    turn(2)


def test_a_generator_based_coroutine_is_awaited(loop, run):
    @types.coroutine
    def generator_based():
        yield
        return (yield from loop.create_task(give(42)))

    async def main():
        return await generator_based()

    assert run(main()) == 42


def test_an_awaitable_that_is_no_coroutine_needs_ensure_future(loop, Task):
    class Awaitable:
        def __await__(self):
            return give(42).__await__()

    awaitable = Awaitable()
    with pytest.raises(TypeError) as raised:
        loop.create_task(awaitable)
    assert str(raised.value) == f"a coroutine was expected, got {awaitable!r}"
    task = asyncio.ensure_future(awaitable, loop=loop)
    assert type(task) is Task
    assert loop.run_until_complete(task) == 42


def test_asynchronous_generators_inside_a_task(run):
    async def count(limit):
        for number in range(limit):
            await asyncio.sleep(0)
            yield number

    async def main():
        return [number async for number in count(5)]

    assert run(main()) == [0, 1, 2, 3, 4]


def test_the_step_of_an_asynchronous_generator_is_an_awaitable(loop, run):
    async def count():
        yield 1
        yield 2

    async def main():
        generator = count()
        first = await anext(generator)
        second = await asyncio.wait_for(anext(generator), 10)
        with pytest.raises(StopAsyncIteration):
            await anext(generator)
        return first, second

    assert run(main()) == (1, 2)


def test_a_coroutine_that_was_run_already(loop, run):
    async def nothing():
        pass

    coroutine = nothing()
    run(coroutine)
    with pytest.raises(RuntimeError) as raised:
        loop.run_until_complete(coroutine)
    assert str(raised.value) == "cannot reuse already awaited coroutine"


def test_a_coroutine_given_to_two_tasks(loop, run):
    async def child():
        await asyncio.sleep(0)
        return 42

    async def main():
        coroutine = child()
        first, second = loop.create_task(coroutine), loop.create_task(coroutine)
        await asyncio.wait([first, second])
        # Each drives it by one step; the second step is the last.
        assert second.result() == 42
        return first.exception()

    error = run(main())
    assert type(error) is RuntimeError
    assert str(error) == "cannot reuse already awaited coroutine"
