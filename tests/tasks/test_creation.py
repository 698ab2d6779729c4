"""What makes a task, and what does it begin with?"""

import asyncio
import contextvars
import sys

import pytest

VARIABLE = contextvars.ContextVar("VARIABLE", default="default")


async def nothing():
    return "result"


def test_a_loop_makes_tasks_of_its_side(loop, Task):
    task = loop.create_task(nothing())
    assert type(task) is Task
    assert task.get_loop() is loop
    assert not task.done()
    assert loop.run_until_complete(task) == "result"


def test_a_task_is_made_for_a_loop(loop, Task):
    task = Task(nothing(), loop=loop)
    assert task.get_loop() is loop
    assert loop.run_until_complete(task) == "result"


def test_a_task_takes_the_running_loop(loop, run, Task):
    async def main():
        task = Task(nothing())
        assert task.get_loop() is loop
        return await task

    assert run(main()) == "result"


def test_create_task_of_the_module(run, api, Task):
    async def main():
        task = api.create_task(nothing(), name="the name")
        assert type(task) is Task
        assert task.get_name() == "the name"
        return await task

    assert run(main()) == "result"


def test_create_task_of_the_standard_library_makes_tasks_of_this_loop(run, Task):
    async def main():
        task = asyncio.create_task(nothing(), name="the name")
        assert type(task) is Task
        return await task

    assert run(main()) == "result"


def test_a_task_is_an_asyncio_task(loop, Future):
    task = loop.create_task(nothing())
    assert isinstance(task, asyncio.Task)
    assert isinstance(task, asyncio.Future)
    assert isinstance(task, Future)
    assert asyncio.isfuture(task)
    loop.run_until_complete(task)


def test_creating_runs_nothing_yet(loop, turn):
    log = []

    async def main():
        log.append("started")

    task = loop.create_task(main())
    assert log == []
    turn()
    assert log == ["started"]
    assert task.done()


def test_tasks_start_in_the_order_they_were_created(loop, turn):
    log = []

    async def main(number):
        log.append(number)

    tasks = [loop.create_task(main(number)) for number in range(50)]
    turn()
    assert log == list(range(50))
    assert all(task.done() for task in tasks)


@pytest.mark.parametrize("thing", [42, None, "text", print, nothing, object()], ids=repr)
def test_only_coroutines_become_tasks(loop, Task, thing):
    for create in (loop.create_task, lambda thing: Task(thing, loop=loop)):
        with pytest.raises(TypeError) as raised:
            create(thing)
        assert str(raised.value) == f"a coroutine was expected, got {thing!r}"


def test_a_future_does_not_become_a_task(loop):
    future = loop.create_future()
    with pytest.raises(TypeError) as raised:
        loop.create_task(future)
    assert str(raised.value) == "a coroutine was expected, got <Future pending>"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="3.11 took generators for coroutines")
def test_a_generator_does_not_become_a_task(loop):
    generator = (number for number in range(3))
    with pytest.raises(TypeError) as raised:
        loop.create_task(generator)
    assert str(raised.value) == f"a coroutine was expected, got {generator!r}"


def test_a_coroutine_is_required(loop, Task):
    with pytest.raises(TypeError):
        loop.create_task()
    with pytest.raises(TypeError):
        Task(loop=loop)


def test_unknown_options_are_refused(loop, Task):
    coroutine = nothing()
    with pytest.raises(TypeError):
        loop.create_task(coroutine, colour="red")
    with pytest.raises(TypeError):
        Task(coroutine, loop=loop, colour="red")
    with pytest.raises(TypeError):
        Task(coroutine, loop)
    coroutine.close()


def test_a_name_is_given(loop, turn):
    task = loop.create_task(nothing(), name="the name")
    assert task.get_name() == "the name"
    turn()
    assert task.get_name() == "the name"


def test_a_name_can_be_changed(loop, turn):
    task = loop.create_task(nothing(), name="before")
    assert task.set_name("after") is None
    assert task.get_name() == "after"
    turn()
    task.set_name("when done")
    assert task.get_name() == "when done"


