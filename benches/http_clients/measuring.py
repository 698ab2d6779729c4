"""What a sample of each row is: a number, and what explains it."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any

from workloads.certificates import certificate
from workloads.processes import allow_open_files, resident_bytes
from workloads.sampling import Measurement

from http_clients import servers
from http_clients.clients import Client, Setting

AT_ONCE = 32
#: Of one long body.
BODY_BYTES = 100 << 20
PIECE = b"x" * (64 << 10)
TRANSFERS = 3

#: As in the demonstration: how many URLs of each kind, and how each must end.
URLS = {
    "json": (940, "success"),
    "slow/30000": (20, "timeout"),
    "status/500": (20, "status"),
    "drop": (20, "lost"),
}
URLS_AT_ONCE = 50
URL_SECONDS = 1.5

IDLE_CONNECTIONS = 2000
IDLE_AT_ONCE = 20


def processor_seconds() -> float:
    """What this process has used, in all of its threads, in user space and in the kernel."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak_bytes() -> int:
    """The most memory that this process has had in RAM."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def percentile(ascending: list[float], percent: int) -> float:
    """By nearest rank."""
    return ascending[-(-len(ascending) * percent // 100) - 1]


def requests(kind: type[Client], quick: bool, *, tls: bool) -> Measurement:
    """Microseconds of processor time for one GET of 1 KiB of JSON, 32 at a time."""
    warmup, seconds = (0.2, 0.5) if quick else (0.5, 2.0)

    async def work(setting: Setting, url: str) -> Measurement:
        client = kind(setting)
        await client.open()
        await requests_for(client, url, warmup)
        used, started = processor_seconds(), time.perf_counter()
        latencies = await requests_for(client, url, seconds)
        used, elapsed = processor_seconds() - used, time.perf_counter() - started
        await client.close()
        latencies.sort()
        return Measurement(
            used / len(latencies) * 1e6,
            {
                "requests": len(latencies),
                "requests_per_second": len(latencies) / elapsed,
                "p50_ms": percentile(latencies, 50) * 1e3,
                "p99_ms": percentile(latencies, 99) * 1e3,
            },
        )

    with ExitStack() as stack:
        options, setting = [], Setting()
        if tls:
            made = stack.enter_context(certificate())
            options, setting = ["--tls", made.server], Setting(made.authority)
        server = stack.enter_context(servers.api(*options))
        return run(work(setting, f"{'https' if tls else 'http'}://{server.address}/json"))


async def requests_for(client: Client, url: str, seconds: float) -> list[float]:
    """Requests one after the other in each of the tasks; returns how long each took."""
    latencies: list[float] = []
    end = time.perf_counter() + seconds

    async def repeat() -> None:
        before = time.perf_counter()
        while before < end:
            await client.get_json(url)
            after = time.perf_counter()
            latencies.append(after - before)
            before = after

    await asyncio.gather(*(repeat() for _ in range(AT_ONCE)))
    return latencies


def urls(kind: type[Client], quick: bool) -> Measurement:
    """Microseconds of processor time for one of 1,000 URLs, 50 at a time, some of which fail."""
    import aiohttp

    async def fetch(session: aiohttp.ClientSession, url: str, slots: asyncio.Semaphore) -> str:
        async with slots:
            try:
                async with asyncio.timeout(URL_SECONDS), session.get(url) as response:
                    response.raise_for_status()
                    await response.read()
                return "success"
            except TimeoutError:
                return "timeout"
            except aiohttp.ClientResponseError:
                return "status"
            except aiohttp.ClientConnectionError:
                return "lost"

    async def fetch_all(base: str) -> None:
        # The semaphore limits the requests, as in the demonstration.
        client = kind(Setting(is_unlimited=True))
        await client.open()
        slots = asyncio.Semaphore(URLS_AT_ONCE)
        wanted = [
            f"{base}/{path}/{number}"
            for path, (count, _) in URLS.items()
            for number in range(count)
        ]
        # Mixed, and the same in every run.
        wanted = [wanted[number * 619 % len(wanted)] for number in range(len(wanted))]
        tasks = [asyncio.create_task(fetch(client.session, url, slots)) for url in wanted]
        ended = Counter([await task for task in asyncio.as_completed(tasks)])
        expected = {result: count for count, result in URLS.values()}
        if ended != expected:
            raise RuntimeError(f"the URLs ended as {dict(ended)}")
        await client.close()

    async def work(base: str) -> Measurement:
        await fetch_all(base)
        total, started = 1 if quick else 3, time.perf_counter()
        used = processor_seconds()
        for _ in range(total):
            await fetch_all(base)
        used, elapsed = processor_seconds() - used, time.perf_counter() - started
        count = total * sum(count for count, _ in URLS.values())
        return Measurement(used / count * 1e6, {"requests": count, "seconds": elapsed})

    with servers.api() as server:
        return run(work(f"http://{server.address}"))


def transfer(kind: type[Client], quick: bool, *, is_upload: bool) -> Measurement:
    """Milliseconds of processor time for 100 MiB; and how far memory grew meanwhile."""

    async def pieces(total: int) -> AsyncIterator[bytes]:
        for _ in range(total // len(PIECE)):
            yield PIECE

    async def once(client: Client, base: str, size: int) -> None:
        if is_upload:
            moved = await client.upload(f"{base}/sink", pieces(size))
        else:
            moved = await client.download(f"{base}/bytes/{size}")
        if moved != size:
            raise RuntimeError(f"{moved} bytes of {size}")

    async def work(base: str) -> Measurement:
        client = kind(Setting())
        await client.open()
        await once(client, base, 2 << 20)
        peak, started = peak_bytes(), time.perf_counter()
        used = processor_seconds()
        total = 1 if quick else TRANSFERS
        for _ in range(total):
            await once(client, base, BODY_BYTES)
        used, elapsed = processor_seconds() - used, time.perf_counter() - started
        grown = peak_bytes() - peak
        await client.close()
        return Measurement(
            used / total * 1e3,
            {"mib_per_second": 100 * total / elapsed, "peak_growth_bytes": grown},
        )

    with servers.api() as server:
        return run(work(f"http://{server.address}"))


def application(kind: type[Client], quick: bool) -> Measurement:
    """Microseconds of FastAPI on uvicorn for a request that it answers by one to an API."""
    warmup, seconds = (0.5, 1.0) if quick else (1.0, 3.0)
    with (
        servers.api() as api,
        servers.application(kind.name, kind.is_accelerated, f"http://{api.address}") as server,
    ):
        servers.load(server, "/answer", AT_ONCE, warmup)
        report = servers.load(server, "/answer", AT_ONCE, seconds)
    return Measurement(
        report["server_seconds"] / report["requests"] * 1e6,
        {
            "requests": report["requests"],
            "requests_per_second": report["requests"] / report["seconds"],
            "p50_ms": report["p50_ms"],
            "p99_ms": report["p99_ms"],
        },
    )


def idle(kind: type[Client], quick: bool) -> Measurement:
    """Bytes of memory for one idle connection, of 2,000 in a client's pool.

    20 connections to each of 100 addresses, so that few requests are under way at once and what
    these leave behind is not counted.
    """
    addresses = IDLE_CONNECTIONS // IDLE_AT_ONCE
    first = 10

    async def work(port: str) -> Measurement:
        client = kind(Setting(is_unlimited=True))
        await client.open()

        async def open_connections(numbers: range) -> int:
            for number in numbers:
                url = f"http://127.0.0.{number}:{port}/slow/20"
                await asyncio.gather(*(client.get_json(url) for _ in range(IDLE_AT_ONCE)))
            # Twice: the second pass gets what finalizers of the first have let go.
            gc.collect()
            gc.collect()
            return resident_bytes(os.getpid())

        before = await open_connections(range(1, first + 1))
        sockets = open_sockets()
        after = await open_connections(range(first + 1, addresses + 1))
        opened = open_sockets() - sockets
        wanted = (addresses - first) * IDLE_AT_ONCE
        if opened != wanted:
            raise RuntimeError(f"{opened} connections are open, not {wanted}")
        await client.close()
        return Measurement((after - before) / opened, {"before": before, "after": after})

    allow_open_files(IDLE_CONNECTIONS + 100)
    with servers.api("--addresses", str(addresses)) as server:
        return run(work(server.address.rpartition(":")[2]))


def open_sockets() -> int:
    """How many sockets this process has open."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
        except FileNotFoundError:
            continue  # that of the listing itself
    return found


def connect(loop: str, quick: bool) -> Measurement:
    """Microseconds of a connection to a server in the same process: opened, read, closed."""
    seconds = 0.5 if quick else 2.0

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    async def repeat(port: int, seconds: float) -> int:
        count, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            if await reader.read() != b"hello":
                raise RuntimeError("not what the server has sent")
            writer.close()
            await writer.wait_closed()
            count += 1
        return count

    async def work() -> Measurement:
        async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            await repeat(port, seconds / 4)
            used = processor_seconds()
            count = await repeat(port, seconds)
            used = processor_seconds() - used
        return Measurement(used / count * 1e6, {"connections": count})

    import loops

    with asyncio.Runner(loop_factory=lambda: loops.new_event_loop(loop)) as runner:
        return runner.run(work())


def run(work: Any) -> Measurement:
    """Runs a coroutine on aioxide's loop, on the client's processor."""
    import aioxide

    # Threads that are started later inherit it.
    os.sched_setaffinity(0, {servers.client_core()})
    with asyncio.Runner(loop_factory=aioxide.new_event_loop) as runner:
        return runner.run(work)
