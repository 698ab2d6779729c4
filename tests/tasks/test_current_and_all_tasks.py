"""Do current_task, all_tasks and get_running_loop tell the truth at every moment?"""

import asyncio
import gc
import re
import sys
from _asyncio import Task as StandardTask
from asyncio import current_task, get_running_loop

import pytest


@pytest.fixture(params=["asyncio's", "own"])
def all_tasks(api, request):
    """The function, asyncio's or of the side under test."""
    return (asyncio if request.param == "asyncio's" else api).all_tasks


async def forever():
    await get_running_loop().create_future()


def test_outside_there_is_no_running_loop(loop, api, all_tasks):
    for ask in (get_running_loop, api.get_running_loop, current_task, all_tasks):
        with pytest.raises(RuntimeError) as raised:
            ask()
        assert str(raised.value) == "no running event loop"
    assert asyncio._get_running_loop() is None


def test_outside_a_loop_has_no_current_task(loop, all_tasks):
    assert current_task(loop) is None
    assert all_tasks(loop) == set()


def test_inside_a_task(loop, run, api, all_tasks):
    async def main():
        assert get_running_loop() is loop
        assert api.get_running_loop() is loop
        assert asyncio._get_running_loop() is loop
        assert asyncio.get_event_loop() is loop
        assert current_task() is current_task(loop) is api.current_task()
        assert all_tasks() == all_tasks(loop) == api.all_tasks() == {current_task()}
        return current_task()

    task = run(main())
    assert task.done()
    assert current_task(loop) is None


def test_inside_a_plain_callback(loop, turn, all_tasks):
    seen = []

    def callback():
        seen.append((get_running_loop(), current_task(), all_tasks()))

    loop.call_soon(callback)
    turn()
    assert seen == [(loop, None, set())]


def test_inside_a_done_callback_of_a_task(loop, turn, all_tasks):
    async def nothing():
        pass

    seen = []
    task = loop.create_task(nothing())
    task.add_done_callback(lambda task: seen.append((current_task(), all_tasks())))
    turn(2)
    assert seen == [(None, set())]


def test_the_current_task_changes_with_every_step(loop, run):
    async def child(number):
        for _ in range(5):
            assert current_task().get_name() == str(number)
            await asyncio.sleep(0)
        return current_task()

    async def main():
        main_task = current_task()
        tasks = [loop.create_task(child(number), name=str(number)) for number in range(5)]
        for task in tasks:
            assert await task is task
            assert current_task() is main_task

    run(main())


def test_the_current_task_inside_nested_coroutines_and_generators(run):
    async def generate():
        yield current_task()
        await asyncio.sleep(0)
        yield current_task()

    async def main():
        seen = {current_task()}
        async for task in generate():
            seen.add(task)
        return seen == {current_task()}

    assert run(main())


def test_a_task_belongs_to_all_from_its_creation_to_its_end(loop, turn, all_tasks):
    async def wait_for(future):
        await future

    future = loop.create_future()
    task = loop.create_task(wait_for(future))
    assert all_tasks(loop) == {task}
    turn()
    assert all_tasks(loop) == {task}
    future.set_result(None)
    assert all_tasks(loop) == {task}
    turn()
    assert task.done()
    assert all_tasks(loop) == set()


def test_a_failed_and_a_cancelled_task_no_longer_belong(loop, turn, all_tasks):
    async def fail():
        raise ValueError

    failed, cancelled = loop.create_task(fail()), loop.create_task(forever())
    cancelled.cancel()
    assert all_tasks(loop) == {failed, cancelled}
    turn()
    assert all_tasks(loop) == set()
    failed.exception()


def test_all_tasks_is_a_copy(loop, turn, all_tasks):
    task = loop.create_task(forever())
    tasks = all_tasks(loop)
    assert type(tasks) is set
    tasks.clear()
    assert all_tasks(loop) == {task}
    task.cancel()
    turn()


def test_loops_keep_their_tasks_apart(loop, new_loop, all_tasks):
    other = new_loop()
    one, another = loop.create_task(forever()), other.create_task(forever())
    assert all_tasks(loop) == {one}
    assert all_tasks(other) == {another}
    for task in (one, another):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            task.get_loop().run_until_complete(task)


def test_a_dropped_task_no_longer_belongs(loop, turn, all_tasks):
    async def wait():
        await loop.create_future()

    task = loop.create_task(wait())
    turn()
    task._log_destroy_pending = False
    del task
    gc.collect()
    assert all_tasks(loop) == set()


