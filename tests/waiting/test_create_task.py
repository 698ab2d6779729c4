"""What do create_task(), ensure_future(), current_task() and isfuture() take and give?"""

import asyncio
import contextvars
import sys

import pytest

variable = contextvars.ContextVar("variable", default="outside")


async def value_of(value):
    return value


def test_create_task_makes_a_task_of_the_running_loop(run, api):
    async def main():
        task = api.create_task(value_of(1), name="one")
        assert isinstance(task, asyncio.Task)
        assert task.get_name() == "one"
        assert task.get_loop() is asyncio.get_running_loop()
        assert api.create_task(coro=value_of(2)).get_name().startswith("Task-")
        return await task

    assert run(main()) == 1


def test_create_task_runs_in_the_context_it_is_given(run, api):
    async def read():
        return variable.get()

    async def main():
        context = contextvars.copy_context()
        context.run(variable.set, "inside")
        return [
            await api.create_task(read(), context=context),
            await api.create_task(read(), context=None),
            await api.create_task(read()),
        ]

    assert run(main()) == ["inside", "outside", "outside"]


def test_create_task_needs_a_running_loop(api):
    coroutine = value_of(1)
    with pytest.raises(RuntimeError, match="no running event loop"):
        api.create_task(coroutine)
    coroutine.close()


def test_create_task_says_what_is_wrong(run, api):
    async def main():
        with pytest.raises(TypeError, match="a coroutine was expected, got 5"):
            api.create_task(5)
        with pytest.raises(TypeError, match="missing 1 required positional argument: 'coro'"):
            api.create_task()
        with pytest.raises(TypeError, match="takes 1 positional argument but 2 were given"):
            api.create_task(1, 2)
        with pytest.raises(TypeError, match="got an unexpected keyword argument 'colour'"):
            api.create_task(None, colour=1)

    run(main())


def test_create_task_asks_the_task_factory(loop, run, api):
    asked = []

    def factory(loop, coroutine, **keywords):
        asked.append(sorted(keywords))
        return api.Task(coroutine, loop=loop, **keywords)

    async def main():
        loop.set_task_factory(factory)
        task = api.create_task(value_of(1), name="made")
        loop.set_task_factory(None)
        assert task.get_name() == "made"
        return await task

    assert run(main()) == 1
    assert asked == [["name"] if sys.version_info >= (3, 14) else []]


def test_create_task_asks_a_loop_that_makes_its_own(api):
    class Own(api.SelectorEventLoop if api is asyncio else api.Loop):
        def create_task(self, coro, **keywords):
            made.append(keywords)
            return super().create_task(coro, **keywords)

    made = []

    async def main():
        await api.create_task(value_of(1))
        await api.create_task(value_of(2), context=contextvars.copy_context())
        await api.gather(value_of(3))

    loop = Own()
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()
    assert len(made) == 4
    assert "context" in made[2]
    assert made[1] == ({"name": None} if sys.version_info[:2] == (3, 13) else {})


def test_create_task_works_on_the_standard_loop(api):
    async def main():
        return await api.create_task(value_of(1), name="there")

    loop = asyncio.SelectorEventLoop()
    try:
        assert loop.run_until_complete(main()) == 1
    finally:
        loop.close()


def test_ensure_future_gives_a_future_back(run, api, new_loop):
    other = new_loop()

    async def main():
        future = asyncio.get_running_loop().create_future()
        assert api.ensure_future(future) is future
        assert api.ensure_future(future, loop=asyncio.get_running_loop()) is future
        with pytest.raises(ValueError, match="The future belongs to a different loop than the"):
            api.ensure_future(future, loop=other)
        gathered = api.gather(future)
        assert api.ensure_future(gathered) is gathered
        future.set_result(1)
        await gathered

    run(main())


def test_ensure_future_makes_a_task_of_a_coroutine_or_any_awaitable(run, api):
    class Awaitable:
        def __await__(self):
            yield from asyncio.sleep(0).__await__()
            return "awaited"

    async def main():
        tasks = [api.ensure_future(value_of(1)), api.ensure_future(Awaitable())]
        assert all(isinstance(task, asyncio.Task) for task in tasks)
        assert tasks[1].get_coro().__name__ == "_wrap_awaitable"
        return [await task for task in tasks]

    assert run(main()) == [1, "awaited"]


@pytest.mark.parametrize("thing", [5, None, "text", [], value_of])
def test_ensure_future_refuses_the_rest(run, api, thing):
    async def main():
        with pytest.raises(
            TypeError, match="An asyncio.Future, a coroutine or an awaitable is required"
        ):
            api.ensure_future(thing)

    run(main())


def test_ensure_future_closes_the_coroutine_when_the_loop_is_closed(api, new_loop):
    loop = new_loop()
    loop.close()
    coroutine = value_of(1)
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        api.ensure_future(coroutine, loop=loop)
    with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
        coroutine.send(None)


def test_current_task(run, loop, api):
    async def main():
        task = asyncio.ensure_future(nested())
        here = api.current_task()
        assert here is api.current_task(loop) is asyncio.current_task()
        seen = []
        loop.call_soon(lambda: seen.append(api.current_task()))
        assert await task is task
        assert seen == [None]
        assert api.current_task() is here

    async def nested():
        await asyncio.sleep(0)
        return api.current_task()

    run(main())
    assert api.current_task(loop) is None
    with pytest.raises(RuntimeError, match="no running event loop"):
        api.current_task()


def test_isfuture(run, api):
    class LooksLikeOne:
        _asyncio_future_blocking = False

    class DoesNot:
        _asyncio_future_blocking = None

    class Anything:
        def __getattr__(self, name):
            return self

    async def main():
        future = asyncio.get_running_loop().create_future()
        task = asyncio.ensure_future(value_of(1))
        coroutine = value_of(1)
        coroutine.close()
        everything = (
            future,
            task,
            asyncio.futures._PyFuture(loop=future.get_loop()),
            LooksLikeOne(),
            DoesNot(),
            Anything(),
            LooksLikeOne,
            coroutine,
            5,
        )
        await task
        return [api.isfuture(thing) for thing in everything]

    assert run(main()) == [True, True, True, True, False, False, False, False, False]
