"""Python processes that a program starts run on the loop that it runs on itself."""

import os
import subprocess
import sys

import pytest

METHODS = ["spawn", "forkserver", "fork"]

# Multiprocessing looks for the functions that it calls in a module of the program's.
WORK = """
    import asyncio

    async def where():
        return type(asyncio.get_running_loop()).__module__.partition(".")[0]

    def run(_=None):
        return asyncio.run(where())
"""

BY_MULTIPROCESSING = """
    import multiprocessing, os, sys, warnings
    warnings.simplefilter("ignore", DeprecationWarning)
    import work

    def grandchild(_):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.map(work.run, [0])

    def started(method):
        with multiprocessing.get_context(method).Pool(1) as pool:
            return pool.map(work.run, [0])
"""

BY_EXECUTABLE = """
    import os, subprocess, sys

    def child(*options, script="child.py", **environment):
        return subprocess.run(
            [sys.executable, *options, script],
            env={**os.environ, **environment}, capture_output=True, text=True, check=True,
        ).stdout.strip()
"""


@pytest.fixture
def children(program):
    """Writes what the program's processes do: ``work.py`` and ``child.py``."""
    program(WORK, "work.py")
    program("import work\nprint(work.run())", "child.py")


@pytest.mark.parametrize("method", METHODS)
def test_multiprocessing_under_the_command(aioxide, children, program, method):
    program(
        BY_MULTIPROCESSING + f"\n    if __name__ == '__main__':\n        print(started({method!r}))"
    )
    finished = aioxide("app.py", deadline=60.0)
    assert (finished.stdout, finished.stderr) == ("['aioxide']\n", "")


@pytest.mark.parametrize("method", METHODS)
def test_multiprocessing_after_install(launch, children, program, method):
    program(
        BY_MULTIPROCESSING
        + f"""
    if __name__ == "__main__":
        import aioxide
        print(started({method!r}))
        aioxide.install()
        print(started({method!r}), "AIOXIDE" in os.environ)
        aioxide.uninstall()
        print(started({method!r}))
    """
    )
    finished = launch("app.py", deadline=60.0)
    assert finished.stderr == ""
    assert finished.stdout.splitlines() == ["['asyncio']", "['aioxide'] False", "['asyncio']"]


def test_multiprocessing_from_a_process_of_multiprocessing(launch, children, program):
    program(
        BY_MULTIPROCESSING
        + """
    if __name__ == "__main__":
        import aioxide
        from concurrent.futures import ProcessPoolExecutor
        aioxide.install()
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            print(pool.submit(grandchild, 0).result())
    """
    )
    finished = launch("app.py", deadline=60.0)
    assert (finished.stdout, finished.stderr) == ("['aioxide']\n", "")


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_multiprocessing_is_turned_off_by_the_environment(aioxide, children, program, method):
    program(
        BY_MULTIPROCESSING
        + f"""
    if __name__ == "__main__":
        print(work.run())
        os.environ["AIOXIDE"] = "0"
        print(started({method!r}))
    """
    )
    finished = aioxide("app.py", deadline=60.0)
    assert (finished.stdout, finished.stderr) == ("aioxide\n['asyncio']\n", "")


def test_multiprocessing_is_turned_off_while_its_server_runs(aioxide, children, program):
    program(
        BY_MULTIPROCESSING
        + """
    if __name__ == "__main__":
        multiprocessing.set_forkserver_preload(["asyncio"])
        print(started("forkserver"))
        os.environ["AIOXIDE"] = "0"
        print(started("forkserver"))
        del os.environ["AIOXIDE"]
        print(started("forkserver"))
    """
    )
    finished = aioxide("app.py", deadline=60.0)
    assert finished.stderr == ""
    assert finished.stdout.splitlines() == ["['aioxide']", "['asyncio']", "['aioxide']"]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_package_found_by_the_programs_own_path(launch, children, program, method):
    # The new process learns of the program's sys.path only after it was told of aioxide.
    import aioxide

    folder = os.path.dirname(os.path.dirname(aioxide.__file__))
    program(
        f"""
    import sys
    sys.path.append({folder!r})
    """
        + BY_MULTIPROCESSING
        + f"""
    if __name__ == "__main__":
        import aioxide
        aioxide.install()
        print(started({method!r}))
    """
    )
    finished = launch("-S", "app.py", deadline=60.0)
    assert (finished.stdout, finished.stderr) == ("['aioxide']\n", "")


