"""Which of asyncio's functions does ``install()`` replace, and do they work?"""

import sys

import pytest

PROGRAM = """
    import asyncio
    import threading
    import aioxide

    aioxide.install()
    name = {name!r}
    assert getattr(asyncio, name) is getattr(aioxide, name), name
    assert getattr(asyncio.{module}, name) is getattr(aioxide, name), name
    aioxide.uninstall()
    assert getattr(asyncio, name) is not getattr(aioxide, name), name
    """

NAMES = [
    ("coroutines", "iscoroutine", (3, 0), None),
    ("futures", "wrap_future", (3, 0), None),
    ("locks", "Barrier", (3, 0), None),
    ("locks", "Condition", (3, 0), None),
    # From 3.14 on asyncio's own sees native tasks.
    ("tasks", "all_tasks", (3, 0), (3, 14)),
    ("tasks", "eager_task_factory", (3, 12), None),
    ("tasks", "run_coroutine_threadsafe", (3, 0), None),
    ("threads", "to_thread", (3, 0), None),
]


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (module, name)
        for module, name, first, after in NAMES
        if sys.version_info >= first and (after is None or sys.version_info < after)
    ],
)
def test_the_native_one_takes_asyncios_place(run_script, module, name):
    finished = run_script(PROGRAM.format(module=module, name=name))
    assert (finished.stdout, finished.stderr) == ("", "")


def test_a_program_that_uses_them_all(run_script):
    finished = run_script(
        """
        import sys
        import aioxide
        aioxide.install()
        import asyncio

        async def answer():
            return 42

        async def main():
            loop = asyncio.get_running_loop()
            def from_a_thread():
                return asyncio.run_coroutine_threadsafe(answer(), loop).result(10)
            assert await asyncio.to_thread(from_a_thread) == 42
            assert asyncio.all_tasks() == {asyncio.current_task()}
            coroutine = answer()
            assert asyncio.iscoroutine(coroutine)
            if sys.version_info >= (3, 12):
                loop.set_task_factory(asyncio.eager_task_factory)
                task = asyncio.create_task(coroutine)
                assert task.done() and isinstance(task, aioxide.Task)
                return task.result()
            return await coroutine

        print(asyncio.run(main()))
        with asyncio.Runner() as runner:
            print(runner.run(answer()), type(runner.get_loop()).__name__)
        """
    )
    assert (finished.stdout, finished.stderr) == ("42\n42 Loop\n", "")