def test_ten_thousand_tasks(loop, turn, all_tasks):
    tasks = {loop.create_task(forever()) for _ in range(10_000)}
    assert all_tasks(loop) == tasks
    turn()
    assert all_tasks(loop) == tasks
    for task in tasks:
        task.cancel()
    turn(2)
    assert all_tasks(loop) == set()


def test_tasks_of_the_standard_library_are_seen_by_both(loop, run, api, all_tasks):
    async def child():
        assert current_task() is api.current_task()
        return current_task()

    async def main():
        own = current_task()
        theirs = StandardTask(child(), loop=loop)
        assert all_tasks() == api.all_tasks() == {own, theirs}
        assert await theirs is theirs
        assert current_task() is api.current_task() is own
        assert all_tasks() == api.all_tasks() == {own}

    run(main())


def test_a_task_of_the_standard_library_sees_tasks_of_this_side(loop, api, all_tasks):
    async def child():
        return current_task() is api.current_task() and current_task()

    async def main():
        mine = loop.create_task(child())
        assert all_tasks() == api.all_tasks() == {current_task(), mine}
        assert await mine is mine
        return current_task()

    task = StandardTask(main(), loop=loop)
    assert loop.run_until_complete(task) is task


def test_the_hooks_for_other_implementations_of_tasks(loop, api, all_tasks):
    class OtherTask:
        def done(self):
            return False

        def get_loop(self):
            return loop

    other = OtherTask()
    asyncio.tasks._register_task(other)
    assert all_tasks(loop) == api.all_tasks(loop) == {other}
    # Since 3.14 only tasks of the running loop can be entered.
    asyncio._set_running_loop(loop)
    try:
        asyncio.tasks._enter_task(loop, other)
        assert current_task(loop) is other
        assert api.current_task(loop) is other
        asyncio.tasks._leave_task(loop, other)
        assert current_task(loop) is None
    finally:
        asyncio._set_running_loop(None)
    asyncio.tasks._unregister_task(other)
    assert all_tasks(loop) == api.all_tasks(loop) == set()


def test_entering_a_task_while_another_runs_is_refused(loop, run):
    async def nothing():
        pass

    async def main():
        current_task().set_name("main")
        other = loop.create_task(nothing(), name="other")
        with pytest.raises(RuntimeError) as raised:
            asyncio.tasks._enter_task(loop, other)
        assert re.fullmatch(
            r"Cannot enter into task <Task pending name='other' .*> while another task "
            r"<Task pending name='main' .*> is being executed\.",
            str(raised.value),
        )
        with pytest.raises(RuntimeError) as raised:
            asyncio.tasks._leave_task(loop, other)
        if sys.version_info >= (3, 14):
            text = r"Invalid attempt to leave task {} while task {} is entered\."
        else:
            text = r"Leaving task {} does not match the current task {}\."
        other_shown, main_shown = (f"<Task pending name={name!r} .*>" for name in ("other", "main"))
        assert re.fullmatch(text.format(other_shown, main_shown), str(raised.value))
        assert current_task() is not other
        await other

    run(main())


def test_a_loop_that_is_stopped_inside_a_step_has_no_current_task(loop):
    async def main():
        raise SystemExit

    task = loop.create_task(main())
    with pytest.raises(SystemExit):
        loop.run_forever()
    assert current_task(loop) is None
    assert type(task.exception()) is SystemExit


def test_the_running_loop_can_be_set_by_hand(loop):
    asyncio._set_running_loop(loop)
    try:
        assert get_running_loop() is loop
    finally:
        asyncio._set_running_loop(None)
    with pytest.raises(RuntimeError):
        get_running_loop()


IMPORT_ORDER = """
    import sys
    order, kind = sys.argv[1:]
    if order == "before":
        from asyncio import current_task, all_tasks, get_running_loop, sleep, create_task
    module = __import__(kind)
    if order == "after":
        from asyncio import current_task, all_tasks, get_running_loop, sleep, create_task

    async def child():
        await sleep(0)
        return current_task()

    async def main():
        task = create_task(child())
        assert type(task) is module.Task, type(task)
        assert all_tasks() == module.all_tasks() == {current_task(), task}
        assert get_running_loop() is module.get_running_loop() is loop
        assert current_task() is module.current_task()
        assert await task is task
        assert all_tasks() == {current_task()}

    loop = module.new_event_loop()
    loop.run_until_complete(main())
    loop.close()
    print("done")
"""


@pytest.mark.parametrize("order", ["before", "after"])
def test_the_order_of_imports_does_not_matter(kind, run_script, order):
    result = run_script(IMPORT_ORDER, order, kind)
    assert (result.stdout, result.stderr) == ("done\n", "")
