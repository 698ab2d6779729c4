"""An unhandled exception is printed as ``python`` prints it, without frames of ours."""

import re

import pytest

FAILING = {
    "plain": "raise LookupError('nothing found')",
    "nested": """
        def inner():
            return 1 / 0

        def outer():
            try:
                inner()
            except ZeroDivisionError as exc:
                raise RuntimeError("outer failed") from exc

        outer()
        """,
    "context": """
        try:
            {}["missing"]
        except KeyError:
            raise ValueError("while handling")
        """,
    "group": "raise ExceptionGroup('several', [ValueError('one'), TypeError('two')])",
    "note": """
        error = ValueError("noted")
        error.add_note("with a note")
        raise error
        """,
    "import": "import no_such_module_anywhere",
    "syntax": "print('before'\n",
    "indentation": "if True:\nprint()\n",
    "syntax-in-text": "compile('a b', 'given.py', 'exec')",
    "base": "raise GeneratorExit('odd but possible')",
    "hook": """
        import sys
        sys.excepthook = lambda kind, value, traceback: print("hook:", kind.__name__, value)
        raise LookupError("for the hook")
        """,
    "thread": """
        import threading
        thread = threading.Thread(target=lambda: 1 / 0, name="named")
        thread.start()
        thread.join()
        """,
}


@pytest.mark.parametrize("source", FAILING.values(), ids=list(FAILING))
def test_script(same, program, source):
    program(source)
    finished = same("app.py")
    assert "aioxide" not in finished.stderr


def test_endless_recursion(launch, aioxide, program):
    def without_counts(text):
        # How deep the program came depends on the frames below it, which are ours.
        return re.sub(r"repeated \d+ more", "repeated many more", text)

    program("def f(): f()\nf()")
    finished, expected = aioxide("app.py"), launch("app.py")
    assert without_counts(finished.stderr) == without_counts(expected.stderr)
    assert finished.returncode == expected.returncode == 1


def test_module(launch, aioxide, program):
    program("raise LookupError('nothing found')", "module.py")
    finished = aioxide("-m", "module")
    # Under python itself the frames of runpy are frozen and shown; ours may not be.
    assert "aioxide" not in finished.stderr
    assert finished.stderr.splitlines()[-1] == "LookupError: nothing found"
    assert 'module.py", line 1, in <module>' in finished.stderr
    assert finished.returncode == launch("-m", "module").returncode == 1


def test_program_text(same):
    assert "aioxide" not in same("-c", "raise LookupError('nothing found')").stderr


def test_exception_in_an_imported_module(same, program):
    program("def fail():\n    raise LookupError('nothing found')", "neighbour.py")
    program("import neighbour\nneighbour.fail()")
    assert "neighbour.py" in same("app.py").stderr


def test_exception_of_a_main_coroutine(launch, aioxide, program):
    program(
        """
        import asyncio

        async def inner():
            await asyncio.sleep(0)
            raise LookupError("nothing found")

        async def main():
            await inner()

        asyncio.run(main())
        """
    )

    def frames_of_the_program(finished):
        return re.findall(r'app\.py", line (\d+), in (\S+)', finished.stderr)

    finished = aioxide("app.py")
    assert frames_of_the_program(finished) == frames_of_the_program(launch("app.py"))
    assert [name for _, name in frames_of_the_program(finished)] == ["<module>", "main", "inner"]
    assert "cli.py" not in finished.stderr
    assert finished.stderr.splitlines()[-1] == "LookupError: nothing found"


def test_last_exception_is_kept_for_exit_handlers(same, program):
    program(
        """
        import atexit, sys, traceback

        def show():
            print(sys.last_type.__name__, sys.last_value)
            print([entry.name for entry in traceback.extract_tb(sys.last_traceback)])

        atexit.register(show)

        def fail():
            raise LookupError("nothing found")

        fail()
        """
    )
    assert "['<module>', 'fail']" in same("app.py").stdout
