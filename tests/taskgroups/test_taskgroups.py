"""How do tasks of a group end together, and what leaves the block then?"""

import asyncio
import contextlib
import contextvars
import gc
import sys
import weakref

import pytest

V = sys.version_info


async def forever():
    await asyncio.get_running_loop().create_future()


async def fail(error, turns=0):
    for _ in range(turns):
        await asyncio.sleep(0)
    raise error


async def value(result):
    await asyncio.sleep(0)
    return result


def test_the_block_ends_when_every_task_has(run, api):
    async def main():
        order = []

        async def worker(number, turns):
            for _ in range(turns):
                await asyncio.sleep(0)
            order.append(number)
            return number * 10

        async with api.TaskGroup() as group:
            tasks = [group.create_task(worker(number, 9 - number)) for number in range(5)]
            assert not any(task.done() for task in tasks)
        assert order == [4, 3, 2, 1, 0]
        return [task.result() for task in tasks]

    assert run(main()) == [0, 10, 20, 30, 40]


def test_a_group_of_nothing(run, api):
    async def main():
        async with api.TaskGroup() as group:
            pass
        assert group._tasks == set()

    run(main())


def test_tasks_may_be_added_while_the_block_ends(run, api):
    async def main():
        results = []

        async def branch(group, depth):
            results.append(depth)
            await asyncio.sleep(0)
            if depth < 4:
                group.create_task(branch(group, depth + 1))
                group.create_task(branch(group, depth + 1))

        async with api.TaskGroup() as group:
            group.create_task(branch(group, 0))
        return results

    assert sorted(run(main())) == [0] + [1] * 2 + [2] * 4 + [3] * 8 + [4] * 16


def test_the_first_failure_cancels_the_others_and_the_body(run, api):
    async def main():
        others = []
        with pytest.raises(ExceptionGroup) as caught:
            async with api.TaskGroup() as group:
                others.append(group.create_task(forever()))
                group.create_task(fail(ValueError("first")))
                others.append(group.create_task(forever()))
                await forever()
        assert all(task.cancelled() for task in others)
        assert asyncio.current_task().cancelling() == 0
        await asyncio.sleep(0)  # the body's cancellation is over
        return caught.value

    error = run(main())
    assert error.message == "unhandled errors in a TaskGroup"
    assert [str(inner) for inner in error.exceptions] == ["first"]
    assert error.__cause__ is None and error.__suppress_context__


def test_all_errors_are_raised_as_one(run, api):
    async def main():
        with pytest.raises(ExceptionGroup) as caught:
            async with api.TaskGroup() as group:

                async def late():
                    try:
                        await forever()
                    finally:
                        raise KeyError("late")

                group.create_task(late())
                group.create_task(fail(ValueError("a"), turns=1))
                group.create_task(fail(ValueError("b"), turns=1))
                await asyncio.sleep(0)
                raise TypeError("body")
        return caught.value

    kinds = sorted(type(inner).__name__ for inner in run(main()).exceptions)
    assert kinds[-2:] == ["TypeError", "ValueError"] or kinds == ["KeyError", "TypeError"]


def test_an_error_of_the_body_cancels_the_tasks(run, api):
    async def main():
        with pytest.raises(BaseExceptionGroup) as caught:
            async with api.TaskGroup() as group:
                task = group.create_task(forever())
                await asyncio.sleep(0)
                raise ValueError("body")
        assert task.cancelled()
        assert type(caught.value) is ExceptionGroup
        assert type(caught.value.__context__) is ValueError
        return [str(inner) for inner in caught.value.exceptions]

    assert run(main()) == ["body"]


