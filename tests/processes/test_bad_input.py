"""What cannot be started: asyncio's error, and nothing is left behind."""

import asyncio
import os
import subprocess

import pytest

PIPES = {
    "stdin": asyncio.subprocess.PIPE,
    "stdout": asyncio.subprocess.PIPE,
    "stderr": asyncio.subprocess.PIPE,
}


@pytest.fixture
def refusal(run):
    """The error of a start: ``refusal(OSError, "program", **options)`` gives the exception."""

    def get(kind, *command, **options):
        async def main():
            before = sorted(os.listdir("/proc/self/fd"))
            with pytest.raises(kind) as caught:
                await asyncio.create_subprocess_exec(*command, **{**PIPES, **options})
            assert sorted(os.listdir("/proc/self/fd")) == before
            return caught.value

        return run(main())

    return get


def test_a_program_that_does_not_exist(refusal):
    error = refusal(FileNotFoundError, "/no/such/program")
    assert error.filename == "/no/such/program"


def test_a_program_that_is_not_in_the_path(refusal):
    assert refusal(FileNotFoundError, "no-such-program").filename == "no-such-program"


def test_a_file_that_may_not_be_executed(refusal, tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    error = refusal(PermissionError, str(plain))
    assert error.filename == str(plain)


def test_a_file_that_is_no_program(refusal, tmp_path):
    nonsense = tmp_path / "nonsense"
    nonsense.write_bytes(b"\0\1\2\3")
    nonsense.chmod(0o755)
    assert str(nonsense) in str(refusal(OSError, str(nonsense)))


def test_a_directory_that_is_gone(refusal, tmp_path):
    gone = tmp_path / "gone"
    error = refusal(FileNotFoundError, "/bin/true", cwd=gone)
    assert error.filename == gone


@pytest.mark.parametrize(
    ("option", "value", "text"),
    [
        ("universal_newlines", True, "universal_newlines must be False"),
        ("shell", True, "shell must be False"),
        ("bufsize", 4096, "bufsize must be 0"),
        ("text", True, "text must be False"),
        ("encoding", "utf-8", "encoding must be None"),
        ("errors", "strict", "errors must be None"),
    ],
)
def test_options_that_would_make_the_pipes_carry_text(refusal, option, value, text):
    assert str(refusal(ValueError, "/bin/true", **{option: value})) == text


@pytest.mark.parametrize(
    ("option", "value", "text"),
    [
        ("universal_newlines", True, "universal_newlines must be False"),
        ("shell", False, "shell must be True"),
        ("bufsize", 4096, "bufsize must be 0"),
        ("text", True, "text must be False"),
        ("encoding", "utf-8", "encoding must be None"),
        ("errors", "strict", "errors must be None"),
    ],
)
def test_the_same_with_the_shell(run, option, value, text):
    async def main():
        with pytest.raises(ValueError) as caught:
            await asyncio.create_subprocess_shell("true", **{option: value})
        assert str(caught.value) == text

    run(main())


@pytest.mark.parametrize("command", [["true"], None, 5])
def test_a_command_line_that_is_no_string(run, command):
    async def main():
        with pytest.raises(ValueError, match="^cmd must be a string$"):
            await asyncio.create_subprocess_shell(command)

    run(main())


@pytest.mark.parametrize(
    ("error", "options"),
    [
        (TypeError, {"no_such_option": 1}),
        ((TypeError, AttributeError), {"env": 5}),
        (TypeError, {"pass_fds": 5}),
        (subprocess.SubprocessError, {"preexec_fn": 5}),
        (AttributeError, {"stdout": "not a file"}),
        # Up to Python 3.11 it is taken for a descriptor.
        ((ValueError, OSError), {"stdout": asyncio.subprocess.STDOUT}),
        (ValueError, {"pass_fds": (-1,)}),
        (ValueError, {"env": {"A=B": "c"}}),
    ],
)
def test_options_of_a_wrong_kind(refusal, error, options):
    refusal(error, "/bin/true", **options)


@pytest.mark.parametrize("program", [5, None, object()])
def test_a_program_of_a_wrong_kind(refusal, program):
    refusal(TypeError, program)


def test_an_argument_with_a_zero_byte(refusal):
    refusal(ValueError, "/bin/true", "a\0b")


def test_a_preexec_function_that_raises(refusal):
    def fail():
        raise LookupError("in the child")

    error = refusal(subprocess.SubprocessError, "/bin/true", preexec_fn=fail)
    assert str(error) == "Exception occurred in preexec_fn."


def test_an_unknown_user(refusal):
    refusal((ValueError, KeyError), "/bin/true", user="no-such-user")


def test_a_closed_file_as_stream(refusal, tmp_path):
    with open(tmp_path / "file", "wb") as file:
        pass
    refusal(ValueError, "/bin/true", stdout=file)


def test_a_protocol_factory_that_fails(run, loop):
    async def main():
        def fail():
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await loop.subprocess_exec(fail, "/bin/true")

    run(main())


def test_no_descriptor_is_left_for_the_pipes(run_script, kind):
    """At the limit of descriptors the start fails and gives back what it had got."""
    source = """
        import asyncio, importlib, os, resource, sys

        factory = {
            "asyncio": asyncio.SelectorEventLoop,
            "aioxide": lambda: importlib.import_module("aioxide").new_event_loop(),
        }[sys.argv[1]]

        async def main():
            loop = asyncio.get_running_loop()
            await asyncio.create_subprocess_exec("/bin/true")
            _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
            used = max(map(int, os.listdir("/proc/self/fd")))
            for room in range(1, 9):
                resource.setrlimit(resource.RLIMIT_NOFILE, (used + room, most))
                try:
                    process = await asyncio.create_subprocess_exec(
                        "/bin/cat", stdin=-1, stdout=-1, stderr=-1
                    )
                except OSError as error:
                    assert error.errno == 24, error
                else:
                    break
                finally:
                    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
            else:
                raise SystemExit("it never started")
            print(await process.communicate(b"in spite of it"), room > 4)

        runner = asyncio.Runner(loop_factory=factory)
        runner.run(main())
        runner.close()
    """
    result = run_script(source, kind, options=("-W", "ignore"))
    assert result.stdout == "(b'in spite of it', b'') True\n", result.stderr


@pytest.mark.parametrize("kind", ["aioxide"])
def test_a_closed_loop(loop_factory, run, kind):
    closed = loop_factory()
    closed.close()

    async def main():
        with pytest.raises(RuntimeError, match="^Event loop is closed$"):
            await closed.subprocess_exec(asyncio.SubprocessProtocol, "/bin/true")

    run(main())