@pytest.mark.parametrize("name", [42, ("a", "tuple"), 1.5])
def test_any_object_names_a_task_by_its_text(loop, turn, name):
    task = loop.create_task(nothing(), name=name)
    assert task.get_name() == str(name)
    task.set_name(None)
    assert task.get_name() == "None"
    turn()


def test_tasks_without_a_name_are_numbered(loop, turn):
    tasks = [loop.create_task(nothing()) for _ in range(3)]
    names = [task.get_name() for task in tasks]
    words, numbers = zip(*(name.split("-") for name in names), strict=True)
    assert set(words) == {"Task"}
    first = int(numbers[0])
    assert [int(number) for number in numbers] == [first, first + 1, first + 2]
    turn()


def test_a_named_task_takes_no_number(loop, turn):
    before = loop.create_task(nothing())
    loop.create_task(nothing(), name="named")
    after = loop.create_task(nothing())
    number = int(before.get_name().removeprefix("Task-"))
    assert after.get_name() == f"Task-{number + 1}"
    turn()


def test_the_name_may_be_asked_for_late(loop, turn):
    first = loop.create_task(nothing())
    second = loop.create_task(nothing())
    late = second.get_name()
    early = first.get_name()
    assert int(early.removeprefix("Task-")) < int(late.removeprefix("Task-"))
    assert first.get_name() == early
    turn()


def test_a_task_runs_in_a_copy_of_the_context_of_its_creation(loop):
    async def main():
        seen.append(VARIABLE.get())
        VARIABLE.set("inside")
        await asyncio.sleep(0)
        seen.append(VARIABLE.get())

    seen = []

    def create():
        VARIABLE.set("when created")
        task = loop.create_task(main())
        VARIABLE.set("afterwards")
        loop.run_until_complete(task)
        return VARIABLE.get()

    assert contextvars.Context().run(create) == "afterwards"
    assert seen == ["when created", "inside"]


def test_an_explicit_context_is_used_and_not_copied(loop):
    async def main():
        VARIABLE.set("inside")
        await asyncio.sleep(0)

    context = contextvars.Context()
    loop.run_until_complete(loop.create_task(main(), context=context))
    assert context[VARIABLE] == "inside"
    assert VARIABLE.get() == "default"


def test_tasks_may_share_a_context(loop):
    async def write():
        VARIABLE.set("from the other task")

    async def read():
        await asyncio.sleep(0)
        return VARIABLE.get()

    context = contextvars.Context()
    reader = loop.create_task(read(), context=context)
    loop.create_task(write(), context=context)
    assert loop.run_until_complete(reader) == "from the other task"


def test_tasks_made_by_tasks_inherit(loop, run):
    async def grandchild():
        return VARIABLE.get()

    async def child():
        VARIABLE.set(VARIABLE.get() + " child")
        return await loop.create_task(grandchild())

    async def main():
        VARIABLE.set("main")
        inherited = await loop.create_task(child())
        return inherited, VARIABLE.get()

    assert run(main()) == ("main child", "main")


def test_a_task_wakes_up_in_its_own_context(loop, run):
    async def waiter(future):
        VARIABLE.set("of the waiter")
        await future
        return VARIABLE.get()

    async def main():
        future = loop.create_future()
        task = loop.create_task(waiter(future))
        await asyncio.sleep(0)
        VARIABLE.set("of the waker")
        future.set_result(None)
        return await task

    assert run(main()) == "of the waiter"


def test_callbacks_of_a_task_run_in_the_context_they_were_added_in(loop, turn):
    seen = []
    task = loop.create_task(nothing())
    context = contextvars.Context()
    context.run(VARIABLE.set, "explicit")
    task.add_done_callback(lambda _: seen.append(VARIABLE.get()), context=context)
    task.add_done_callback(lambda _: seen.append(VARIABLE.get()))
    turn(2)
    assert seen == ["explicit", "default"]
