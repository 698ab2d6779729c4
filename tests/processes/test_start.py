"""What a child is started with: every option of subprocess.Popen that asyncio takes."""

import asyncio
import os
import pathlib
import signal
import sys

import pytest


@pytest.fixture
def output_of(run):
    """What a program prints, without the last newline: ``output_of("echo", "x", **options)``."""

    def get(*command, **options):
        async def main():
            process = await asyncio.create_subprocess_exec(
                *command, stdout=asyncio.subprocess.PIPE, **options
            )
            output, errors = await process.communicate()
            assert errors is None
            assert process.returncode == 0
            return output.decode().removesuffix("\n")

        return run(main())

    return get


def test_arguments_are_passed_as_they_are(output_of):
    assert output_of("/bin/echo", "two words", "*", "$HOME", "é") == "two words * $HOME é"


def test_a_program_is_looked_up_in_the_path(output_of):
    assert output_of("echo", "found") == "found"


def test_bytes_and_paths(output_of):
    assert output_of(pathlib.Path("/bin/echo"), b"bytes", pathlib.Path("/x")) == "bytes /x"


def test_executable_replaces_the_program(output_of):
    assert output_of("called-so", "-c", "echo $0", executable="/bin/sh") == "called-so"


def test_working_directory(output_of, tmp_path):
    assert output_of("/bin/pwd", cwd=tmp_path) == str(tmp_path)
    assert output_of("/bin/pwd", cwd=os.fsencode(tmp_path)) == str(tmp_path)


def test_environment(output_of):
    assert output_of("/usr/bin/env", env={"ONLY": "this"}) == "ONLY=this"


def test_inherited_environment(output_of, monkeypatch):
    monkeypatch.setenv("AIOXIDE_TEST_VARIABLE", "inherited")
    assert output_of("/bin/sh", "-c", "echo $AIOXIDE_TEST_VARIABLE") == "inherited"


def test_descriptors_are_closed_unless_passed(output_of):
    reader, writer = os.pipe()
    try:
        os.set_inheritable(writer, True)
        tell = f"test -e /proc/self/fd/{writer} && echo open || echo closed"
        assert output_of("/bin/sh", "-c", tell) == "closed"
        assert output_of("/bin/sh", "-c", tell, pass_fds=(writer,)) == "open"
        assert output_of("/bin/sh", "-c", tell, close_fds=False) == "open"
    finally:
        os.close(reader)
        os.close(writer)


def test_descriptors_of_the_loop_stay_here(output_of):
    own = output_of(sys.executable, "-c", "import os; print(sorted(os.listdir('/proc/self/fd')))")
    # 3 is that of the listing itself.
    assert own == "['0', '1', '2', '3']"


def test_preexec_function(output_of):
    assert output_of("/bin/pwd", preexec_fn=lambda: os.chdir("/")) == "/"


def test_new_session(output_of):
    code = "import os; print(os.getsid(0) == os.getpid())"
    assert output_of(sys.executable, "-c", code, start_new_session=True) == "True"
    assert output_of(sys.executable, "-c", code) == "False"


def test_process_group(output_of):
    code = "import os; print(os.getpgid(0) == os.getpid())"
    assert output_of(sys.executable, "-c", code, process_group=0) == "True"
    assert output_of(sys.executable, "-c", code) == "False"


def test_umask(output_of):
    assert output_of("/bin/sh", "-c", "umask", umask=0o27) == "0027"


def test_signals_are_restored(output_of):
    # This interpreter ignores it; programs are not to inherit that.
    assert signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN
    ignored = {
        restore: int(
            output_of("/bin/grep", "SigIgn", "/proc/self/status", restore_signals=restore).split()[
                1
            ],
            16,
        )
        for restore in (True, False)
    }
    pipe = 1 << (signal.SIGPIPE - 1)
    assert not ignored[True] & pipe
    assert ignored[False] & pipe


def test_shell(run):
    async def main():
        process = await asyncio.create_subprocess_shell(
            "echo $((6 * 7)); exit 3", stdout=asyncio.subprocess.PIPE
        )
        assert await process.communicate() == (b"42\n", None)
        assert process.returncode == 3
        process = await asyncio.create_subprocess_shell(
            b"echo bytes", stdout=asyncio.subprocess.PIPE
        )
        assert await process.communicate() == (b"bytes\n", None)

    run(main())


def test_streams_to_nowhere(run):
    async def main():
        process = await asyncio.create_subprocess_exec(
            "/bin/cat",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert (process.stdin, process.stdout, process.stderr) == (None, None, None)
        assert await process.communicate() == (None, None)
        assert process.returncode == 0

    run(main())


def test_streams_to_files(run, tmp_path):
    async def main():
        with open(tmp_path / "in", "w+b") as source, open(tmp_path / "out", "wb") as target:
            source.write(b"through files")
            source.seek(0)
            process = await asyncio.create_subprocess_exec(
                "/bin/cat", stdin=source, stdout=target.fileno()
            )
            assert await process.wait() == 0
        assert (tmp_path / "out").read_bytes() == b"through files"

    run(main())


def test_errors_into_the_output(run):
    async def main():
        process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            "echo out; echo err >&2",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert process.stderr is None
        assert await process.communicate() == (b"out\nerr\n", None)

    run(main())