def test_a_base_exception_makes_a_base_group(run, api):
    class Weird(BaseException):
        pass

    async def main():
        with pytest.raises(BaseExceptionGroup) as caught:
            async with api.TaskGroup() as group:
                group.create_task(fail(Weird()))
        return type(caught.value)

    assert run(main()) is BaseExceptionGroup


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_goes_first(run, api, loop, ending):
    async def main():
        with pytest.raises(ending):
            async with api.TaskGroup() as group:
                task = group.create_task(forever())
                await asyncio.sleep(0)
                raise ending
        assert task.cancelled()

    run(main())

    async def spoiled():
        with pytest.raises(ending):
            async with api.TaskGroup() as group:
                group.create_task(fail(ending()))
                group.create_task(fail(ValueError()))
        return "done"

    task = loop.create_task(spoiled())
    with pytest.raises(ending):
        loop.run_until_complete(task)
    assert loop.run_until_complete(task) == "done"


def test_cancelling_the_parent_cancels_the_tasks(run, api):
    async def main():
        inner = []

        async def parent(in_the_body):
            async with api.TaskGroup() as group:
                inner.append(group.create_task(forever()))
                if in_the_body:
                    await forever()

        for in_the_body in (True, False):
            task = asyncio.ensure_future(parent(in_the_body))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel("why")
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            assert caught.value.args == ("why",)
            assert inner.pop().cancelled()
            assert task.cancelling() == 1

    run(main())


def test_a_task_that_is_cancelled_alone_is_no_error(run, api):
    async def main():
        async with api.TaskGroup() as group:
            task = group.create_task(forever())
            other = group.create_task(value(3))
            await asyncio.sleep(0)
            task.cancel()
        assert task.cancelled()
        return other.result()

    assert run(main()) == 3


def test_being_cancelled_again_while_the_tasks_end(run, api):
    async def main():
        async def stubborn():
            try:
                await forever()
            finally:
                for _ in range(3):
                    await asyncio.sleep(0)

        async def parent():
            async with api.TaskGroup() as group:
                group.create_task(stubborn())

        task = asyncio.ensure_future(parent())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return task.cancelling()

    assert run(main()) == 2


def test_a_failure_and_a_cancellation_from_elsewhere(run, api):
    async def main():
        counts = []

        async def parent():
            async def cancel_and_fail():
                task.cancel()
                raise ValueError

            with pytest.raises(ExceptionGroup):
                async with api.TaskGroup() as group:
                    group.create_task(cancel_and_fail())
                    await forever()
            counts.append(asyncio.current_task().cancelling())

        task = asyncio.ensure_future(parent())
        await asyncio.gather(task, return_exceptions=True)
        return counts, task.cancelled()

    # Since 3.13 the cancellation is delivered, too.
    assert run(main()) == ([1], V >= (3, 13))


def test_nested_groups(run, api):
    async def main():
        with pytest.raises(ExceptionGroup) as caught:
            async with api.TaskGroup() as outer:
                outer.create_task(forever())
                async with api.TaskGroup() as inner:
                    inner.create_task(fail(ValueError("inner")))
                    await forever()
        assert asyncio.current_task().cancelling() == 0
        return caught.value

    error = run(main())
    assert [type(it) for it in error.exceptions] == [ExceptionGroup]
    assert [str(it) for it in error.exceptions[0].exceptions] == ["inner"]


def test_a_timeout_around_a_group(run, api):
    async def main():
        with pytest.raises(TimeoutError):
            async with api.timeout(0.001), api.TaskGroup() as group:
                task = group.create_task(forever())
        assert task.cancelled()
        assert asyncio.current_task().cancelling() == 0

    run(main())


def test_names_and_contexts(run, api):
    variable = contextvars.ContextVar("variable", default="outer")

    async def read():
        return variable.get()

    async def main():
        context = contextvars.copy_context()
        context.run(variable.set, "inner")
        async with api.TaskGroup() as group:
            named = group.create_task(read(), name="a name")
            inside = group.create_task(read(), context=context)
            plain = group.create_task(coro=read(), name=None, context=None)
        assert named.get_name() == "a name"
        assert plain.get_name().startswith("Task-")
        return named.result(), inside.result(), plain.result()

    assert run(main()) == ("outer", "inner", "outer")


