"""The clients' process of the HTTP soak: thousands of requests in flight.

    python soak/http_client.py --loop aioxide --seed 1 --libraries aiohttp,httpx

Started by ``http_run.py``, which says on standard input what to do.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import ssl
import time
import zlib
from collections import Counter
from typing import Any

import census
import http_libraries
from cutting import CutAt
from http_libraries import Lost
from http_wire import HOW, Asked
from worker import Complaints, Orders, answer, run

#: Of so many requests one is cancelled at one of its awaits, or closed with its answer unread.
ONE_CUT_IN = 3
#: How many awaits it gets through before, at most; few requests have more.
MOST_AWAITS = 6
ONE_ABANDONED_IN = 10
#: Of so many one goes over the client that has few connections, and waits for one.
ONE_NARROW_IN = 10
NARROW_LIMIT = 100
#: Milliseconds until an answer begins, at most: long enough that thousands wait.
MOST_DELAY = 8000
MOST_BYTES = 100_000
#: Seconds that a request may take when the wave is over.
PATIENCE = 90


class Clients:
    """All requests of this process."""

    def __init__(self, options: argparse.Namespace, complaints: Complaints) -> None:
        self._options = options
        self._complaints = complaints
        self._context = (
            ssl.create_default_context(cafile=options.authority) if options.authority else None
        )
        self._next_name = 1
        self._tasks: set[asyncio.Task[None]] = set()
        self._places_cut: set[str] = set()
        self._in_flight = 0
        self._most_in_flight = 0

    async def wave(self, bases: list[str], at_once: int, seconds: float) -> dict[str, Any]:
        """Keep `at_once` requests in flight for so many seconds, and wait for the last of them."""
        is_native = self._options.loop == "aioxide"
        libraries = self._options.libraries.split(",")
        wide, narrow = (
            [http_libraries.make(name, is_native, limit, self._context) for name in libraries]
            for limit in (None, NARROW_LIMIT)
        )
        self._ended: Counter[str] = Counter()
        self._most_in_flight = 0
        end = None
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < (give_up if end is None else end):
            if end is None and self._in_flight >= at_once:
                end = time.monotonic() + seconds
            # Not all of them begin at once; and some more than are counted, since a task that has
            # been made is in flight only when it has run.
            some = max(20, at_once // 20)
            begin = min(at_once + some - len(self._tasks), some)
            for _ in range(begin):
                self._begin(bases, wide, narrow)
            await asyncio.sleep(0.02)
        if self._tasks:
            _, stuck = await asyncio.wait(self._tasks, timeout=PATIENCE)
            for task in stuck:
                self._complaints.add(f"still under way after {PATIENCE} s: {task.get_name()}")
                task.cancel()
            if stuck:
                await asyncio.wait(stuck, timeout=PATIENCE)
        for client in (*wide, *narrow):
            await client.close()
        return {
            "ended": self._ended,
            "most_in_flight": self._most_in_flight,
            "places_cut": len(self._places_cut),
        }

    def _begin(self, bases: list[str], wide: list[Any], narrow: list[Any]) -> None:
        name = self._next_name
        self._next_name += 1
        # All that it will do follows from the seed and its name.
        rng = random.Random(f"{self._options.seed} {name}")
        (how,) = rng.choices(list(HOW), list(HOW.values()))
        is_narrow = rng.randrange(ONE_NARROW_IN) == 0
        client = rng.choice(narrow if is_narrow else wide)
        # A hundred streams at a time are all that a connection of HTTP/2 has.
        hurry = 100 if is_narrow else 10 if client.shares_connections else 1
        asked = Asked(
            name,
            how,
            delay=rng.randrange(MOST_DELAY) // hurry,
            size=rng.choice((0, 1, 1000, rng.randrange(MOST_BYTES))),
            upload=rng.choice((0, 0, 0, rng.randrange(MOST_BYTES))),
        )
        work = self._ask(client, rng.choice(bases), asked, rng)
        task = asyncio.create_task(self._account(asked, work, rng), name=f"request {asked}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _account(self, asked: Asked, work: Any, rng: random.Random) -> None:
        """Run a request, perhaps cancelled at one of its awaits, and see that it ends well."""
        cut: CutAt | None = None
        self._in_flight += 1
        self._most_in_flight = max(self._most_in_flight, self._in_flight)
        try:
            if rng.randrange(ONE_CUT_IN) == 0:
                number, manner = rng.randint(1, MOST_AWAITS), rng.randrange(3)
                delay = rng.uniform(0, 1)
                cut = CutAt(work, number, manner, delay, self._places_cut)
                await cut
            else:
                await work
            ended = "done"
        except asyncio.CancelledError:
            if cut is None or not cut.has_cut:
                raise
            ended = "cancelled"
        except TimeoutError:
            ended = "timed out"
            if asked.how != "silent":
                self._complaints.add(f"timed out, and was to be answered: {asked}")
        except Lost as error:
            ended = "lost"
            if asked.how != "cut":
                self._complaints.add_exception(f"lost, and nobody cut it: {asked}", error)
        except Exception as error:
            ended = "failed"
            self._complaints.add_exception(f"{asked}", error)
        finally:
            self._in_flight -= 1
        self._ended[ended] += 1

    async def _ask(self, client: Any, base: str, asked: Asked, rng: random.Random) -> None:
        patience = rng.uniform(0.1, 2.0) if asked.how == "silent" else None
        is_abandoned = rng.randrange(ONE_ABANDONED_IN) == 0
        is_streamed = rng.random() < 0.5
        if patience is not None and rng.random() < 0.5:
            # The program's own limit instead of the library's.
            async with asyncio.timeout(patience):
                return await self._exchange(client, base, asked, None, is_streamed, False)
        await self._exchange(client, base, asked, patience, is_streamed, is_abandoned)

    async def _exchange(
        self,
        client: Any,
        base: str,
        asked: Asked,
        patience: float | None,
        is_streamed: bool,
        is_abandoned: bool,
    ) -> None:
        # Silence begins before the delay is over.
        limit = None if patience is None else patience + asked.delay / 1000
        async with client.ask(base, asked, limit, is_streamed) as response:
            if response.headers["x-name"] != str(asked.name):
                self._complaints.add(f"the answer to {response.headers['x-name']} for {asked}")
            count, running = 0, 0
            async for piece in response.content:
                count += len(piece)
                running = zlib.crc32(piece, running)
                if is_abandoned:
                    return
            if asked.how == "cut":
                self._complaints.add(f"cut, and the answer was complete: {asked}")
            if (count, running) != (asked.size, int(response.headers["x-sum"])):
                self._complaints.add(f"{count} bytes that are not the answer to {asked}")


async def main(options: argparse.Namespace, orders: Orders, complaints: Complaints) -> None:
    """Do as told until there are no more orders."""
    clients = Clients(options, complaints)
    at_start = census.descriptors()
    answer(ready=True)
    while (order := await orders.next()) is not None:
        match order["do"]:
            case "wave":
                report = await clients.wave(order["bases"], order["at_once"], order["seconds"])
                answer(report=report, census=await census.take(at_start), **complaints.told())
            case "end":
                answer(census=await census.take(at_start), **complaints.told())
                return


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--authority", help="file of the certificate to trust")
    parser.add_argument("--libraries", required=True, help="names, with commas between them")
    run(main, parser)
