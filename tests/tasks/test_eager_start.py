"""What happens when a task runs its first step while it is created?"""

import asyncio
import contextvars
import gc
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are new in 3.12")


async def give(value):
    return value


async def fail(exception):
    raise exception


@pytest.fixture(params=["own", "standard"])
def eager_loop(request, loop, api):
    """A loop whose factory starts tasks at once: that of each module in turn."""
    module = api if request.param == "own" else asyncio
    loop.set_task_factory(module.eager_task_factory)
    return loop


def running(loop, function):
    """Calls the function in a task of the loop, which thereby runs."""

    async def main():
        return function()

    return loop.run_until_complete(main())


def test_the_factory_of_the_module_makes_tasks_of_its_side(loop, api, Task):
    loop.set_task_factory(api.eager_task_factory)

    async def main():
        return loop.create_task(give(42))

    assert type(loop.run_until_complete(main())) is Task


def test_a_coroutine_that_does_not_wait_is_done_at_once(eager_loop):
    def create():
        task = eager_loop.create_task(give(42), name="the name")
        assert task.done()
        assert task.get_name() == "the name"
        return task

    assert running(eager_loop, create).result() == 42


def test_a_failure_is_there_at_once(eager_loop):
    def create():
        task = eager_loop.create_task(fail(ValueError("text")))
        assert task.done()
        return task.exception()

    assert repr(running(eager_loop, create)) == "ValueError('text')"


def test_a_cancellation_from_inside_is_there_at_once(eager_loop):
    def create():
        task = eager_loop.create_task(fail(asyncio.CancelledError("because")))
        return task.cancelled()

    assert running(eager_loop, create)


def test_a_coroutine_that_waits_goes_on_later(eager_loop):
    log = []

    async def child(future):
        log.append("started")
        log.append(await future)
        return "result"

    async def main():
        future = eager_loop.create_future()
        task = eager_loop.create_task(child(future))
        assert log == ["started"]
        assert not task.done()
        assert task._fut_waiter is future
        eager_loop.call_soon(future.set_result, "woken")
        return await task

    assert eager_loop.run_until_complete(main()) == "result"
    assert log == ["started", "woken"]


def test_the_current_task_is_the_child_and_then_the_parent_again(eager_loop):
    seen = []

    async def child():
        seen.append(asyncio.current_task())
        await asyncio.sleep(0)
        seen.append(asyncio.current_task())

    async def main():
        parent = asyncio.current_task()
        task = eager_loop.create_task(child())
        assert asyncio.current_task() is parent
        assert seen == [task]
        await task
        assert asyncio.current_task() is parent
        assert seen == [task, task]

    eager_loop.run_until_complete(main())


def test_nested_eager_tasks(eager_loop):
    async def nested(depth):
        own = asyncio.current_task()
        if depth:
            task = eager_loop.create_task(nested(depth - 1))
            assert task.done()
            assert asyncio.current_task() is own
            return 1 + task.result()
        return 0

    assert eager_loop.run_until_complete(nested(20)) == 20


def test_all_tasks_during_and_after_the_first_step(eager_loop):
    async def child(future):
        assert asyncio.current_task() in asyncio.all_tasks()
        await future

    async def main():
        future = eager_loop.create_future()
        quick = eager_loop.create_task(give(1))
        waiting = eager_loop.create_task(child(future))
        assert asyncio.all_tasks() == {asyncio.current_task(), waiting}
        assert quick.done()
        future.set_result(None)
        await waiting
        assert asyncio.all_tasks() == {asyncio.current_task()}

    eager_loop.run_until_complete(main())


def test_the_first_step_runs_in_its_own_context(eager_loop):
    variable = contextvars.ContextVar("variable", default="default")

    async def child():
        variable.set(variable.get() + " child")
        return variable.get()

    async def main():
        variable.set("parent")
        task = eager_loop.create_task(child())
        return task.result(), variable.get()

    assert eager_loop.run_until_complete(main()) == ("parent child", "parent")


def test_an_explicit_context_is_used(eager_loop):
    variable = contextvars.ContextVar("variable", default="default")

    async def child():
        variable.set("set by the child")

    context = contextvars.Context()
    running(eager_loop, lambda: eager_loop.create_task(child(), context=context))
    assert context[variable] == "set by the child"


def test_a_loop_that_does_not_run_starts_nothing(eager_loop):
    log = []

    async def child():
        log.append("started")

    task = eager_loop.create_task(child())
    assert log == []
    eager_loop.run_until_complete(task)
    assert log == ["started"]


def test_callbacks_of_a_task_that_is_done_already_are_called(eager_loop):
    seen = []

    async def main():
        task = eager_loop.create_task(give(42))
        task.add_done_callback(seen.append)
        assert seen == []
        await asyncio.sleep(0)
        assert seen == [task]

    eager_loop.run_until_complete(main())


def test_awaiting_eager_tasks_does_not_leave_the_turn(eager_loop):
    log = []

    async def main():
        eager_loop.call_soon(log.append, "next iteration")
        assert await eager_loop.create_task(give(1)) == 1
        assert await asyncio.gather(give(2), give(3)) == [2, 3]
        assert log == []

    eager_loop.run_until_complete(main())


def test_a_waiting_eager_task_can_be_cancelled(eager_loop):
    async def child():
        await eager_loop.create_future()

    async def main():
        task = eager_loop.create_task(child())
        task.cancel("because")
        with pytest.raises(asyncio.CancelledError) as raised:
            await task
        return raised.value.args

    assert eager_loop.run_until_complete(main()) == ("because",)


@pytest.mark.parametrize("fatal", [SystemExit, KeyboardInterrupt])
def test_a_fatal_exception_leaves_the_creation(eager_loop, logged, fatal):
    async def main():
        own = asyncio.current_task()
        with pytest.raises(fatal):
            eager_loop.create_task(fail(fatal("text")))
        assert asyncio.current_task() is own

    eager_loop.run_until_complete(main())
    gc.collect()
    # Nobody was handed the task that could have retrieved its exception.
    assert logged.take_one().exc_info[0] is fatal


def test_a_task_group_of_eager_tasks(eager_loop):
    async def main():
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(give(number)) for number in range(3)]
        return [task.result() for task in tasks]

    assert eager_loop.run_until_complete(main()) == [0, 1, 2]


def test_a_factory_of_a_subclass(loop, api, Task):
    class Job(Task):
        pass

    loop.set_task_factory(api.create_eager_task_factory(Job))

    async def main():
        task = loop.create_task(give(42))
        assert type(task) is Job
        return task.result()

    assert loop.run_until_complete(main()) == 42


def test_the_option_of_the_class(loop, run, Task):
    async def main():
        eager = Task(give(1), loop=loop, eager_start=True)
        lazy = Task(give(2), loop=loop, eager_start=False)
        assert eager.done() and not lazy.done()
        return eager.result(), await lazy

    assert run(main()) == (1, 2)


def test_the_option_without_a_running_loop(loop, Task):
    task = Task(give(1), loop=loop, eager_start=True)
    assert not task.done()
    assert loop.run_until_complete(task) == 1


def test_a_finished_eager_task_has_let_go_of_its_coroutine(kind, loop, run, Task):
    if kind == "asyncio" and sys.version_info < (3, 13):
        pytest.skip("CPython 3.12.1 crashes when such a task is asked for its coroutine")

    async def main():
        return Task(give(1), loop=loop, eager_start=True)

    task = run(main())
    assert task.get_coro() is None
    assert repr(task).startswith("<Task finished name='Task-")
    assert task.get_stack() == []
