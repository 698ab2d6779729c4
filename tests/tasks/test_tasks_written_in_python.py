"""Do groups and timeouts know a task of the class that asyncio has in Python?"""

import asyncio
import sys

import pytest

PyTask = asyncio.tasks._PyTask


@pytest.fixture
def make_python_tasks(loop, monkeypatch):
    """Tasks of the loop are of the class written in Python, and asyncio is told so."""
    if sys.version_info >= (3, 14):
        # These tasks enter themselves in a table that only this function reads.
        monkeypatch.setattr(asyncio.tasks, "current_task", asyncio.tasks._py_current_task)
    loop.set_task_factory(lambda loop, coro, **options: PyTask(coro, loop=loop, **options))


def test_a_task_group_finds_its_parent(loop, api, make_python_tasks):
    async def child():
        await asyncio.sleep(0)
        return 7

    async def main():
        async with api.TaskGroup() as group:
            task = group.create_task(child())
        return type(task), task.result()

    assert loop.run_until_complete(main()) == (PyTask, 7)


def test_a_failing_child_cancels_its_parent(loop, api, make_python_tasks):
    async def fail():
        await asyncio.sleep(0)
        raise ValueError("of the child")

    async def main():
        async with api.TaskGroup() as group:
            group.create_task(fail())
            await loop.create_future()

    with pytest.raises(ExceptionGroup) as caught:
        loop.run_until_complete(main())
    assert [str(error) for error in caught.value.exceptions] == ["of the child"]


def test_a_timeout_cancels_the_task(loop, api, make_python_tasks):
    async def main():
        async with api.timeout(0):
            await loop.create_future()

    with pytest.raises(TimeoutError):
        loop.run_until_complete(main())


def test_a_group_outside_of_any_task_says_so(loop, api, make_python_tasks):
    group = api.TaskGroup()
    failures = []

    def enter():
        try:
            group.__aenter__().send(None)
        except RuntimeError as error:
            failures.append(str(error))
        loop.stop()

    loop.call_soon(enter)
    loop.run_forever()
    assert failures == ["TaskGroup <TaskGroup> cannot determine the parent task"]
