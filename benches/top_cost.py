"""What `aioxide top` takes from a process with many tasks.

    python benches/top_cost.py [--tasks 100000] [--seconds 20] [--keys tree]

A process with that many sleeping tasks is looked at by `aioxide-console top` in a
pseudo-terminal. What its threads take of the processor is read from the system before and
during it; a refresh is counted by what comes to the terminal, where nothing else changes.
The program `aioxide-console` is looked for in ``PATH``.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import textwrap
import time
from fcntl import ioctl

WATCHED = textwrap.dedent(
    """
    import asyncio, sys
    import aioxide

    async def sleeper():
        await asyncio.sleep(3600)

    async def main(count):
        tasks = [asyncio.create_task(sleeper()) for _ in range(count)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        print("ready", flush=True)
        await asyncio.gather(*tasks)

    aioxide.console.start()
    aioxide.run(main(int(sys.argv[1])))
    """
)

ROWS, COLUMNS = 40, 160

#: What is drawn ten times a second although nothing has changed, in bytes.
NOTHING_NEW = 64
#: Output that comes within so many seconds belongs to one refresh.
ONE_REFRESH = 0.15


def processor_seconds(pid: int) -> float:
    """What the threads of a process have taken of the processor so far."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def share(pid: int, seconds: float) -> float:
    """The part of one processor that a process takes while nobody looks."""
    before = processor_seconds(pid)
    time.sleep(seconds)
    return (processor_seconds(pid) - before) / seconds


def watch(pid: int, seconds: float, keys: bytes) -> tuple[float, float]:
    """Refreshes a second, and the part of one processor that the process takes meanwhile."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execvp("aioxide-console", ["aioxide-console", "top", str(pid)])
    try:
        ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        read_for(terminal, 2)
        os.write(terminal, keys)
        read_for(terminal, 2)
        begin, before = time.monotonic(), processor_seconds(pid)
        refreshes = read_for(terminal, seconds)
        lasted = time.monotonic() - begin
        return refreshes / lasted, (processor_seconds(pid) - before) / lasted
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)


def read_for(terminal: int, seconds: float) -> int:
    """Reads what comes in so many seconds; returns how many times the screen has changed."""
    end, last, refreshes = time.monotonic() + seconds, 0.0, 0
    while (left := end - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            if len(os.read(terminal, 1 << 16)) > NOTHING_NEW:
                now = time.monotonic()
                refreshes += now - last > ONE_REFRESH
                last = now
    return refreshes


def main() -> None:
    """Measures, and prints JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--keys", choices=("tasks", "tree", "objects"), default="tasks")
    arguments = parser.parse_args()
    keys = {"tasks": b"1", "tree": b"2", "objects": b"4"}[arguments.keys]
    command = [sys.executable, "-c", WATCHED, str(arguments.tasks)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as watched:
        try:
            assert watched.stdout is not None
            watched.stdout.readline()
            idle = share(watched.pid, 3)
            refreshes, taken = watch(watched.pid, arguments.seconds, keys)
        finally:
            watched.kill()
    print(
        json.dumps(
            {
                "tasks": arguments.tasks,
                "view": arguments.keys,
                "refreshes per second": round(refreshes, 2),
                "percent of a processor": round(100 * taken, 2),
                "percent without top": round(100 * idle, 2),
                "load": os.getloadavg()[0],
            }
        )
    )


if __name__ == "__main__":
    main()