def test_wrong_arguments(run, api):
    async def main():
        async with api.TaskGroup() as group:
            with pytest.raises(TypeError, match="missing 1 required positional argument: 'coro'"):
                group.create_task()
            with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
                with contextlib.closing(forever()) as coroutine:
                    group.create_task(coroutine, colour=1)
            with pytest.raises(TypeError):
                group.create_task(1)
            with pytest.raises(TypeError):
                group.create_task(1, 2)
            assert not group._tasks

    run(main())


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_a_group_takes_tasks_only_while_it_is_open(run, api):
    def refused(group, why):
        coroutine = forever()
        with pytest.raises(RuntimeError) as caught:
            group.create_task(coroutine)
        assert str(caught.value) == f"TaskGroup {group!r} {why}"
        closed = coroutine.cr_frame is None
        coroutine.close()
        assert closed == (V >= (3, 13))

    async def main():
        refused(api.TaskGroup(), "has not been entered")
        async with api.TaskGroup() as group:
            pass
        refused(group, "is finished")
        with pytest.raises(ExceptionGroup):
            async with api.TaskGroup() as group:
                group.create_task(fail(ValueError()))
                try:
                    await forever()
                finally:
                    refused(group, "is shutting down")

    run(main())


def test_a_group_is_entered_once_and_in_a_task(run, api, loop):
    async def main():
        async with api.TaskGroup() as group:
            with pytest.raises(RuntimeError) as caught:
                await group.__aenter__()
            assert str(caught.value) == f"TaskGroup {group!r} has already been entered"
        outside = loop.create_future()

        def enter():
            try:
                api.TaskGroup().__aenter__().send(None)
            except RuntimeError as error:
                outside.set_result(error)

        loop.call_soon(enter)
        assert str(await outside) == "TaskGroup <TaskGroup> cannot determine the parent task"

    run(main())
    with pytest.raises(RuntimeError, match="^no running event loop$"):
        api.TaskGroup().__aenter__().send(None)


def test_repr_and_private_attributes(run, api):
    async def main():
        group = api.TaskGroup()
        assert repr(group) == "<TaskGroup>"
        assert (group._entered, group._exiting, group._aborting) == (False, False, False)
        with pytest.raises(ExceptionGroup):
            async with group:
                assert repr(group) == "<TaskGroup entered>"
                assert group._loop is asyncio.get_running_loop()
                assert group._parent_task is asyncio.current_task()
                task = group.create_task(forever())
                assert repr(group) == "<TaskGroup tasks=1 entered>"
                assert group._tasks == {task}
                group.create_task(fail(ValueError()))
                try:
                    await forever()
                finally:
                    assert repr(group) == "<TaskGroup tasks=1 errors=1 cancelling>"
                    assert group._parent_cancel_requested and group._aborting
                    assert len(group._errors) == 1
        assert group._exiting
        assert group._errors is None
        assert group._on_completed_fut is None

    run(main())


def test_tasks_of_a_factory_belong_to_the_group(run, api, loop):
    made = []

    def factory(loop, coro, **options):
        made.append(asyncio.Task(coro, loop=loop, **options))
        return made[-1]

    loop.set_task_factory(factory)

    async def main():
        async with api.TaskGroup() as group:
            group.create_task(value(1), name="x")
            group.create_task(value(2))
        with pytest.raises(ExceptionGroup):
            async with api.TaskGroup() as group:
                task = group.create_task(forever())
                group.create_task(fail(ValueError()))
        assert task.cancelled()

    run(main())
    loop.set_task_factory(None)
    assert [task.result() for task in made[1:3]] == [1, 2]
    if V < (3, 13, 4) or V >= (3, 14):
        assert made[1].get_name() == "x"


