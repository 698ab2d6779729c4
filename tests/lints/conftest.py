"""Programs with a fault, looked at on a clock of the test's own."""

import asyncio

import pytest


@pytest.fixture
def lints():
    """The package, without findings of before."""
    package = pytest.importorskip("aioxide.lints")
    package.forget_findings()
    yield package
    package.forget_findings()


@pytest.fixture
def patrol(lints):
    """The lints, which listen, and look when they are told to."""
    from aioxide.lints._patrol import Patrol

    made = Patrol()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def looked_at(api, run, lints):
    """Runs a program, and returns what the lints find at certain times.

    ``looked_at(program, 0, 6)`` starts ``program(spawn)``, a coroutine function that makes tasks by
    ``spawn(coroutine, name)``, lets all begin to wait, and looks at second 0 and second 6. Between
    two looks the loop gets on a little.
    """
    from aioxide.lints._patrol import Patrol

    def play(program, *times, between=None):
        patrol = Patrol()
        patrol.start()

        async def main():
            tasks = []

            def spawn(coroutine, name=None):
                task = asyncio.get_running_loop().create_task(coroutine, name=name)
                tasks.append(task)
                return task

            await program(spawn)
            found = []
            for now in times:
                for _ in range(8):
                    await api.sleep(0)
                if between is not None:
                    between()
                found += patrol.look(float(now))
            # Some of them swallow it once, and some have to wait for others meanwhile.
            while left := [task for task in tasks if not task.done()]:
                for task in left:
                    task.cancel()
                await api.sleep(0)
            await api.gather(*tasks, return_exceptions=True)
            return found

        try:
            return run(main())
        finally:
            patrol.stop()

    return play


@pytest.fixture
def only_ours(kind):
    """Leaves out asyncio's own side: its classes tell nobody."""
    if kind == "asyncio":
        pytest.skip("asyncio's own classes tell nobody")


@pytest.fixture
def line_of():
    """The number of the only line of a file that ends with a text."""

    def find(file, text):
        with open(file) as lines:
            (found,) = [n for n, line in enumerate(lines, 1) if line.rstrip().endswith(text)]
        return found

    return find
