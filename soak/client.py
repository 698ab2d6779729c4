"""The clients' process: thousands of connections that come and go.

    python soak/client.py --loop aioxide --seed 1

Started by ``run.py``, which says on standard input what to do.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import random
import socket
import ssl
import time
from collections import Counter
from typing import Any, TextIO

import census
import children
import links
import scenarios
from cutting import CutAt
from links import EndError, Link, Place
from scenarios import Record, Scenario, Talk, Wave
from server import start_all_threads
from worker import Complaints, Orders, answer, run

#: Of so many connections one is cancelled somewhere, or goes to a port where nobody listens.
ONE_CUT_IN = 5
ONE_REFUSED_IN = 50
#: Child processes that are under way at any time.
CHILDREN = 4
#: Seconds that a connection may take when the wave is over.
PATIENCE = 60


class Clients:
    """All connections of this process."""

    def __init__(self, options: argparse.Namespace, complaints: Complaints) -> None:
        self._seed = options.seed
        self._complaints = complaints
        self._next_name = 1
        self._wave = Wave()
        self._tasks: set[asyncio.Task[None]] = set()
        self._errands: set[asyncio.Task[None]] = set()
        self._book: TextIO | None = None
        self._children_done: Counter[str] = Counter()
        #: Where tasks waited when they were cancelled.
        self._places_cut: set[str] = set()
        # Bound and never listening: a connection to it is refused, and nobody else gets it.
        self._closed = socket.socket()
        self._closed.bind(("127.0.0.1", 0))

    async def wave(
        self, places: list[Place], at_once: int, seconds: float, book: str
    ) -> dict[str, Any]:
        """Keep `at_once` connections open for so many seconds, and wait for the last of them.

        The time begins when all of them are there. What is known of each when it is over goes
        to the file `book`, a line for each.
        """
        with open(book, "w") as self._book:
            return await self._wave_of(places, at_once, seconds)

    async def _wave_of(self, places: list[Place], at_once: int, seconds: float) -> dict[str, Any]:
        self._places = places
        wave = self._wave = Wave()
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if wave.open >= at_once and not wave.is_full.is_set():
                wave.is_full.set()
                deadline = time.monotonic() + seconds
            self._begin_some(at_once)
            while len(self._errands) < CHILDREN:
                self._begin_errand()
            await asyncio.sleep(0.02)
        wave.is_over = True
        wave.is_full.set()
        if under_way := self._tasks | self._errands:
            _, stuck = await asyncio.wait(under_way, timeout=PATIENCE)
            for task in stuck:
                self._complaints.add(f"still under way after {PATIENCE} s: {task.get_name()}")
                task.cancel()
            if stuck:
                await asyncio.wait(stuck, timeout=PATIENCE)
        return {
            "most_open": wave.most_open,
            "children": self._children_done.total(),
            "places_cut": len(self._places_cut),
        }

    def end(self) -> None:
        """Give back what was kept."""
        self._closed.close()

    def _begin_some(self, at_once: int) -> None:
        # So many are open, unless connecting takes too long; and not all of them begin at once.
        most_connecting = max(20, at_once // 10)
        wave = self._wave
        while wave.open < at_once and len(self._tasks) < wave.open + most_connecting:
            self._begin()

    def _begin(self) -> None:
        name = self._next_name
        self._next_name += 1
        # All that it will do follows from the seed and its name.
        rng = random.Random(f"{self._seed} {name}")
        place = rng.choice(self._places)
        style = rng.choice(list(links.STYLES))
        if place.context is not None and style == "sock":
            style = "streams"
        kinds, weights = list(scenarios.WEIGHTS), list(scenarios.WEIGHTS.values())
        scenario = rng.choices(kinds, weights)[0]
        if scenario is scenarios.half_close and not place.can_half_close:
            scenario = scenarios.converse
        if rng.randrange(ONE_REFUSED_IN) == 0:
            place = Place("closed", self._closed.getsockname())
        elif isinstance(place.address, list) and style != "sock" and rng.random() < 0.05:
            # By name: resolved in a thread, and perhaps to addresses where nobody listens.
            place = dataclasses.replace(place, address=["localhost", place.address[1]])
        record = Record(name, place.name, scenario.__name__, time.monotonic())
        what = f"{name}: {scenario.__name__} to {place.name} by {style}"
        task = asyncio.create_task(
            self._connect(place, links.STYLES[style](), scenario, record, rng), name=what
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _begin_errand(self) -> None:
        name = self._next_name
        self._next_name += 1
        rng = random.Random(f"{self._seed} {name}")
        errand = rng.choice(children.ERRANDS)
        task = asyncio.create_task(self._run_errand(errand, rng), name=f"child: {errand.__name__}")
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _run_errand(self, errand: children.Errand, rng: random.Random) -> None:
        cut = None
        try:
            if rng.randrange(ONE_CUT_IN) == 0:
                number, manner, delay = rng.randint(1, 8), rng.randrange(3), rng.uniform(0, 0.1)
                cut = CutAt(errand(rng), number, manner, delay, self._places_cut)
                await cut
            else:
                await errand(rng)
        except asyncio.CancelledError:
            if cut is None or not cut.has_cut:
                raise
        except Exception as exc:
            self._complaints.add_exception(f"child: {errand.__name__}", exc)
        self._children_done[errand.__name__] += 1

    async def _connect(
        self, place: Place, link: Link, scenario: Scenario, record: Record, rng: random.Random
    ) -> None:
        cut: CutAt | None = None
        conversation = self._converse(place, link, scenario, record, rng)
        try:
            if rng.randrange(ONE_CUT_IN) == 0:
                number, manner, delay = rng.randint(1, 15), rng.randrange(3), rng.uniform(0, 0.5)
                cut = CutAt(conversation, number, manner, delay, self._places_cut)
                await cut
            else:
                await conversation
            record.ended = "done"
        except asyncio.CancelledError:
            if cut is None or not cut.has_cut:
                raise
            record.ended = "cancelled"
        except (ConnectionRefusedError, FileNotFoundError):
            record.ended = "refused"
        except (ConnectionError, EndError, ssl.SSLError):
            record.ended = "lost"
        except Exception as exc:
            record.ended = "failed"
            task = asyncio.current_task()
            assert task is not None
            self._complaints.add_exception(task.get_name(), exc)
        finally:
            record.end = time.monotonic()
            assert self._book is not None
            # At once: kept in memory it would hide what connections leave there.
            self._book.write(json.dumps(dataclasses.asdict(record)) + "\n")

    async def _converse(
        self, place: Place, link: Link, scenario: Scenario, record: Record, rng: random.Random
    ) -> None:
        wave = self._wave
        talk = Talk(link, record, rng, wave)
        try:
            await talk.open(place)
            wave.open += 1
            wave.most_open = max(wave.most_open, wave.open)
            try:
                await scenario(talk)
            finally:
                wave.open -= 1
        finally:
            link.abort()


async def main(options: argparse.Namespace, orders: Orders, complaints: Complaints) -> None:
    """Do as told until there are no more orders."""
    context = ssl.create_default_context(cafile=options.authority) if options.authority else None
    await start_all_threads()
    without = census.descriptors()
    clients = Clients(options, complaints)
    at_start = census.descriptors()
    answer(ready=True)
    while (order := await orders.next()) is not None:
        match order["do"]:
            case "wave":
                places = [
                    Place(name, address, context if name.startswith("tls") else None)
                    for name, address in order["places"].items()
                ]
                report = await clients.wave(
                    places, order["at_once"], order["seconds"], order["book"]
                )
                del places
                answer(report=report, census=await census.take(at_start), **complaints.told())
            case "end":
                clients.end()
                answer(census=await census.take(without), **complaints.told())
                return


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--authority", help="file of the certificate to trust")
    run(main, parser)
