"""Tasks whose last reference is gone, and code that looks for them meanwhile."""

import gc


def test_a_task_is_not_found_while_it_goes(api, loop, Task):
    seen = []

    class WithSlot(Task):
        __slots__ = ("slot",)

    class Noisy:
        def __del__(self):
            seen.append(len(api.all_tasks(loop)))

    async def nothing():
        pass

    coroutine = nothing()
    task = WithSlot(coroutine, loop=loop)
    task.slot = Noisy()
    loop.run_until_complete(task)
    other = WithSlot(nothing(), loop=loop)
    other._log_destroy_pending = False
    other.slot = Noisy()
    del task
    gc.collect()
    assert seen == [1]
    # One that is still to run is referred to by the loop.
    loop.run_until_complete(other)
    del other
    gc.collect()
    assert seen == [1, 0]


def test_a_task_that_was_never_run_is_not_found_while_it_goes(api, loop_factory, Task):
    loop = loop_factory()
    seen = []

    class WithSlot(Task):
        __slots__ = ("slot",)

    class Noisy:
        def __del__(self):
            seen.append(len(api.all_tasks(loop)))

    async def nothing():
        pass

    coroutine = nothing()
    task = WithSlot(coroutine, loop=loop)
    task._log_destroy_pending = False
    task.slot = Noisy()
    del task
    loop.close()
    coroutine.close()
    gc.collect()
    assert seen == [0]
    made = [WithSlot.__new__(WithSlot) for _ in range(100)]
    del made
    gc.collect()