def test_executable_under_the_command(aioxide, children, program):
    program(BY_EXECUTABLE + "\n    print(child(), child('-X', 'dev'), child(AIOXIDE='0'))")
    finished = aioxide("app.py", deadline=60.0)
    assert (finished.stdout, finished.stderr) == ("aioxide aioxide asyncio\n", "")


def test_executable_started_by_an_executable(aioxide, children, program):
    program(BY_EXECUTABLE + "\n    print(child(script='middle.py'))")
    program(BY_EXECUTABLE + "\n    print(child())", "middle.py")
    assert aioxide("app.py", deadline=60.0).stdout == "aioxide\n"


def test_executable_by_exec(aioxide, children, program):
    program("import os, sys\nos.execv(sys.executable, [sys.executable, 'child.py'])")
    assert aioxide("app.py", deadline=60.0).stdout == "aioxide\n"


def test_executable_after_install_in_code(launch, children, program):
    program(BY_EXECUTABLE + "\n    import aioxide\n    aioxide.install()\n    print(child())")
    assert launch("app.py").stdout == "asyncio\n"


@pytest.mark.parametrize("option", ["-E", "-I", "-S"])
def test_interpreter_that_ignores_its_environment_runs_on_asyncio(aioxide, program, option):
    program(BY_EXECUTABLE + f"\n    print(child({option!r}))")
    program(WORK + "\n    print(run())", "child.py")
    assert aioxide("app.py", deadline=60.0).stdout == "asyncio\n"


def test_uninstall_ends_it(aioxide, children, program):
    program(
        BY_EXECUTABLE
        + """
    import aioxide, sys
    before = list(sys.meta_path)
    aioxide.uninstall()
    print(child(), "AIOXIDE" in os.environ, len(before) - len(sys.meta_path))
    """
    )
    assert aioxide("app.py", deadline=60.0).stdout == "asyncio False 1\n"


def test_uninstall_in_a_child_ends_it_for_its_children(aioxide, children, program):
    program(BY_EXECUTABLE + "\n    print(child(script='middle.py'))")
    program(
        BY_EXECUTABLE + "\n    import aioxide, work\n    print(work.run())\n"
        "    aioxide.uninstall()\n    print(work.run(), child(), 'AIOXIDE' in os.environ)",
        "middle.py",
    )
    assert aioxide("app.py", deadline=60.0).stdout == "aioxide\nasyncio asyncio False\n"


def test_what_the_program_says_in_the_environment_stays(aioxide, program):
    program(
        """
        import aioxide, os
        print(os.environ["AIOXIDE"])
        os.environ["AIOXIDE"] = "0"
        aioxide.uninstall()
        print(os.environ["AIOXIDE"])
        """
    )
    assert aioxide("app.py", deadline=60.0).stdout == "1\n0\n"


def test_environment_of_the_command_itself(aioxide, children, program):
    program(BY_EXECUTABLE + "\n    import work\n    print(work.run(), child())")
    assert aioxide("app.py", env={"AIOXIDE": "0"}).stdout == "aioxide asyncio\n"
    assert aioxide("app.py", env={"AIOXIDE": "1"}).stdout == "aioxide aioxide\n"


def test_environment_without_the_command(launch, children):
    assert launch("child.py", env={"AIOXIDE": "1"}).stdout == "aioxide\n"
    assert launch("child.py", env={"AIOXIDE": "0"}).stdout == "asyncio\n"
    assert launch("child.py", env={"AIOXIDE": ""}).stdout == "asyncio\n"
    assert launch("child.py").stdout == "asyncio\n"


@pytest.mark.parametrize("first", ["aioxide", "aioxide.loop", "asyncio.tasks", "asyncio, aioxide"])
def test_child_that_imports_one_or_the_other_first(launch, children, program, first):
    program(f"import {first}\nimport work\nprint(work.run())")
    finished = launch("app.py", env={"AIOXIDE": "1"})
    assert (finished.stdout, finished.stderr) == ("aioxide\n", "")


