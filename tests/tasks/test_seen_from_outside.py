"""What ``python -m asyncio ps PID`` sees of another process (Python 3.14)."""

import re
import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.skipif(sys.version_info < (3, 14), reason="came with Python 3.14"),
    pytest.mark.skipif(sys.platform != "linux", reason="tasks are found on Linux only"),
]

PROGRAM = """
    import importlib, sys
    api = importlib.import_module(sys.argv[1])

    async def rest():
        await api.get_running_loop().create_future()

    async def leaf():
        await rest()

    async def branch(tasks):
        await api.gather(*tasks)

    async def main():
        async with api.TaskGroup() as group:
            # A coroutine that may be none of the interpreter's.
            other = group.create_task(api.sleep(3600), name="other")
            leaves = [group.create_task(leaf(), name=f"leaf {n}") for n in range(2)]
            tree = group.create_task(branch(leaves), name="branch")
            await api.sleep(0)
            await api.sleep(0)
            print("ready", flush=True)
            await api.get_running_loop().run_in_executor(None, sys.stdin.readline)
            for task in (*leaves, tree, other):
                task.cancel()

    api.run(main())
"""


@pytest.fixture
def program(kind):
    """A process whose tasks wait, until the test is over."""
    source = "\n".join(line[4:] for line in PROGRAM.splitlines())
    process = subprocess.Popen(
        [sys.executable, "-c", source, kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.wait(20) == 0
        finally:
            process.kill()


def shown(command, process):
    """What ``python -m asyncio COMMAND PID`` prints."""
    finished = subprocess.run(
        [sys.executable, "-m", "asyncio", command, str(process.pid)],
        capture_output=True,
        text=True,
        timeout=20,
    )
    if "insufficient permissions" in finished.stdout + finished.stderr:
        pytest.skip("this user may not look into other processes")
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_ps_lists_the_tasks_and_who_awaits_them(program):
    _, _, *rows = shown("ps", program).splitlines()
    cells = [re.split(r"\s{2,}", row.strip()) for row in rows]
    found = {(row[2], row[3], row[5]) for row in cells if len(row) > 5}
    for leaf in ("leaf 0", "leaf 1"):
        assert (leaf, "rest -> leaf", "branch") in found
        assert (leaf, "rest -> leaf", "Task-1") in found
    assert ("branch", "branch", "Task-1") in found
    assert "other" in {row[2] for row in cells}
    assert ["Task-1", "main"] in [row[2:4] for row in cells]


def test_pstree_shows_how_they_hang_together(program):
    tree = re.sub(r"[^\S\n]+", " ", shown("pstree", program))
    assert tree.startswith("└── (T) Task-1")
    for name in ("leaf 0", "leaf 1", "branch", "other"):
        assert f"── (T) {name}\n" in tree


WITHOUT_OFFSETS = """
    import _asyncio
    # As on an interpreter that does not say where its fields are.
    _asyncio.__file__ = "/nonexistent"
    import asyncio, gc, threading
    import aioxide
    from aioxide import _aioxide

    assert not _aioxide._tasks_are_public()

    async def child():
        await asyncio.sleep(0)
        return asyncio.current_task()

    async def main():
        me = asyncio.current_task()
        task = asyncio.create_task(child())
        assert asyncio.all_tasks() == {me, task}
        assert await task is task
        assert asyncio.current_task() is me
        seen = []
        asyncio.get_running_loop().call_soon(lambda: seen.append(asyncio.current_task()))
        eager = asyncio.eager_task_factory(asyncio.get_running_loop(), child())
        assert asyncio.all_tasks() == {me, eager}
        assert asyncio.current_task() is me
        await asyncio.sleep(0)
        assert seen == [None]
        assert await eager is eager
        try:
            asyncio.tasks._enter_task(asyncio.get_running_loop(), eager)
        except RuntimeError as error:
            assert "is being executed" in str(error)
        else:
            raise AssertionError("two tasks at once")

    def run():
        aioxide.run(main())

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    run()
    for thread in threads:
        thread.join()
    print("done")
"""


def test_without_the_interpreter_s_offsets_the_functions_are_right(run_script):
    result = run_script(WITHOUT_OFFSETS)
    assert (result.stdout, result.stderr) == ("done\n", "")


WITH_OFFSETS = """
    import asyncio
    import aioxide
    from aioxide import _aioxide

    async def forever():
        await asyncio.get_running_loop().create_future()

    async def main():
        print(_aioxide._tasks_are_public())
        kept.extend(asyncio.create_task(forever()) for _ in range(3))
        await asyncio.sleep(0)

    # Imported while a task runs, with one that waits: both stay what they are.
    async def outer():
        other = asyncio.create_task(forever())
        await asyncio.sleep(0)
        import importlib
        importlib.reload(aioxide)
        assert asyncio.all_tasks() == {asyncio.current_task(), other}
        other.cancel()

    kept = []
    asyncio.run(outer())
    aioxide.run(main())
    assert all(task.cancelled() for task in kept)
"""


def test_the_usual_interpreters_say_where_their_fields_are(run_script):
    result = run_script(WITH_OFFSETS)
    assert (result.stdout, result.stderr) == ("True\n", "")


ENDED_THREAD = """
    import asyncio, gc, threading
    import aioxide

    async def forever():
        await asyncio.get_running_loop().create_future()

    def leave_tasks():
        loop = aioxide.new_event_loop()
        made.extend(loop.create_task(forever()) for _ in range(3))
        loops.append(loop)

    made, loops = [], []
    thread = threading.Thread(target=leave_tasks)
    thread.start()
    thread.join()
    loop = loops[0]
    # The tasks were the thread's, which is gone.
    assert asyncio.all_tasks(loop) == set(made)
    del made[0]
    for task in made:
        task.cancel()
    loop.run_until_complete(asyncio.wait(made))
    gc.collect()  # The first one waits for ever, and nobody holds it.
    assert asyncio.all_tasks(loop) == set()
    loop.close()
    print("done")
"""


def test_tasks_outlive_the_thread_that_made_them(run_script):
    result = run_script(ENDED_THREAD)
    assert result.stdout == "done\n"
    assert "Task was destroyed but it is pending" in result.stderr
