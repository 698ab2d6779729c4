"""Each kind of call that blocks a loop is named, with what to use instead."""

import pytest

#: The program's setup, the call that blocks for a third of a second, a part of the fix.
CALLS = {
    "sleep": ("import time as clock", "clock.sleep(0.35)", "await asyncio.sleep("),
    "sleep by name": ("from time import sleep", "sleep(0.35)", "await asyncio.sleep("),
    "socket": (
        "import socket; one, two = socket.socketpair(); one.settimeout(0.35)",
        "quietly(one.recv, 10)",
        "asyncio.open_connection",
    ),
    "socket of a file": (
        "import socket; one, two = socket.socketpair(); one.settimeout(0.35)",
        "quietly(one.makefile('rb').read, 1)",
        "asyncio.open_connection",
    ),
    "urllib": (
        "import socket, urllib.request; port = socket.create_server(('127.0.0.1', 0))\n"
        "url = 'http://127.0.0.1:%d/' % port.getsockname()[1]",
        "quietly(urllib.request.urlopen, url, timeout=0.35)",
        "aiohttp",
    ),
    "http.client": (
        "import socket, http.client; port = socket.create_server(('127.0.0.1', 0))\n"
        "link = http.client.HTTPConnection(*port.getsockname(), timeout=0.35)\n"
        "link.request('GET', '/')",
        "quietly(link.getresponse)",
        "aiohttp",
    ),
    "sqlite3": (
        "import sqlite3, tempfile, os; path = os.path.join(tempfile.mkdtemp(), 'db')\n"
        "other = sqlite3.connect(path, isolation_level=None); other.execute('BEGIN EXCLUSIVE')\n"
        "db = sqlite3.connect(path, timeout=0.35, isolation_level=None)",
        "quietly(db.execute, 'BEGIN EXCLUSIVE')",
        "aiosqlite",
    ),
    "subprocess": (
        "import subprocess",
        "subprocess.run(['sleep', '0.35'])",
        "asyncio.create_subprocess_exec",
    ),
    "os.system": ("import os", "os.system('sleep 0.35')", "asyncio.create_subprocess_shell"),
    "file": (
        "import os, subprocess, tempfile; path = os.path.join(tempfile.mkdtemp(), 'fifo')\n"
        "os.mkfifo(path)\n"
        "def prepare(): subprocess.Popen(['sh', '-c', 'sleep 0.4; echo x >' + path])",
        "open(path).read()",
        "asyncio.to_thread",
    ),
    "open file": (
        "import os; reader, writer = os.pipe(); file = os.fdopen(reader)\n"
        "import threading\n"
        "def prepare(): threading.Timer(0.4, os.close, [writer]).start()",
        "file.read()",
        "Read and write files in a thread",
    ),
    "lock": (
        "import threading; lock = threading.Lock(); lock.acquire()",
        "lock.acquire(timeout=0.35)",
        "asyncio's lock",
    ),
    "queue": (
        "import queue; items = queue.Queue()",
        "quietly(items.get, timeout=0.35)",
        "asyncio's lock, queue or event",
    ),
    "future of a thread": (
        "import concurrent.futures; pool = concurrent.futures.ThreadPoolExecutor()",
        "pool.submit(time.sleep, 0.35).result()",
        "asyncio.wrap_future",
    ),
    "computation": (
        "",
        "spin(0.35)",
        "Move the computation to an executor",
    ),
}

PROGRAM = """
def prepare():
    "What has to happen just before the call."

{setup}

def quietly(function, *args, **options):
    try:
        function(*args, **options)
    except Exception:
        pass

def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for _ in range(1000):
            pass

def culprit():
    {call}

async def main():
    await asyncio.sleep(0)
    prepare()
    begin = time.monotonic()
    culprit()
    end = time.monotonic()
    await until(2)
    report(begin=begin, end=end)

aioxide.watch(100)
aioxide.run(main())
"""


@pytest.mark.parametrize("kind", CALLS)
def test_call(watched, kind):
    setup, call, fix = CALLS[kind]
    result, finished = watched(PROGRAM.format(setup=setup, call=call))
    first, second = result["records"]
    assert first["at"] < result["end"], "reported while it still blocked"
    assert fix in first["fix"]
    expected = {"quietly": "quietly(", "spin": "spin"}
    if not any(call.startswith(each) for each in expected):
        assert first["function"] == "culprit"
        assert "`" in first["text"]
    assert first["text"].startswith("the event loop has been blocked for 0.1")
    assert "in all by" in second["text"]
    assert second["seconds"] == pytest.approx(result["end"] - result["begin"], abs=0.15)
    assert "blocked for" not in finished.stderr, "no code kept the GIL"
