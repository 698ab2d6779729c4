"""Does a subclass of the loop see what it overrides?"""

import asyncio

import aioxide
import pytest
from aioxide import _aioxide


@pytest.fixture
def base(loop_factory):
    loop = loop_factory()
    loop.close()
    return type(loop)


def test_every_callback_goes_through_call_soon(base):
    seen = []

    class Watching(base):
        def call_soon(self, callback, *args, context=None):
            seen.append(callback)
            return super().call_soon(callback, *args, context=context)

    async def main():
        future = loop.create_future()
        loop.call_soon(future.set_result, "there")
        return await future

    loop = Watching()
    try:
        assert loop.run_until_complete(main()) == "there"
    finally:
        loop.close()
    # The task's first step, the result, the task's second step.
    assert len(seen) >= 3


def test_every_task_goes_through_create_task(base, api):
    seen = []

    class Watching(base):
        def create_task(self, coroutine, **options):
            seen.append(coroutine.__qualname__)
            return super().create_task(coroutine, **options)

    async def child():
        return "done"

    async def main():
        return await api.create_task(child())

    loop = Watching()
    try:
        assert loop.run_until_complete(main()) == "done"
    finally:
        loop.close()
    assert [name.rsplit(".", 1)[-1] for name in seen] == ["main", "child"]


def test_a_time_that_is_overridden_is_what_programs_see(base):
    class Standing(base):
        def time(self):
            return 7.0

    loop = Standing()
    try:
        assert loop.time() == 7.0
        assert base.time(loop) != 7.0
    finally:
        loop.close()


def test_the_methods_that_are_called_most_are_the_class_s_own():
    for name in ("call_soon", "call_later", "call_at", "create_future", "create_task", "time"):
        assert vars(aioxide.Loop)[name].__objclass__ is aioxide.Loop


def test_only_a_loop_gets_them():
    with pytest.raises(TypeError, match="Event"):
        _aioxide._own_hot_methods(asyncio.Event)
    with pytest.raises(TypeError):
        aioxide.Loop.call_soon(object(), print)