def test_child_that_is_the_command_again(aioxide, children, program):
    program(BY_EXECUTABLE + "\n    print(child('-m', 'aioxide'))")
    assert aioxide("app.py", deadline=60.0).stdout == "aioxide\n"


def test_command_keeps_loops_as_its_environment_says(aioxide, program):
    program("import asyncio\nclass Loop(asyncio.SelectorEventLoop): pass", "uvloop.py")
    program("import os, uvloop\nprint(uvloop.Loop.__module__, os.environ['AIOXIDE'])")
    assert aioxide("app.py", env={"AIOXIDE": "keep-loops"}).stdout == "uvloop keep-loops\n"
    assert aioxide("app.py", env={"AIOXIDE": "1"}).stdout == "aioxide.loop 1\n"


@pytest.mark.parametrize(
    ("options", "origin"), [((), "aioxide"), (("--keep-loops",), "uvloop")], ids=["", "kept"]
)
def test_loops_of_other_packages_in_children(aioxide, program, options, origin):
    program("import asyncio\nclass Loop(asyncio.SelectorEventLoop): pass", "uvloop.py")
    program("import work\nprint(work.run())", "child.py")
    program(
        """
        def run(_=None):
            import uvloop
            loop = uvloop.Loop()
            loop.close()
            return type(loop).__module__.partition(".")[0]
        """,
        "work.py",
    )
    program(
        BY_EXECUTABLE
        + BY_MULTIPROCESSING
        + """
    if __name__ == "__main__":
        print(child(), started("spawn")[0], started("forkserver")[0])
    """
    )
    assert aioxide(*options, "app.py").stdout == f"{origin} {origin} {origin}\n"


def test_child_that_imports_another_loop_before_asyncio(launch, program):
    program("import asyncio\nclass Loop(asyncio.SelectorEventLoop): pass", "uvloop/__init__.py")
    program("import uvloop\nloop = uvloop.Loop()\nprint(type(loop).__module__)\nloop.close()")
    for said, origin in [("1", "aioxide.loop"), ("keep-loops", "uvloop"), ("0", "uvloop")]:
        assert launch("app.py", env={"AIOXIDE": said}).stdout == f"{origin}\n"


def test_child_without_asyncio_imports_neither(aioxide, program):
    program(
        """
        import sys

        def run(_=None):
            return [name for name in ("asyncio", "aioxide") if name in sys.modules]
        """,
        "work.py",
    )
    program("import work\nprint(work.run())", "child.py")
    program(
        BY_EXECUTABLE
        + BY_MULTIPROCESSING
        + """
    if __name__ == "__main__":
        print(child(), started("spawn"))
    """
    )
    assert aioxide("app.py", deadline=60.0).stdout == "[] [[]]\n"


def test_interpreter_that_is_not_asked_imports_nothing(launch, program):
    program("import sys\nprint([name for name in sys.modules if 'aioxide' in name])")
    assert launch("app.py").stdout == "[]\n"


def test_child_in_which_aioxide_cannot_be_imported(launch, children, program):
    program("raise ImportError('not for this system')", "aioxide.py")
    program("import sys\nsys.path.insert(0, '.')\nimport work\nprint(work.run())")
    finished = launch("app.py", env={"AIOXIDE": "1"})
    assert (finished.stdout, finished.stderr) == ("asyncio\n", "")
    finished = launch("-W", "always", "app.py", env={"AIOXIDE": "1"})
    assert "ImportWarning: aioxide cannot be used here: not for this system" in finished.stderr


def test_start_up_is_not_slower(tmp_path):
    # What the interpreter executes of ours at its start, when it is not asked for anything.
    code = (
        "import os, site, time\n"
        "line = open(os.path.join(%r, 'aioxide_startup.pth')).read()\n"
        "started = time.perf_counter()\n"
        "for _ in range(100): exec(line)\n"
        "print((time.perf_counter() - started) / 100)\n"
    )
    folder = next(
        path for path in sys.path if os.path.exists(os.path.join(path, "aioxide_startup.pth"))
    )
    environment = {key: value for key, value in os.environ.items() if key != "AIOXIDE"}
    done = subprocess.run(
        [sys.executable, "-c", code % folder], env=environment, capture_output=True, text=True
    )
    assert float(done.stdout) < 0.001
