"""Who makes the tasks of a loop?"""

import asyncio
import contextvars
import sys
from _asyncio import Task as StandardTask

import pytest


async def nothing():
    return "result"


def test_there_is_no_factory_at_first(loop, Task):
    assert loop.get_task_factory() is None
    task = loop.create_task(nothing())
    assert type(task) is Task
    loop.run_until_complete(task)


def test_the_factory_is_given_loop_and_coroutine(loop, Task):
    seen = []

    def factory(loop, coroutine, **options):
        seen.append((loop, coroutine))
        return Task(coroutine, loop=loop, **options)

    loop.set_task_factory(factory)
    assert loop.get_task_factory() is factory
    coroutine = nothing()
    task = loop.create_task(coroutine)
    assert seen == [(loop, coroutine)]
    assert loop.run_until_complete(task) == "result"


def test_what_the_factory_makes_is_handed_back_as_it_is(loop, Task):
    made = []

    class Own(Task):
        pass

    def factory(loop, coroutine, **options):
        made.append(Own(coroutine, loop=loop, **options))
        return made[-1]

    loop.set_task_factory(factory)
    task = loop.create_task(nothing())
    assert made == [task]
    assert type(task) is Own
    loop.run_until_complete(task)


def test_run_until_complete_and_create_task_use_the_factory(loop, Task):
    names = []

    def factory(loop, coroutine, **options):
        names.append(coroutine.__name__)
        return Task(coroutine, loop=loop, **options)

    async def main():
        await asyncio.create_task(nothing())
        await asyncio.ensure_future(nothing())
        await asyncio.gather(nothing())

    loop.set_task_factory(factory)
    loop.run_until_complete(main())
    assert names == ["main", "nothing", "nothing", "nothing"]


def test_the_factory_is_given_the_context(loop, Task):
    seen = []

    def factory(loop, coroutine, **options):
        seen.append(options.get("context"))
        return Task(coroutine, loop=loop, **options)

    loop.set_task_factory(factory)
    context = contextvars.Context()
    loop.run_until_complete(loop.create_task(nothing(), context=context))
    loop.run_until_complete(loop.create_task(nothing()))
    assert seen == [context, None]


def test_the_name_reaches_the_task_of_the_factory(loop, Task):
    loop.set_task_factory(lambda loop, coroutine, **options: Task(coroutine, loop=loop, **options))
    task = loop.create_task(nothing(), name="the name")
    assert task.get_name() == "the name"
    loop.run_until_complete(task)


@pytest.mark.skipif(sys.version_info < (3, 14), reason="what is passed on came with 3.14")
def test_the_factory_is_given_every_keyword_as_it_is(loop, Task):
    seen = []

    def factory(loop, coroutine, **options):
        seen.append(options)
        return Task(coroutine, loop=loop)

    loop.set_task_factory(factory)
    context = contextvars.copy_context()
    for options in (
        {},
        {"name": None, "context": None},
        {"name": "the name", "eager_start": False},
        {"eager_start": None, "context": context, "priority": 3},
    ):
        task = loop.create_task(nothing(), **options)
        assert seen.pop() == options
        # What the factory has made is not touched.
        assert task.get_name() != "the name"
        loop.run_until_complete(task)


def test_without_a_factory_other_keywords_are_refused(loop):
    coroutine = nothing()
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'priority'"):
        loop.create_task(coroutine, priority=3)
    coroutine.close()


def test_the_arguments_of_create_task(loop, Task):
    coroutine = nothing()
    for call in (
        lambda: loop.create_task(),
        lambda: loop.create_task(name="the name"),
        lambda: loop.create_task(coroutine, "the name"),
        lambda: loop.create_task(coroutine, coro=coroutine),
    ):
        with pytest.raises(TypeError):
            call()
    task = loop.create_task(coro=coroutine, name=42)
    assert type(task) is Task
    assert task.get_name() == "42"
    assert loop.run_until_complete(task) == "result"


def test_a_factory_can_be_removed(loop, Task):
    def factory(loop, coroutine, **options):
        raise AssertionError("removed, but called")

    loop.set_task_factory(factory)
    loop.set_task_factory(None)
    assert loop.get_task_factory() is None
    assert loop.run_until_complete(loop.create_task(nothing())) == "result"


@pytest.mark.parametrize("factory", [42, "factory", object(), ()])
def test_a_factory_must_be_callable(loop, factory):
    with pytest.raises(TypeError) as raised:
        loop.set_task_factory(factory)
    assert str(raised.value) == "task factory must be a callable or None"
    assert loop.get_task_factory() is None


def test_what_the_factory_raises_leaves_create_task(loop):
    def factory(loop, coroutine, **options):
        raise LookupError("from the factory")

    loop.set_task_factory(factory)
    coroutine = nothing()
    with pytest.raises(LookupError) as raised:
        loop.create_task(coroutine)
    assert str(raised.value) == "from the factory"
    coroutine.close()
    loop.set_task_factory(None)


def test_a_factory_may_make_tasks_of_the_standard_library(loop):
    loop.set_task_factory(
        lambda loop, coroutine, **options: StandardTask(coroutine, loop=loop, **options)
    )
    task = loop.create_task(nothing(), name="the name")
    assert type(task) is StandardTask
    assert loop.run_until_complete(task) == "result"
