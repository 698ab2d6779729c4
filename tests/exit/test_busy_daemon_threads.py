"""A program ends while loops are busy in daemon threads: quietly, with the status it wants."""

import os
import subprocess
import sys

import pytest
from tls.certificates import Certificates

DEADLINE = 25  # seconds
RUNS = int(os.environ.get("AIOXIDE_EXIT_RUNS", "5"))

# What each loop does; `busy()` is called again and again.
WORK = {
    "yields": """
async def work(busy):
    while True:
        await asyncio.sleep(0)
        busy()
""",
    "callbacks": """
async def work(busy):
    loop = asyncio.get_running_loop()
    def again():
        busy()
        loop.call_soon(again)
    again()
    await asyncio.Event().wait()
""",
    "timers": """
async def work(busy):
    while True:
        await asyncio.wait_for(asyncio.sleep(0.0001), 5)
        busy()
""",
    "a callback that does not end": """
async def work(busy):
    def forever():
        while True:
            busy()
    asyncio.get_running_loop().call_soon(forever)
    await asyncio.Event().wait()
""",
    "a callback that blocks": """
async def work(busy):
    def blocks():
        while True:
            time.sleep(0.001)
            busy()
    asyncio.get_running_loop().call_soon(blocks)
    await asyncio.Event().wait()
""",
    "queues": """
async def work(busy):
    queue = asyncio.Queue(2)
    async def put():
        while True:
            await queue.put(1)
    task = asyncio.ensure_future(put())
    while True:
        await queue.get()
        busy()
""",
    "gather": """
async def work(busy):
    while True:
        await asyncio.gather(*[asyncio.sleep(0) for _ in range(20)])
        busy()
""",
    "locks": """
async def work(busy):
    condition = asyncio.Condition()
    async def wake():
        while True:
            async with condition:
                condition.notify_all()
            await asyncio.sleep(0)
    task = asyncio.ensure_future(wake())
    while True:
        async with asyncio.timeout(5), condition:
            await condition.wait()
        busy()
""",
    "sockets": """
async def echo(reader, writer):
    while data := await reader.readline():
        writer.write(data)
        await writer.drain()

async def work(busy):
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    while True:
        writer.write(b"ping\\n")
        await reader.readline()
        busy()
""",
    "socket calls": """
async def work(busy):
    import socket
    loop = asyncio.get_running_loop()
    left, right = socket.socketpair()
    left.setblocking(False)
    right.setblocking(False)
    while True:
        received = asyncio.ensure_future(loop.sock_recv(right, 10))
        await loop.sock_sendall(left, b"ping")
        await received
        busy()
""",
    "TLS": """
async def echo(reader, writer):
    while data := await reader.readline():
        writer.write(data)

async def work(busy):
    import ssl
    inside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    inside.load_cert_chain(sys.argv[3])
    outside = ssl.create_default_context(cafile=sys.argv[4])
    server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=inside)
    host, port = server.sockets[0].getsockname()
    reader, writer = await asyncio.open_connection("localhost", port, ssl=outside)
    while True:
        writer.write(b"ping\\n")
        await reader.readline()
        busy()
""",
    "threads": """
async def work(busy):
    while True:
        # Jobs are refused in the end.
        jobs = [asyncio.to_thread(busy) for _ in range(3)]
        await asyncio.gather(*jobs, return_exceptions=True)
""",
    "threads that block": """
async def work(busy):
    while True:
        with contextlib.suppress(RuntimeError):
            await asyncio.to_thread(time.sleep, 0.001)
        await asyncio.sleep(0)
        busy()
""",
    "callbacks from another thread": """
async def work(busy):
    loop = asyncio.get_running_loop()
    def send():
        while True:
            loop.call_soon_threadsafe(busy)
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()
    threading.Thread(target=send, daemon=True).start()
    await asyncio.Event().wait()
""",
    "a foreign loop": """
import asyncio as standard

async def work(busy):
    await asyncio.sleep(0)
    busy()

def run(main):
    async def on_foreign_loop(busy):
        queue = asyncio.Queue()
        def again():
            queue.put_nowait(1)
            loop.call_soon(again)
        again()
        while True:
            await queue.get()
            await asyncio.sleep(0)
            busy()
    loop = standard.SelectorEventLoop()
    loop.run_until_complete(asyncio.Task(on_foreign_loop(main), loop=loop))
""",
}

PROGRAM = """
import contextlib, importlib, sys, threading, time
asyncio = importlib.import_module(sys.argv[1])
loops = int(sys.argv[2])
sys.setswitchinterval(0.0005)

def run(busy):
    asyncio.run(work(busy))

{work}

def start():
    is_busy = threading.Event()
    count = 0
    def busy():
        nonlocal count
        count += 1
        if count > 20:
            is_busy.set()
    threading.Thread(target=run, args=(busy,), daemon=True).start()
    return is_busy

for is_busy in [start() for _ in range(loops)]:
    assert is_busy.wait(20)
sys.exit(3)
"""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """The certificates, issued once per run."""
    return Certificates.issue(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("loops", [1, 6])
@pytest.mark.parametrize("work", WORK)
def test_exit_while_loops_are_busy(kind, work, loops, tmp_path, certificates):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(work=WORK[work]))
    options = [kind, str(loops), certificates.server, certificates.authority]
    command = [sys.executable, "-W", "ignore", program, *options]
    for _ in range(RUNS):
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
        assert done.stderr == ""
        assert done.stdout == ""
        assert done.returncode == 3
