"""``--watch`` before the program."""

import pytest

BLOCKING = """
    import asyncio, sys, time

    async def main():
        await asyncio.sleep(0)
        time.sleep(0.3)
        await asyncio.sleep(0.1)
        sys.exit(5)

    asyncio.run(main())
    """


@pytest.mark.parametrize("option", ["--watch", "--watch=50", "--watch=99.5"])
def test_what_blocks_is_reported(aioxide, program, option):
    path = program(BLOCKING)
    finished = aioxide(option, "app.py")
    assert finished.returncode == 5
    assert "the event loop has been blocked for 0." in finished.stderr
    assert f"`time.sleep(0.3)` at {path}:6 in main, task 'Task-1'" in finished.stderr
    assert "the event loop was blocked for 0." in finished.stderr


def test_a_program_that_ends_with_what_has_blocked_it(aioxide, program):
    program("""
        import asyncio, time

        async def main():
            time.sleep(0.3)

        asyncio.run(main())
        """)
    finished = aioxide("--watch", "app.py")
    assert finished.returncode == 0
    first, second = [line for line in finished.stderr.splitlines() if "event loop" in line]
    assert "has been blocked for 0." in first
    assert "was blocked for 0." in second and " s in all by `time.sleep(0.3)`" in second


@pytest.mark.parametrize("value", ["1", "50"])
def test_the_environment(aioxide, program, value):
    path = program(BLOCKING)
    finished = aioxide("app.py", env={"AIOXIDE_WATCH": value})
    assert finished.returncode == 5
    assert f"`time.sleep(0.3)` at {path}:6 in main, task 'Task-1'" in finished.stderr


@pytest.mark.parametrize("value", ["", "0"])
def test_the_environment_that_switches_nothing_on(aioxide, program, value):
    program(BLOCKING)
    finished = aioxide("app.py", env={"AIOXIDE_WATCH": value})
    assert (finished.returncode, finished.stderr) == (5, "")


def test_an_environment_that_says_nonsense(aioxide):
    finished = aioxide("-c", "print('ran')", env={"AIOXIDE_WATCH": "soon"})
    assert (finished.returncode, finished.stdout) == (0, "ran\n")
    assert finished.stderr == "aioxide: AIOXIDE_WATCH takes 1, or milliseconds, not 'soon'\n"


def test_a_long_threshold(aioxide, program):
    program(BLOCKING)
    finished = aioxide("--watch=5000", "app.py")
    assert (finished.returncode, finished.stderr) == (5, "")


def test_it_stands_beside_other_options(aioxide):
    finished = aioxide("--keep-loops", "--watch", "--http", "-c", "print('ran')")
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "ran\n", "")


@pytest.mark.parametrize("value", ["", "0", "-5", "soon", "inf", "nan"])
def test_values_that_are_no_threshold(aioxide, value):
    finished = aioxide(f"--watch={value}", "-c", "print('ran')")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert f"--watch takes milliseconds, at least 1, not {value!r}" in finished.stderr


def test_a_traceback_is_as_without_it(launch, aioxide, program):
    program("import asyncio\nasync def main():\n    raise LookupError\nasyncio.run(main())\n")
    plain, watched = aioxide("app.py"), aioxide("--watch", "app.py")
    assert plain.returncode == watched.returncode == 1
    assert plain.stderr == watched.stderr


def test_a_name_like_the_option_is_the_programs(aioxide, program):
    program("import sys; print(sys.argv[1:])")
    assert aioxide("app.py", "--watch=1").stdout == "['--watch=1']\n"
