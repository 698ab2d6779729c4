"""Dask's distributed: a scheduler and two workers in processes of their own, and a client."""

import asyncio
import contextlib
import operator
import signal
import subprocess
import sys
from collections.abc import AsyncIterator

import cloudpickle
import dask
from distributed import Client, Event
from harness.given import Given, ProgramError

MIB = 1 << 20


def main(given: Given) -> None:
    # This module is not on the path of the workers.
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    dask.config.set({"distributed.scheduler.worker-ttl": None})
    given.run(work(given))


async def work(given: Given) -> None:
    address = f"tcp://127.0.0.1:{await free_port()}"
    async with (
        process(given, "dask_scheduler", "--host", address, "--no-dashboard"),
        worker(given, address, "one"),
        worker(given, address, "two") as second,
        Client(address, asynchronous=True, timeout=60) as client,
    ):
        await client.wait_for_workers(2, timeout=60)
        await on_the_right_loop(given, client)
        await computed(given, client)
        await large_data(given, client)
        await cancelled(given, client)
        await failed(given, client)
        await worker_lost(given, client, second)


async def free_port() -> int:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    async with server:
        return server.sockets[0].getsockname()[1]


@contextlib.asynccontextmanager
async def process(given: Given, module: str, *options: str) -> AsyncIterator[subprocess.Popen]:
    """Run one of distributed's commands; at the end it is told to go and has to."""
    command = [*given.python, "-m", f"distributed.cli.{module}", *options]
    running = subprocess.Popen(command)
    try:
        yield running
        if running.poll() is None:
            running.send_signal(signal.SIGTERM)
            status = await asyncio.to_thread(running.wait, 60)
            if status not in (0, -signal.SIGTERM):
                raise ProgramError(f"{module} ended with status {status} after SIGTERM")
    finally:
        if running.poll() is None:
            running.kill()
        running.wait()


def worker(given: Given, address: str, name: str):
    return process(
        given,
        "dask_worker",
        address,
        *("--name", name, "--nthreads", "1", "--memory-limit", "0", "--no-nanny"),
        *("--no-dashboard", "--local-directory", str(given.folder / name)),
    )


def running_loop(**_: object) -> str:
    return type(asyncio.get_running_loop()).__module__


async def running_loop_of_worker() -> str:
    return running_loop()


async def on_the_right_loop(given: Given, client: Client) -> None:
    given.check_loop_name(await client.run_on_scheduler(running_loop))
    for name in (await client.run(running_loop_of_worker)).values():
        given.check_loop_name(name)
    given.did("a scheduler and 2 workers, each a process")


async def computed(given: Given, client: Client) -> None:
    total = given.times(1000, 200)
    squares = client.map(operator.pow, range(total), [2] * total, pure=False)
    answer = await client.submit(sum, squares)
    assert answer == sum(number**2 for number in range(total))

    @dask.delayed
    def joined(left: str, right: str) -> str:
        return left + right

    parts = [dask.delayed(str)(number) for number in range(16)]
    while len(parts) > 1:
        parts = [joined(*pair) for pair in zip(parts[::2], parts[1::2], strict=True)]
    assert await client.compute(parts[0]) == "".join(map(str, range(16)))
    given.did(f"{total} tasks and a tree")


async def large_data(given: Given, client: Client) -> None:
    size = given.times(64, 8) * MIB
    [future] = await client.scatter([bytes(size)], broadcast=True, hash=False)
    assert await client.submit(len, future) == size
    made = client.submit(bytes, size, workers="one", pure=False)
    # From one worker over the other to here.
    returned = client.submit(bytes.__add__, made, b"x", workers="two", pure=False)
    assert len(await returned) == size + 1
    given.did(f"{size // MIB} MiB between the processes")


async def cancelled(given: Given, client: Client) -> None:
    begun, release = Event("begun", client=client), Event("release", client=client)

    def wait() -> None:
        Event("begun").set()
        Event("release").wait()

    running = client.submit(wait, pure=False)
    waiting = client.submit(lambda _: 1, running, pure=False)
    await begun.wait()
    await waiting.cancel()
    await running.cancel()
    assert waiting.cancelled() and running.cancelled()
    await release.set()
    gathering = asyncio.create_task(client.gather(client.submit(Event("never").wait, pure=False)))
    await asyncio.sleep(0)
    gathering.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await gathering
    assert gathering.cancelled()
    await Event("never", client=client).set()
    assert await client.submit(operator.add, 1, 2, pure=False) == 3
    given.did("tasks cancelled")


async def failed(given: Given, client: Client) -> None:
    try:
        await client.submit(operator.truediv, 1, 0)
    except ZeroDivisionError:
        given.did("an exception from a worker")
    else:
        raise AssertionError("an exception was lost on its way from a worker")


def number_of_workers(dask_scheduler) -> int:
    return len(dask_scheduler.workers)


async def worker_lost(given: Given, client: Client, lost: subprocess.Popen) -> None:
    held = client.map(operator.neg, range(100), pure=False)
    assert await client.submit(sum, held) == -sum(range(100))
    lost.kill()
    async with asyncio.timeout(60):
        while await client.run_on_scheduler(number_of_workers) != 1:
            await asyncio.sleep(0.01)
    # What it held is computed again by the other one.
    assert await client.submit(sum, held, pure=False) == -sum(range(100))
    given.did("a worker killed, its results made again")
