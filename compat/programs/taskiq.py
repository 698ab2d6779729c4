"""taskiq's workers by its own command, over Redis, and a client that gives them work."""

import asyncio
import os
import signal

from harness.catalogue import REDIS
from harness.given import Given
from harness.serving import ended, running

SECONDS = 60.0

at_once = asyncio.Semaphore(16)


def main(given: Given) -> None:
    os.environ["COMPAT_REDIS"] = str(given.servers[REDIS]["port"])
    command = ("-m", "taskiq", "worker", "programs.applications.taskiq_broker:broker")
    with running(given, *command, "--workers", "2") as process:
        given.run(work(given))
        process.send_signal(signal.SIGTERM)
        ended(process, (0, -signal.SIGTERM, 128 + signal.SIGTERM))


async def work(given: Given) -> None:
    from programs.applications.taskiq_broker import add, broker, in_a_thread, where

    await broker.startup()
    try:
        seen: set[int] = set()
        async with asyncio.timeout(SECONDS):
            while len(seen) < 2:
                for place in await asyncio.gather(*(result(where) for _ in range(8))):
                    given.check_server_loop(place["module"])
                    seen.add(place["process"])
        given.did("2 worker processes")
        total = given.times(200, 50)
        answers = [result(add, number, 1) for number in range(total)]
        assert await asyncio.gather(*answers) == [number + 1 for number in range(total)]
        assert await result(in_a_thread, 7) == 49
        given.did(f"{total} tasks, and one in a thread")
    finally:
        await broker.shutdown()


async def result(task, *arguments: object):
    # Each that is waited for has a connection, and Redis gives each five seconds.
    async with at_once:
        kicked = await task.kiq(*arguments)
        answer = await kicked.wait_result(check_interval=0.05, timeout=SECONDS)
    answer.raise_for_error()
    return answer.return_value