@pytest.mark.skipif(V < (3, 12), reason="eager tasks came with 3.12")
def test_eager_tasks(run, api, loop):
    loop.set_task_factory(api.eager_task_factory)

    async def now(result):
        return result

    async def main():
        async with api.TaskGroup() as group:
            tasks = [group.create_task(now(number)) for number in range(3)]
            assert all(task.done() for task in tasks)
            tasks.append(group.create_task(value(3)))
        assert [task.result() for task in tasks] == [0, 1, 2, 3]
        with pytest.raises(ExceptionGroup) as caught:
            async with api.TaskGroup() as group:
                group.create_task(fail(ValueError("at once")))
                await asyncio.sleep(0)
                await asyncio.sleep(0)
        return [str(error) for error in caught.value.exceptions]

    assert run(main()) == ["at once"]
    loop.set_task_factory(None)


def test_a_subclass_is_asked(run, api):
    calls = []

    class Lenient(api.TaskGroup):
        """One whose failures do not cancel the others."""

        def _abort(self):
            calls.append("abort")

        def _on_task_done(self, task):
            calls.append("done")
            super()._on_task_done(task)

    async def main():
        with pytest.raises(ExceptionGroup):
            async with Lenient() as group:
                group.create_task(fail(ValueError()))
                other = group.create_task(value(5))
                with contextlib.suppress(asyncio.CancelledError):
                    await forever()
        return other.result()

    assert run(main()) == 5
    assert sorted(calls) == ["abort", "done", "done"]


def test_on_a_loop_of_the_standard_library(api):
    async def main():
        async with api.TaskGroup() as group:
            tasks = [group.create_task(value(number)) for number in range(10)]
        assert [task.result() for task in tasks] == list(range(10))
        with pytest.raises(ExceptionGroup):
            async with api.TaskGroup() as group:
                task = group.create_task(forever())
                group.create_task(fail(ValueError()))
                await forever()
        assert task.cancelled()
        assert asyncio.current_task().cancelling() == 0

    loop = asyncio.SelectorEventLoop()
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()


def test_a_loop_that_overrides_create_task(api, loop_factory):
    calls = []
    base = loop_factory()
    base.close()

    class Loop(type(base)):
        def create_task(self, coro, **options):
            calls.append(sorted(options))
            return super().create_task(coro, **options)

    async def main():
        async with api.TaskGroup() as group:
            group.create_task(value(1), name="x")
            group.create_task(value(1))

    loop = Loop()
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()
    expected = {11: [[], []], 12: [[], []], 13: [["name"], ["name"]]}
    assert calls[1:] == expected.get(V.minor, [["name"], []])


def test_nothing_is_kept_of_a_group_that_failed(run, api):
    async def main():
        class Marked(ValueError):
            pass

        async def scoped():
            with contextlib.suppress(ExceptionGroup):
                async with api.TaskGroup() as group:
                    group.create_task(fail(Marked()))
            return weakref.ref(group)

        reference = await asyncio.ensure_future(scoped())
        await asyncio.sleep(0)
        gc.collect()
        return reference(), [it for it in gc.get_objects() if type(it) is Marked]

    assert run(main()) == (None, [])


def test_debug_mode(run, api, loop):
    loop.set_debug(True)

    async def main():
        with pytest.raises(ExceptionGroup):
            async with api.TaskGroup() as group:
                group.create_task(value(1))
                group.create_task(fail(ValueError()))
                await forever()

    run(main())


def test_many_tasks(run, api):
    async def main():
        async with api.TaskGroup() as group:
            tasks = [group.create_task(value(number)) for number in range(3000)]
        return sum(task.result() for task in tasks)

    assert run(main()) == sum(range(3000))


@pytest.mark.skipif(V < (3, 15), reason="TaskGroup.cancel came with 3.15")
def test_a_group_that_is_cancelled_ends_without_an_error(run, api):
    async def main():
        async with api.TaskGroup() as group:
            task = group.create_task(forever())
            await asyncio.sleep(0)
            group.cancel()
            group.cancel()
            await forever()
        assert task.cancelled()
        assert asyncio.current_task().cancelling() == 0
        group.cancel()
        early = api.TaskGroup()
        early.cancel()
        async with early:
            await forever()

    run(main())
