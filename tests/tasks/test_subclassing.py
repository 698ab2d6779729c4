"""Can a task be extended in Python?"""

import asyncio
import gc
import weakref

import pytest


async def give(value):
    await asyncio.sleep(0)
    return value


def test_a_subclass_with_its_own_constructor(loop, Task):
    class Job(Task):
        def __init__(self, coroutine, *, loop, priority):
            self.priority = priority
            super().__init__(coroutine, loop=loop, name=f"priority {priority}")

    job = Job(give(42), loop=loop, priority=7)
    assert job.priority == 7
    assert job.get_name() == "priority 7"
    assert loop.run_until_complete(job) == 42


def test_a_subclass_is_a_task_and_itself(kind, api, loop, Task):
    class Job(Task):
        pass

    job, plain = Job(give(42), loop=loop), loop.create_task(give(42))
    loop.run_until_complete(job)
    loop.run_until_complete(plain)
    assert type(job) is job.__class__ is Job
    assert isinstance(job, Task)
    assert isinstance(job, api.Future)
    assert asyncio.isfuture(job)
    # A deliberate difference: the `__class__` of aioxide's own tasks is asyncio.Task,
    # that of a subclass written in Python is the subclass.
    for base in (asyncio.Future, asyncio.Task):
        assert isinstance(plain, base)
        assert isinstance(job, base) is (kind == "asyncio")


def test_the_standard_functions_take_a_subclass(loop, run, Task):
    class Job(Task):
        pass

    def started(value):
        return Job(give(value), loop=loop)

    async def main():
        job = started(1)
        assert asyncio.ensure_future(job) is job
        assert await asyncio.gather(job, started(2)) == [1, 2]
        assert await asyncio.wait_for(started(3), 10) == 3
        assert await asyncio.shield(started(4)) == 4
        waited = started(5)
        assert await asyncio.wait([waited]) == ({waited}, set())

    run(main())


def test_a_subclass_is_known_to_all(loop, Task):
    class Job(Task):
        pass

    async def main():
        return asyncio.current_task()

    job = Job(main(), loop=loop)
    assert asyncio.all_tasks(loop) == {job}
    assert loop.run_until_complete(job) is job


def test_an_overridden_cancel_is_asked_by_the_awaiter(loop, turn, Task):
    log = []

    class Job(Task):
        def cancel(self, msg=None):
            log.append(msg)
            return super().cancel(msg=msg)

    async def forever():
        await loop.create_future()

    async def main(job):
        await job

    job = Job(forever(), loop=loop)
    task = loop.create_task(main(job))
    turn(2)
    task.cancel("because")
    assert log == ["because"]
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    assert job.cancelled()


def test_an_overridden_uncancel_and_cancelling(loop, Task):
    class Job(Task):
        def cancelling(self):
            return 100 + super().cancelling()

        def uncancel(self):
            return 100 + super().uncancel()

    job = Job(give(42), loop=loop)
    assert job.cancelling() == 100
    assert job.uncancel() == 100
    assert loop.run_until_complete(job) == 42


def test_an_overridden_get_name(loop, turn, Task):
    class Job(Task):
        def get_name(self):
            return "overridden"

    job = Job(give(42), loop=loop)
    assert job.get_name() == "overridden"
    turn(2)
    assert job.result() == 42


def test_a_constructor_that_does_not_call_the_base(Task):
    class Forgetful(Task):
        def __init__(self):
            pass

    task = Forgetful()
    assert not task.done()
    with pytest.raises((RuntimeError, asyncio.InvalidStateError)) as raised:
        task.result()
    assert str(raised.value) == "Future object is not initialized."


def test_tasks_and_their_subclasses_can_be_referenced_weakly(loop, Task):
    class Job(Task):
        pass

    for task in (loop.create_task(give(1)), Job(give(1), loop=loop)):
        reference = weakref.ref(task)
        loop.run_until_complete(task)
        assert reference() is task
    del task
    gc.collect()
    assert reference() is None


def test_any_attribute_can_be_set_on_a_task(loop):
    task = loop.create_task(give(42))
    task.note = "text"
    assert task.note == "text"
    loop.run_until_complete(task)
    assert task.note == "text"


def test_tasks_hash_and_compare_by_identity(loop, turn):
    one, other = loop.create_task(give(1)), loop.create_task(give(1))
    assert one == one and one != other
    assert len({one, other, one}) == 2
    turn(2)
    assert one != other


def test_a_task_calls_its_own_methods_that_python_overrides(loop, turn, Task):
    log = []

    class Job(Task):
        def add_done_callback(self, callback, *, context=None):
            log.append("add_done_callback")
            super().add_done_callback(callback, context=context)

    async def main(job):
        return await job

    job = Job(give(42), loop=loop)
    assert loop.run_until_complete(loop.create_task(main(job))) == 42
    assert log == ["add_done_callback"]
