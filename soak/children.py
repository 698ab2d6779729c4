"""Child processes that come and go beside the connections."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import zlib
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager

from session import BLOCK


class ChildError(Exception):
    """A child did not do what it was started for; the message says in what."""


@asynccontextmanager
async def child(*command: str, **streams: int):
    """A process that is gone at the end, whatever happens; its end is waited for."""
    process = await asyncio.create_subprocess_exec(*command, **streams)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await asyncio.shield(asyncio.ensure_future(_see_off(process)))


async def _see_off(process: Process) -> None:
    # A pipe that nobody reads to its end keeps the transport from closing.
    if process.stdout is not None:
        while await process.stdout.read(1 << 16):
            pass
    await process.wait()


def expect(process: Process, status: int) -> None:
    """Raise unless the process has ended with `status`."""
    if process.returncode != status:
        raise ChildError(f"ended with {process.returncode}, not {status}")


async def echo(rng: random.Random) -> None:
    """All that is written to it comes back."""
    data = BLOCK[: rng.randrange(len(BLOCK))]
    async with child("cat", stdin=PIPE, stdout=PIPE) as process:
        out, _ = await process.communicate(data)
    expect(process, 0)
    if out != data:
        raise ChildError(f"{len(data)} bytes went to cat, {len(out)} others came back")


async def read_in_pieces(rng: random.Random) -> None:
    """It writes more than a pipe holds, and is read with pauses."""
    size = rng.randrange(1 << 20)
    async with child("head", "-c", str(size), "/dev/zero", stdout=PIPE) as process:
        assert process.stdout is not None
        running = 0
        while data := await process.stdout.read(rng.randint(1, 100_000)):
            running = zlib.crc32(data, running)
            await asyncio.sleep(rng.uniform(0, 0.01))
        await process.wait()
    expect(process, 0)
    if running != zlib.crc32(bytes(size)):
        raise ChildError(f"not the {size} bytes that it wrote")


async def kill(rng: random.Random) -> None:
    """It would run on, and is told to end in one of three ways."""
    number = rng.choice([signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
    async with child("sleep", "600") as process:
        await asyncio.sleep(rng.uniform(0, 0.1))
        process.send_signal(number)
        await process.wait()
    expect(process, -number)


async def fail(rng: random.Random) -> None:
    """It ends with a status of its own, which a shell passes on."""
    status = rng.randint(0, 255)
    process = await asyncio.create_subprocess_shell(f"exit {status}", stdin=PIPE, stderr=PIPE)
    _, errors = await process.communicate()
    expect(process, status)
    if errors:
        raise ChildError(f"the shell says {errors!r}")


async def be_missing(rng: random.Random) -> None:
    """There is no such program."""
    try:
        await asyncio.create_subprocess_exec("/nowhere/to/be/found", stdin=PIPE, stdout=PIPE)
    except FileNotFoundError:
        return
    raise ChildError("a program was started that does not exist")


async def leave_the_pipe(rng: random.Random) -> None:
    """It ends before it has read what is written to it."""
    async with child("true", stdin=PIPE) as process:
        await process.communicate(BLOCK)
    expect(process, 0)


Errand = Callable[[random.Random], Awaitable[None]]
ERRANDS: tuple[Errand, ...] = (echo, read_in_pieces, kill, fail, be_missing, leave_the_pipe)


def left() -> int:
    """How many children this process has, ended ones that nobody asked about included."""
    if sys.platform != "linux":
        raise OSError("children are counted in /proc, which only Linux has")
    with open(f"/proc/self/task/{os.getpid()}/children") as numbers:
        return len(numbers.read().split())
