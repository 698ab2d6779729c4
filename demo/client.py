"""Fetch many web pages at once, and say how each of them went.

    python client.py URLS [--at-once 50] [--timeout 1.5] [--report FILE]

URLS is a file with one address a line. Every address gets a task of its own and
all of them share one session; a semaphore keeps the number of requests that are
on their way at the same time small, and a request that takes too long is given
up. With --report the outcomes go to FILE as JSON.
"""

import argparse
import asyncio
import json
import pathlib
import resource
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass

import aiohttp


@dataclass(frozen=True)
class Outcome:
    """How one request went."""

    url: str
    # "success", "timeout", or for anything else what was wrong, in a word or two.
    result: str
    # From the moment the request was let through to its end.
    seconds: float
    # When it ended, on the clock of time.perf_counter.
    ended: float


class ProgressBar:
    """A bar on a terminal; elsewhere one line for each tenth of the way."""

    WIDTH = 40

    def __init__(self, label: str, total: int) -> None:
        self.label = label
        self.total = total
        self.done = 0
        self.counts: Counter[str] = Counter()

    def count(self, outcome: Outcome) -> None:
        self.done += 1
        kind = outcome.result if outcome.result in ("success", "timeout") else "error"
        self.counts[kind] += 1
        tenth_reached = self.done * 10 // self.total > (self.done - 1) * 10 // self.total
        if sys.stderr.isatty():
            print(f"\r{self}", end="\n" if self.done == self.total else "", file=sys.stderr)
        elif tenth_reached:
            print(self, file=sys.stderr)
        sys.stderr.flush()

    def __str__(self) -> str:
        filled = self.done * self.WIDTH // self.total
        bar = "█" * filled + "░" * (self.WIDTH - filled)
        return (
            f"{self.label:8} {bar} {self.done:5}/{self.total}"
            f"  ok {self.counts['success']}"
            f"  timeouts {self.counts['timeout']}"
            f"  errors {self.counts['error']}"
        )


async def fetch(
    url: str, session: aiohttp.ClientSession, slots: asyncio.Semaphore, timeout: float
) -> Outcome:
    """Fetch one page when a slot is free.

    Args:
        url: the address of the page.
        session: the session that all fetches share.
        slots: as many as there may be requests on their way.
        timeout: seconds after which a request is given up; waiting for a slot
            does not count.

    Returns:
        The outcome; no failure of the request raises.
    """
    async with slots:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(timeout), session.get(url) as response:
                response.raise_for_status()
                await response.read()
            result = "success"
        except TimeoutError:
            result = "timeout"
        except aiohttp.ClientResponseError as exc:
            result = f"status {exc.status}"
        except aiohttp.ClientConnectionError:
            result = "connection lost"
        ended = time.perf_counter()
        return Outcome(url, result, ended - started, ended)


async def fetch_all(urls: list[str], at_once: int, timeout: float, label: str) -> list[Outcome]:
    """Fetch all pages and show the progress on the way.

    Args:
        urls: the addresses, one task each.
        at_once: how many requests may be on their way at the same time.
        timeout: seconds after which one request is given up.
        label: what to write beside the progress bar.

    Returns:
        The outcomes, in the order of their ends.
    """
    slots = asyncio.Semaphore(at_once)
    progress = ProgressBar(label, len(urls))
    outcomes = []
    # The semaphore limits the requests; the session need not do it again.
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        tasks = [asyncio.create_task(fetch(url, session, slots, timeout)) for url in urls]
        for ended in asyncio.as_completed(tasks):
            outcome = await ended
            outcomes.append(outcome)
            progress.count(outcome)
    return outcomes


def cpu_seconds() -> float:
    """What this process has used so far, in all of its threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def main() -> None:
    parser = argparse.ArgumentParser(description="Fetch many web pages at once.")
    parser.add_argument("urls", type=pathlib.Path, help="a file with one address a line")
    parser.add_argument("--at-once", type=int, default=50, help="requests at the same time")
    parser.add_argument("--timeout", type=float, default=1.5, help="seconds for one request")
    parser.add_argument("--report", type=pathlib.Path, help="write the outcomes here, as JSON")
    parser.add_argument("--label", default="fetching", help="what to write beside the bar")
    options = parser.parse_args()

    urls = options.urls.read_text().split()
    cpu_before = cpu_seconds()
    started = time.perf_counter()
    outcomes = await fetch_all(urls, options.at_once, options.timeout, options.label)
    ended = time.perf_counter()

    if options.report is not None:
        report = {
            "loop": type(asyncio.get_running_loop()).__module__,
            "started": started,
            "ended": ended,
            "cpu_seconds": cpu_seconds(),
            "cpu_seconds_fetching": cpu_seconds() - cpu_before,
            "outcomes": [asdict(outcome) for outcome in outcomes],
        }
        options.report.write_text(json.dumps(report))


if __name__ == "__main__":
    asyncio.run(main())
