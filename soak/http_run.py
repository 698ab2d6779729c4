"""The HTTP soak: thousands of requests in flight, cancelled at any await, and nothing left behind.

    python soak/run.py --http --seconds 60
    python soak/run.py --http --libraries httpx2 --requests 500
    python soak/run.py --http --loop asyncio --libraries aiohttp        # the control

Exit status as that of the other soak.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import verdict
from http_libraries import LIBRARIES
from run import (
    LEAST_STAY,
    MOST_PROBLEMS_SHOWN,
    PATIENCE,
    SoakError,
    Worker,
    issue_certificate,
    started,
    state_rows,
)


class HttpSoak:
    """One run, wave by wave."""

    def __init__(self, options: argparse.Namespace, directory: Path) -> None:
        self._options = options
        self._directory = directory
        self.problems: list[str] = []
        self.ended: Counter[str] = Counter()
        self.most_in_flight = 0
        self.places_cut = 0
        self.served: dict[str, int] = {}
        #: Requests since the first wave.
        self.requests = 0

    def run(self) -> tuple[Worker, Worker]:
        """All waves; answers with the workers, who have ended."""
        common = ["--loop", self._options.loop, "--seed", str(self._options.seed)]
        certificate, authority = issue_certificate(self._directory)
        with ExitStack() as stack:
            server = stack.enter_context(
                started("http_server", *common, "--certificate", certificate)
            )
            libraries = ",".join(self._options.libraries)
            clients = stack.enter_context(
                started("http_client", *common, "--authority", authority, "--libraries", libraries)
            )
            bases = server.hear(PATIENCE)["bases"]
            clients.hear(PATIENCE)
            begin = time.monotonic()
            around = self._options.seconds / self._options.waves / 2
            for number in range(1, self._options.waves + 1):
                left = begin + self._options.seconds - time.monotonic()
                stay = left / (self._options.waves - number + 1) - around
                around = self._wave(number, max(LEAST_STAY, stay), bases, server, clients)
            for worker in (clients, server):
                worker.order(do="end")
                worker.hear(PATIENCE)
        return server, clients

    def _wave(
        self, number: int, seconds: float, bases: list[str], server: Worker, clients: Worker
    ) -> float:
        """One wave, in which all are in flight for so long; answers what it took beyond that."""
        begin = time.monotonic()
        clients.order(do="wave", bases=bases, at_once=self._options.requests, seconds=seconds)
        report = clients.hear(seconds + PATIENCE)["report"]
        server.order(do="count")
        self.served = server.hear(PATIENCE)["report"]
        ended = Counter(report["ended"])
        self.ended += ended
        self.most_in_flight = max(self.most_in_flight, report["most_in_flight"])
        self.places_cut = report["places_cut"]
        if number > 1:
            self.requests += ended.total()
        print(
            f"wave {number} of {self._options.waves}: {ended.total():,} requests in "
            f"{time.monotonic() - begin:.0f} s, at most {report['most_in_flight']:,} in flight; "
            + ", ".join(f"{count:,} {how}" for how, count in sorted(ended.items())),
            flush=True,
        )
        return time.monotonic() - begin - seconds

    def judge(self, workers: tuple[Worker, Worker]) -> None:
        """Add what the processes have left behind and complained of."""
        for worker in workers:
            first, last, end = worker.censuses[0], worker.censuses[-2], worker.censuses[-1]
            self.problems += verdict.of_census(
                worker.name, first, last, self.requests, self._options.requests
            )
            self.problems += verdict.of_descriptors(f"{worker.name} at its end", end)
            self.problems += [f"{worker.name}: {text}" for text in worker.complaints]
            if (unseen := worker.complaint_count - len(worker.complaints)) > 0:
                self.problems.append(f"{worker.name}: {unseen} more complaints")
        if self.most_in_flight < self._options.requests:
            self.problems.append(f"only {self.most_in_flight} requests were in flight at once")
        self.problems += missing_kinds(self.ended)

    def table(self, workers: tuple[Worker, Worker]) -> str:
        """What it came to."""
        rows = [
            ("requests", f"{self.ended.total():,}"),
            *((f"  {how}", f"{count:,}") for how, count in sorted(self.ended.items())),
            ("most in flight at once", f"{self.most_in_flight:,}"),
            ("requests that the server has seen", f"{self.served['requests']:,}"),
            ("connections", f"{self.served['connections']:,}"),
            ("awaits that were cancelled", f"{self.places_cut:,} different"),
        ]
        rows += [row for worker in workers for row in state_rows(worker)]
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"  {name:{width}}  {value}" for name, value in rows)


def missing_kinds(ended: Counter[str]) -> list[str]:
    """The ends that a soak must have had, and this one did not."""
    wanted = ("done", "cancelled", "timed out", "lost")
    return [f"no request was {how}" for how in wanted if not ended[how]]


def options(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--http", action="store_true", required=True, help="this soak")
    parser.add_argument("--loop", choices=("aioxide", "asyncio"), default="aioxide")
    parser.add_argument("--seconds", type=float, default=540, help="in all, about (default 540)")
    parser.add_argument("--requests", type=int, default=5000, help="in flight (default 5000)")
    parser.add_argument("--waves", type=int, default=3, help="at least 2 (default 3)")
    parser.add_argument("--seed", type=int, default=1, help="decides what happens (default 1)")
    parser.add_argument(
        "--libraries",
        type=lambda text: text.split(","),
        default=list(LIBRARIES),
        help=f"of {','.join(LIBRARIES)} (default all)",
    )
    chosen = parser.parse_args(arguments)
    if chosen.waves < 2:
        parser.error("the first wave only warms up: --waves must be 2 or more")
    if unknown := set(chosen.libraries) - set(LIBRARIES):
        parser.error(f"unknown libraries: {', '.join(sorted(unknown))}")
    return chosen


def main(arguments: list[str]) -> int:
    """Run it as the command line says."""
    chosen = options(arguments)
    begin = time.monotonic()
    print(
        f"{chosen.requests:,} requests in flight on {chosen.loop}, {chosen.seconds:.0f} s in "
        f"{chosen.waves} waves, {', '.join(chosen.libraries)}, seed {chosen.seed}",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as directory:
        soak = HttpSoak(chosen, Path(directory))
        try:
            workers: Any = soak.run()
        except SoakError as exc:
            print(f"soak: {exc}", file=sys.stderr)
            return 2
        soak.judge(workers)
        print(f"\n{soak.table(workers)}\n")
    if soak.problems:
        for problem in soak.problems[:MOST_PROBLEMS_SHOWN]:
            print(f"soak: {problem}", file=sys.stderr)
        print(f"soak: {len(soak.problems)} problems, seed {chosen.seed}", file=sys.stderr)
        return 1
    print(f"Nothing lost, nothing left behind, in {time.monotonic() - begin:.0f} s.")
    return 0
