"""Do futures and tasks of different implementations wait for each other?"""

import asyncio
import contextvars
from _asyncio import Future as CFuture
from _asyncio import Task as CTask

import pytest

PyFuture, PyTask = asyncio.futures._PyFuture, asyncio.tasks._PyTask


@pytest.fixture(params=[CFuture, PyFuture], ids=["C", "Python"])
def ForeignFuture(request):
    """A Future class of the standard library."""
    return request.param


@pytest.fixture(params=[CTask, PyTask], ids=["C", "Python"])
def ForeignTask(request):
    """A Task class of the standard library."""
    return request.param


async def wait_for(awaitable):
    return await awaitable


class ForeignProtocol:
    """The least that a future must have to be awaited by a task."""

    _asyncio_future_blocking = False

    def __init__(self, loop):
        self.loop = loop
        self.callbacks = []
        self.cancelled_with = []
        self.outcome = None

    def get_loop(self):
        return self.loop

    def add_done_callback(self, callback, *, context=None):
        self.callbacks.append((callback, context))

    def cancel(self, msg=None):
        self.cancelled_with.append(msg)
        return False

    def finish(self, outcome):
        self.outcome = outcome
        for callback, context in self.callbacks:
            self.loop.call_soon(callback, self, context=context)

    def result(self):
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome

    def __await__(self):
        self._asyncio_future_blocking = True
        yield self
        return self.result()


def test_our_task_awaits_a_foreign_future(loop, turn, ForeignFuture):
    future = ForeignFuture(loop=loop)
    task = loop.create_task(wait_for(future))
    turn()
    assert task._fut_waiter is future
    assert future._asyncio_future_blocking is False
    future.set_result(42)
    assert loop.run_until_complete(task) == 42


def test_the_exception_of_a_foreign_future_arrives(loop, turn, ForeignFuture):
    future = ForeignFuture(loop=loop)
    task = loop.create_task(wait_for(future))
    turn()
    exception = ValueError("text")
    future.set_exception(exception)
    with pytest.raises(ValueError) as raised:
        loop.run_until_complete(task)
    assert raised.value is exception


def test_the_cancellation_of_a_foreign_future_arrives(loop, turn, ForeignFuture):
    future = ForeignFuture(loop=loop)
    task = loop.create_task(wait_for(future))
    turn()
    future.cancel("because")
    with pytest.raises(asyncio.CancelledError) as raised:
        loop.run_until_complete(task)
    assert raised.value.args == ("because",)


def test_cancelling_our_task_cancels_a_foreign_future(loop, turn, ForeignFuture):
    future = ForeignFuture(loop=loop)
    task = loop.create_task(wait_for(future))
    turn()
    task.cancel("because")
    assert future.cancelled()
    with pytest.raises(asyncio.CancelledError) as raised:
        loop.run_until_complete(task)
    assert raised.value.args == ("because",)


def test_a_foreign_future_of_another_loop_is_refused(loop, new_loop, ForeignFuture):
    future = ForeignFuture(loop=new_loop())
    with pytest.raises(RuntimeError) as raised:
        loop.run_until_complete(wait_for(future))
    assert str(raised.value).endswith("attached to a different loop")


def test_a_foreign_task_awaits_our_future(loop, turn, ForeignTask):
    future = loop.create_future()
    task = ForeignTask(wait_for(future), loop=loop)
    turn()
    assert task._fut_waiter is future
    assert future._asyncio_future_blocking is False
    assert len(future._callbacks) == 1
    future.set_result(42)
    assert loop.run_until_complete(task) == 42


def test_the_exception_of_our_future_arrives(loop, turn, ForeignTask):
    future = loop.create_future()
    task = ForeignTask(wait_for(future), loop=loop)
    turn()
    exception = ValueError("text")
    future.set_exception(exception)
    with pytest.raises(ValueError) as raised:
        loop.run_until_complete(task)
    assert raised.value is exception


def test_cancelling_a_foreign_task_cancels_our_future(loop, turn, ForeignTask):
    future = loop.create_future()
    task = ForeignTask(wait_for(future), loop=loop)
    turn()
    task.cancel("because")
    assert future.cancelled()
    with pytest.raises(asyncio.CancelledError) as raised:
        loop.run_until_complete(task)
    assert raised.value.args == ("because",)


