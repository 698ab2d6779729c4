"""concurrent.futures: thread pools, process pools and other threads beside a loop."""

import asyncio
import contextlib
import contextvars
import hashlib
import multiprocessing
import multiprocessing.forkserver
import multiprocessing.resource_tracker
import os
import signal
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from harness.given import Given

MIB = 1 << 20

request = contextvars.ContextVar("request", default="none")


# Each keeps a pipe for as long as Python runs. Started here, these count as open before.
multiprocessing.resource_tracker.ensure_running()
multiprocessing.forkserver.ensure_running()


def main(given: Given) -> None:
    given.run(work(given))
    assert given.threads() == [threading.main_thread()]


async def work(given: Given) -> None:
    await default_executor(given)
    await thread_pool(given)
    for method in multiprocessing.get_all_start_methods():
        await process_pool(given, method)
    await broken_process_pool(given)
    await other_threads(given)
    if sys.version_info >= (3, 14):
        await interpreters(given)


async def default_executor(given: Given) -> None:
    total = given.times(2000, 300)
    loop = asyncio.get_running_loop()
    calls = [loop.run_in_executor(None, pow, number, 2) for number in range(total)]
    assert await asyncio.gather(*calls) == [number**2 for number in range(total)]
    request.set("kept")
    assert await asyncio.to_thread(request.get) == "kept"

    # All threads are taken, so what comes after waits, and can be taken back.
    release = threading.Event()
    blocking = [loop.run_in_executor(None, release.wait) for _ in range(64)]
    ran = []
    late = loop.run_in_executor(None, ran.append, 1)
    late.cancel()
    running = blocking[0]
    running.cancel()
    await asyncio.wait([late, running])
    release.set()
    await asyncio.wait(blocking)
    assert late.cancelled() and running.cancelled() and not ran
    given.did(f"{total} calls in the default executor, some cancelled")


async def thread_pool(given: Given) -> None:
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(4, "pool", initializer=threading.current_thread) as pool:
        names = await asyncio.gather(*(loop.run_in_executor(pool, thread_name) for _ in range(100)))
        assert all(name.startswith("pool_") for name in names)
        assert await asyncio.wrap_future(pool.submit(divmod, 7, 3)) == (2, 1)
        try:
            await loop.run_in_executor(pool, divmod, 1, 0)
        except ZeroDivisionError:
            pass
        else:
            raise AssertionError("an exception was lost on its way out of a thread")
    own = ThreadPoolExecutor(2, "own")
    loop.set_default_executor(own)
    assert (await asyncio.to_thread(thread_name)).startswith("own_")
    given.did("a thread pool")


def thread_name() -> str:
    return threading.current_thread().name


async def process_pool(given: Given, method: str) -> None:
    loop = asyncio.get_running_loop()
    data = os.urandom(given.times(16, 4) * MIB)
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, context) as pool:
        expected = hashlib.sha256(data).hexdigest()
        answers = [loop.run_in_executor(pool, digest, data) for _ in range(4)]
        assert await asyncio.gather(*answers) == [expected] * 4
        # Workers have loops of their own if they want.
        assert await loop.run_in_executor(pool, loop_in_a_worker, given.factory_name) == "done"
        try:
            await loop.run_in_executor(pool, divmod, 1, 0)
        except ZeroDivisionError:
            pass
        else:
            raise AssertionError("an exception was lost on its way out of a process")
        waiting = loop.run_in_executor(pool, digest, data)
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
    given.did(f"a process pool by {method}")


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def loop_in_a_worker(factory_name: str) -> str:
    import importlib

    module, name = factory_name.split(":")
    factory = getattr(importlib.import_module(module), name)

    async def work() -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"done")
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return answer.decode()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read())
        writer.close()

    with asyncio.Runner(loop_factory=factory) as runner:
        server = runner.run(asyncio.start_server(echo, "127.0.0.1", 0))
        port = server.sockets[0].getsockname()[1]
        return runner.run(work())


async def broken_process_pool(given: Given) -> None:
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        try:
            await loop.run_in_executor(pool, signal.raise_signal, signal.SIGKILL)
        except BrokenProcessPool:
            given.did("a worker killed")
        else:
            raise AssertionError("a call outlived its process")


async def other_threads(given: Given) -> None:
    loop = asyncio.get_running_loop()
    total = given.times(10_000, 2000)
    arrived = 0
    everything = asyncio.Event()

    def arrive() -> None:
        nonlocal arrived
        arrived += 1
        if arrived == 4 * total:
            everything.set()

    async def answer(number: int) -> int:
        await asyncio.sleep(0)
        return -number

    def call() -> int:
        for _ in range(total):
            loop.call_soon_threadsafe(arrive)
        return asyncio.run_coroutine_threadsafe(answer(7), loop).result(60)

    with ThreadPoolExecutor(4) as pool:
        answers = [loop.run_in_executor(pool, call) for _ in range(4)]
        assert await asyncio.gather(*answers) == [-7] * 4
        await asyncio.wait_for(everything.wait(), 60)
        never = asyncio.run_coroutine_threadsafe(asyncio.sleep(1000), loop)
        await asyncio.sleep(0)
        never.cancel()
        while len(asyncio.all_tasks()) > 1:
            await asyncio.sleep(0)
    given.did(f"{4 * total} calls from 4 threads")


async def interpreters(given: Given) -> None:
    from concurrent.futures import InterpreterPoolExecutor

    loop = asyncio.get_running_loop()
    with InterpreterPoolExecutor(2) as pool:
        assert await loop.run_in_executor(pool, divmod, 7, 3) == (2, 1)
    given.did("an interpreter pool")
