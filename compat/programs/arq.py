"""arq's worker by its own command, over Redis, and a client that gives it work."""

import asyncio
import os
import signal

import arq
from arq.connections import RedisSettings
from harness.catalogue import REDIS
from harness.given import Given
from harness.serving import ended, running

SECONDS = 60.0


def main(given: Given) -> None:
    port = given.servers[REDIS]["port"]
    os.environ["COMPAT_REDIS"] = str(port)
    command = ("-m", "arq", "programs.applications.arq_worker.WorkerSettings")
    with running(given, *command) as process:
        given.run(work(given, port))
        process.send_signal(signal.SIGTERM)
        ended(process, (0, -signal.SIGTERM))


async def work(given: Given, port: int) -> None:
    settings = RedisSettings("127.0.0.1", port)
    client = await arq.create_pool(settings, default_queue_name="compat:arq")
    try:
        place = await result(client, "where")
        given.check_server_loop(place["module"])
        total = given.times(200, 50)
        answers = [result(client, "add", number, 1) for number in range(total)]
        assert await asyncio.gather(*answers) == [number + 1 for number in range(total)]
        assert await result(client, "at_the_second_try") == 2
        given.did(f"{total} jobs, one of them tried again")
        async with asyncio.timeout(SECONDS):
            while await client.get("compat:arq:ticked") is None:
                await asyncio.sleep(0.05)
        given.did("a cron job")
    finally:
        await client.aclose()


async def result(client: arq.ArqRedis, function: str, *arguments: object):
    job = await client.enqueue_job(function, *arguments)
    return await job.result(timeout=SECONDS, poll_delay=0.05)
