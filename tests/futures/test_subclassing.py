"""Can a future be extended in Python, and can others take it for what it is?"""

import asyncio
import collections.abc
import concurrent.futures
import gc
import inspect
import types
import typing
import weakref

import pytest


def test_a_future_is_an_asyncio_future(loop, Future):
    future = loop.create_future()
    assert isinstance(future, Future)
    assert isinstance(future, asyncio.Future)
    assert not isinstance(future, asyncio.Task)
    assert not isinstance(future, concurrent.futures.Future)
    assert asyncio.isfuture(future)


def test_a_subclass_is_a_future_and_itself(kind, loop, Future):
    class Promise(Future):
        pass

    promise = Promise(loop=loop)
    assert type(promise) is promise.__class__ is Promise
    assert isinstance(promise, Future)
    assert asyncio.isfuture(promise)
    # A deliberate difference: the `__class__` of aioxide's own futures is asyncio.Future,
    # that of a subclass written in Python is the subclass.
    assert isinstance(loop.create_future(), asyncio.Future)
    assert isinstance(promise, asyncio.Future) is (kind == "asyncio")


def test_the_standard_functions_take_a_subclass(loop, run, Future):
    class Promise(Future):
        pass

    def promised(value):
        promise = Promise(loop=loop)
        loop.call_soon(promise.set_result, value)
        return promise

    async def main():
        promise = promised(1)
        assert asyncio.ensure_future(promise) is promise
        assert await asyncio.gather(promise, promised(2)) == [1, 2]
        assert await asyncio.wait_for(promised(3), 10) == 3
        assert await asyncio.shield(promised(4)) == 4
        waited = promised(5)
        assert await asyncio.wait([waited]) == ({waited}, set())

    run(main())


def test_the_class_itself_is_not_a_future(Future):
    assert not asyncio.isfuture(Future)


def test_a_future_is_awaitable(loop):
    future = loop.create_future()
    assert inspect.isawaitable(future)
    assert isinstance(future, collections.abc.Awaitable)
    assert not asyncio.iscoroutine(future)


def test_a_subclass_with_its_own_constructor(loop, Future, run):
    class Promise(Future):
        def __init__(self, name, *, loop):
            super().__init__(loop=loop)
            self.name = name

    promise = Promise("the name", loop=loop)
    assert promise.name == "the name"
    assert asyncio.isfuture(promise)
    loop.call_soon(promise.set_result, 42)

    async def main():
        return await promise

    assert run(main()) == 42


def test_a_subclass_with_slots(loop, Future):
    class Promise(Future):
        __slots__ = ("name",)

    promise = Promise(loop=loop)
    promise.name = "the name"
    assert promise.name == "the name"


def test_a_subclass_may_override_methods(loop, Future):
    log = []

    class Promise(Future):
        def set_result(self, result):
            log.append(("set_result", result))
            super().set_result(result * 2)

        def cancel(self, msg=None):
            log.append(("cancel", msg))
            return super().cancel(msg=msg)

    promise = Promise(loop=loop)
    promise.set_result(21)
    assert promise.result() == 42
    assert promise.cancel("because") is False
    assert log == [("set_result", 21), ("cancel", "because")]


def test_a_task_asks_an_overridden_cancel(loop, turn, Future):
    log = []

    class Promise(Future):
        def cancel(self, msg=None):
            log.append(msg)
            return super().cancel(msg=msg)

    async def waiter(promise):
        await promise

    promise = Promise(loop=loop)
    task = loop.create_task(waiter(promise))
    turn()
    task.cancel("because")
    assert log == ["because"]
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)


def test_a_task_asks_an_overridden_add_done_callback(loop, run, Future):
    class Promise(Future):
        def add_done_callback(self, callback, *, context=None):
            added.append(self)
            super().add_done_callback(callback, context=context)

    added = []
    promise = Promise(loop=loop)

    async def main():
        loop.call_soon(promise.set_result, 42)
        return await promise

    assert run(main()) == 42
    assert added == [promise]


def test_a_subclass_may_override_await(loop, run, Future):
    class Doubled(Future):
        def __await__(self):
            result = yield from super().__await__()
            return result * 2

    doubled = Doubled(loop=loop)

    async def main():
        loop.call_soon(doubled.set_result, 21)
        return await doubled

    assert run(main()) == 42


def test_any_attribute_can_be_set_on_a_future(loop):
    future = loop.create_future()
    future.note = "text"
    assert future.note == "text"
    del future.note
    with pytest.raises(AttributeError):
        future.note  # noqa: B018


def test_a_subclass_with_a_finalizer(loop, Future, reported):
    log = []

    class Promise(Future):
        def __del__(self):
            log.append(self.done())

    promise = Promise(loop=loop)
    promise.set_exception(ValueError())
    promise.exception()
    del promise
    gc.collect()
    assert log == [True]


def test_a_subclass_and_another_base(loop, Future):
    class Named:
        name = "mixed in"

    class Promise(Named, Future):
        pass

    assert Promise(loop=loop).name == "mixed in"


def test_futures_can_be_referenced_weakly(loop, Future):
    class Promise(Future):
        pass

    for future in (loop.create_future(), Promise(loop=loop)):
        reference = weakref.ref(future)
        assert reference() is future
    del future
    gc.collect()
    assert reference() is None


def test_futures_hash_and_compare_by_identity(loop):
    one, other = loop.create_future(), loop.create_future()
    assert one == one and one != other
    assert len({one, other, one}) == 2
    for future in (one, other):
        future.set_result(1)
    assert one != other


def test_a_future_is_a_generic_class(Future, Task):
    for kind in (Future, Task):
        alias = kind[int]
        assert isinstance(alias, types.GenericAlias)
        assert typing.get_origin(alias) is kind
        assert typing.get_args(alias) == (int,)


def test_the_classes_are_called_as_in_asyncio(Future, Task):
    assert Future.__name__ == Future.__qualname__ == "Future"
    assert Task.__name__ == Task.__qualname__ == "Task"
    assert issubclass(Task, Future)


def test_a_class_that_declares_itself_no_future(loop, Future):
    class NotAFuture(Future):
        _asyncio_future_blocking = None

    assert not asyncio.isfuture(NotAFuture(loop=loop))