def test_a_foreign_task_refuses_our_future_of_another_loop(loop, new_loop, ForeignTask):
    future = new_loop().create_future()
    task = ForeignTask(wait_for(future), loop=loop)
    with pytest.raises(RuntimeError) as raised:
        loop.run_until_complete(task)
    assert str(raised.value).endswith("attached to a different loop")


def test_tasks_of_both_sides_in_one_chain(loop, turn, ForeignTask, Task):
    future = loop.create_future()
    awaited = future
    for number in range(6):
        awaited = (Task if number % 2 else ForeignTask)(wait_for(awaited), loop=loop)
    turn(8)
    future.set_result(42)
    assert loop.run_until_complete(awaited) == 42


def test_cancelling_through_a_chain_of_both_sides(loop, turn, ForeignTask, Task):
    future = loop.create_future()
    awaited = future
    for number in range(6):
        awaited = (Task if number % 2 else ForeignTask)(wait_for(awaited), loop=loop)
    turn(8)
    awaited.cancel("because")
    with pytest.raises(asyncio.CancelledError) as raised:
        loop.run_until_complete(awaited)
    assert raised.value.args == ("because",)
    assert future.cancelled()


def test_a_foreign_task_runs_alone_on_this_loop(loop, ForeignTask):
    async def main():
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        return await asyncio.gather(asyncio.sleep(0, 1), asyncio.sleep(0, 2))

    assert loop.run_until_complete(ForeignTask(main(), loop=loop)) == [1, 2]


def test_foreign_futures_are_gathered_with_ours(loop, run, ForeignFuture):
    async def main():
        theirs, ours = ForeignFuture(loop=loop), loop.create_future()
        loop.call_soon(theirs.set_result, "theirs")
        loop.call_soon(ours.set_result, "ours")
        return await asyncio.gather(theirs, ours, asyncio.sleep(0, "a task"))

    assert run(main()) == ["theirs", "ours", "a task"]


def test_an_object_with_the_protocol_can_be_awaited(loop, turn):
    foreign = ForeignProtocol(loop)
    task = loop.create_task(wait_for(foreign))
    turn()
    assert foreign._asyncio_future_blocking is False
    assert len(foreign.callbacks) == 1
    foreign.finish(42)
    assert loop.run_until_complete(task) == 42


def test_the_protocol_is_given_the_context_of_the_task(loop, turn):
    context = contextvars.Context()
    foreign = ForeignProtocol(loop)
    task = loop.create_task(wait_for(foreign), context=context)
    turn()
    assert [given for _, given in foreign.callbacks] == [context]
    foreign.finish(None)
    loop.run_until_complete(task)


def test_what_the_protocol_raises_is_thrown_in(loop, turn):
    foreign = ForeignProtocol(loop)
    task = loop.create_task(wait_for(foreign))
    turn()
    exception = ValueError("text")
    foreign.finish(exception)
    with pytest.raises(ValueError) as raised:
        loop.run_until_complete(task)
    assert raised.value is exception


def test_cancelling_asks_the_protocol_first(loop, turn):
    foreign = ForeignProtocol(loop)
    task = loop.create_task(wait_for(foreign))
    turn()
    task.cancel("because")
    assert foreign.cancelled_with == ["because"]
    # It refused, so the task itself is cancelled when it is woken.
    foreign.finish(42)
    with pytest.raises(asyncio.CancelledError) as raised:
        loop.run_until_complete(task)
    assert raised.value.args == ("because",)


def test_an_object_with_the_protocol_of_another_loop_is_refused(loop, new_loop):
    foreign = ForeignProtocol(new_loop())
    with pytest.raises(RuntimeError) as raised:
        loop.run_until_complete(wait_for(foreign))
    assert str(raised.value).endswith("attached to a different loop")
    assert foreign.callbacks == []


def test_a_protocol_object_without_get_loop_tells_its_loop_by_an_attribute(loop, turn):
    class Old(ForeignProtocol):
        get_loop = property()

        def __init__(self, loop):
            super().__init__(loop)
            self._loop = loop

    foreign = Old(loop)
    task = loop.create_task(wait_for(foreign))
    turn()
    foreign.finish(42)
    assert loop.run_until_complete(task) == 42


def test_the_mark_may_live_in_the_class_only(loop):
    foreign = ForeignProtocol(loop)
    assert asyncio.isfuture(foreign)
    assert asyncio.ensure_future(foreign, loop=loop) is foreign
