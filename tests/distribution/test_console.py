"""The wheel of aioxide-console in ``AIOXIDE_DIST``, and ``pip install aioxide[console]``."""

import contextlib
import email
import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import textwrap
import time
import zipfile
from pathlib import Path

import pytest
from distribution.published import CHECKOUT, DIST

#: Bytes: terminal and web view, the page with its code.
LARGEST = 2_500_000

PROGRAM = """
    import asyncio
    import sys


    async def worker(places, seconds):
        async with places:
            await asyncio.sleep(seconds)


    async def main():
        places = asyncio.Semaphore(5)
        async with asyncio.TaskGroup() as group:
            for number in range(10):
                group.create_task(worker(places, float(sys.argv[1])), name=f"worker {number}")
            await asyncio.sleep(0)
            print("started", flush=True)


    asyncio.run(main())
"""


@pytest.fixture(scope="module")
def wheel():
    [path] = Path(DIST).glob("aioxide_console-*.whl")
    return path


@pytest.fixture(scope="module")
def files(wheel):
    """The content of each file of the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_it_is_for_every_python(wheel):
    assert wheel.name.split("-")[2:4] == ["py3", "none"]
    if sys.platform == "linux":
        assert "manylinux_2_17" in wheel.name


def test_it_is_one_program_and_nothing_else(files):
    others = [name for name in files if ".dist-info/" not in name]
    assert [name.partition("/")[2] for name in others] == ["scripts/aioxide-console"]


def test_it_is_of_the_release_that_the_extra_wants(files):
    [told] = [email.message_from_bytes(files[each]) for each in files if each.endswith("/METADATA")]
    assert told["Name"] == "aioxide-console"
    [wheel] = Path(DIST).glob(f"aioxide-*-cp3{sys.version_info.minor}-*.whl")
    assert told["Version"] == wheel.name.split("-")[1]


def test_size(wheel):
    assert wheel.stat().st_size <= LARGEST


def test_nothing_tells_where_it_was_built(files):
    for name, content in files.items():
        for path in (CHECKOUT, Path.home() / ".cargo"):
            assert str(path).encode() not in content, name


@pytest.fixture
def installed(environment):
    """What ``pip install aioxide[console]`` brings, and the program ``app.py``."""
    environment.install("aioxide[console]", "--no-index", "--find-links", DIST)
    (environment.folder / "app.py").write_text(textwrap.dedent(PROGRAM))
    return environment


@contextlib.contextmanager
def running(environment, *options):
    """The program, which goes on until the block ends, with its console in the test's folder."""
    process = subprocess.Popen(
        [environment.python.with_name("aioxide"), *options, "app.py", "60"],
        cwd=environment.folder,
        env={**environment.variables, "XDG_RUNTIME_DIR": str(environment.folder)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "started\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def screen_of(environment, command, wanted):
    """Run a command in a terminal of its own until its screen has a text, and quit it by ``q``.

    Returns:
        Everything that it has written, and its exit status.
    """
    terminal, inside = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
    variables = {**environment.variables, "TERM": "xterm-256color"}
    variables["XDG_RUNTIME_DIR"] = str(environment.folder)
    process = subprocess.Popen(
        [str(each) for each in command], env=variables, stdin=inside, stdout=inside, stderr=inside
    )
    os.close(inside)
    shown, deadline, asked = b"", time.monotonic() + 60, False
    try:
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                shown += os.read(terminal, 65536)
            except OSError:
                # The last process of the terminal has ended.
                break
            if not asked and wanted in shown:
                os.write(terminal, b"q")
                asked = True
    finally:
        if not asked:
            process.kill()
        os.close(terminal)
        process.wait(20)
    return shown, process.returncode


@pytest.mark.timeout(240)
def test_what_is_typed_after_pip_install(installed):
    aioxide = installed.python.with_name("aioxide")
    folder = installed.folder
    installed.run(installed.python, "-m", "pip", "check")

    assert installed.run(aioxide, "trace", "-o", "out.html", "app.py", "0.001") == "started\n"
    page = (folder / "out.html").read_text()
    assert "<html" in page
    assert "worker 9" in page
    assert list(folder.glob("*.aiotrace")) == []

    installed.run(aioxide, "trace", "-o", "run.aiotrace", "app.py", "0.001")
    for form in ("html", "svg", "json", "pftrace"):
        installed.run(aioxide, "trace", "convert", "run.aiotrace", f"run.{form}")
    assert "worker (10)" in (folder / "run.svg").read_text()
    assert json.loads((folder / "run.json").read_text())["traceEvents"]
    assert b"worker 9" in (folder / "run.pftrace").read_bytes()

    with running(installed, "--console") as process:
        command = [aioxide, "top", process.pid]
        shown, status = screen_of(installed, command, b"worker")
        assert b"worker" in shown
        assert status == 0
        listed = installed.run(aioxide, "ps", str(process.pid), XDG_RUNTIME_DIR=str(folder))
        assert "worker 9" in listed
