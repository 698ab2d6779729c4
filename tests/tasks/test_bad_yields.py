"""What does a task say when its coroutine yields something it cannot wait for?"""

import asyncio
import re

import pytest


class Yielding:
    """An awaitable that yields one object and remembers what came back."""

    def __init__(self, thing):
        self.thing = thing

    def __await__(self):
        return (yield self.thing)


async def wait_for(thing):
    return await Yielding(thing)


def error_of(loop, thing):
    """The text of the RuntimeError that awaiting the thing ends in."""
    task = loop.create_task(wait_for(thing), name="the name")
    with pytest.raises(RuntimeError) as raised:
        loop.run_until_complete(task)
    return str(raised.value)


@pytest.mark.parametrize("thing", [42, "text", [], object(), 0, False, print], ids=repr)
def test_something_that_is_no_future(loop, thing):
    assert error_of(loop, thing) == f"Task got bad yield: {thing!r}"


def test_a_generator(loop):
    def generate():
        yield

    generator = generate()
    assert re.fullmatch(
        r"yield was used instead of yield from for generator in task <Task pending "
        rf"name='the name' .*> with {re.escape(repr(generator))}",
        error_of(loop, generator),
    )


def test_a_future_that_was_not_awaited(loop):
    assert re.fullmatch(
        r"yield was used instead of yield from in task <Task pending name='the name' .*> "
        r"with <Future pending>",
        error_of(loop, loop.create_future()),
    )


def test_a_future_of_another_loop(loop, new_loop):
    async def main():
        await future

    future = new_loop().create_future()
    with pytest.raises(RuntimeError) as raised:
        loop.run_until_complete(main())
    assert re.fullmatch(
        r"Task <Task pending name='Task-\d+' .*> got Future <Future pending> attached to a "
        r"different loop",
        str(raised.value),
    )
    assert not future._callbacks


def test_a_task_of_another_loop(loop, new_loop):
    async def nothing():
        pass

    async def main():
        await task

    other = new_loop()
    task = other.create_task(nothing(), name="the other")
    with pytest.raises(RuntimeError) as raised:
        loop.run_until_complete(main())
    assert re.fullmatch(
        r"Task <Task pending .*> got Future <Task pending name='the other' .*> attached to a "
        r"different loop",
        str(raised.value),
    )
    other.run_until_complete(task)


def test_a_done_future_of_another_loop_can_be_awaited(loop, run, new_loop):
    future = new_loop().create_future()
    future.set_result(42)

    async def main():
        return await future

    assert run(main()) == 42


def test_a_task_cannot_await_itself(loop):
    async def main():
        await asyncio.current_task()

    task = loop.create_task(main(), name="the name")
    with pytest.raises(RuntimeError) as raised:
        loop.run_until_complete(task)
    assert re.fullmatch(
        r"Task cannot await on itself: <Task pending name='the name' .*>", str(raised.value)
    )


@pytest.mark.parametrize("thing", [42, [], "text"])
def test_the_coroutine_may_catch_it_and_go_on(loop, run, thing):
    async def main():
        with pytest.raises(RuntimeError):
            await Yielding(thing)
        return await asyncio.sleep(0, "went on")

    assert run(main()) == "went on"


def test_the_error_comes_in_the_next_turn(loop, turn):
    task = loop.create_task(wait_for(42))
    turn()
    assert not task.done()
    turn()
    assert type(task.exception()) is RuntimeError


def test_a_bare_yield_gives_up_one_turn(loop, turn):
    task = loop.create_task(wait_for(None))
    turn()
    assert not task.done()
    turn()
    assert task.result() is None


def test_a_task_with_a_bad_yield_can_be_cancelled(loop, turn):
    task = loop.create_task(wait_for(42))
    turn()
    task.cancel("because")
    with pytest.raises(asyncio.CancelledError) as raised:
        loop.run_until_complete(task)
    assert raised.value.args == ("because",)
