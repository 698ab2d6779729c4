"""The demonstration: 1,000 URLs at once, on the standard loop, on aioxide, and under ``--http``.

    python demo/run.py

Starts ``server.py`` and ``client.py``, two ordinary asyncio programs on aiohttp,
as two processes: on the standard library's event loop, then on aioxide, then on aioxide with
``--http``, where the client's requests are sent by the native HTTP client.
Some of the URLs are slow on purpose and some fail; the run fails unless exactly
those end in a timeout or an error.
"""

from __future__ import annotations

import json
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

HERE = pathlib.Path(__file__).resolve().parent

# How to start a program in each of the ways, by what the table calls it. The event loop must then
# turn out to come from the package that the name begins with.
LOOPS = {
    "asyncio": [sys.executable],
    "aioxide": [sys.executable, "-m", "aioxide"],
    "aioxide --http": [sys.executable, "-m", "aioxide", "--http"],
}

# How many URLs of each kind, and how a request for one must end.
URLS = {
    "ok": (940, "success"),
    "slow": (20, "timeout"),
    "broken": (20, "status 500"),
    "dropped": (20, "connection lost"),
}
AT_ONCE = 50
# Far above what a good page takes on a busy machine, far below the 30 seconds
# of a slow one: which requests time out must not depend on the machine.
TIMEOUT_SECONDS = 1.5
# For anything here that would otherwise be waited for without end.
DEADLINE_SECONDS = 60.0


class DemoError(Exception):
    """The demonstration did not go as it must; the message says in what."""


@dataclass(frozen=True)
class Result:
    """What one run of the client came to, in seconds where it is a time."""

    counts: Counter[str]
    elapsed: float
    # Until every URL was done but those that time out.
    elapsed_answered: float
    # Processor seconds of the client: in all, and while it fetched.
    cpu: float
    cpu_fetching: float
    # Latencies of the successful requests, ascending.
    latencies: list[float]

    @property
    def answered(self) -> int:
        """How many requests did not time out."""
        return self.counts.total() - self.counts["timeout"]

    @property
    def other_errors(self) -> int:
        """How many requests failed before their time was up."""
        return self.answered - self.counts["success"]

    def percentile(self, percent: int) -> float:
        """The latency that so many per cent of the successes did not exceed (nearest rank)."""
        rank = -(-len(self.latencies) * percent // 100)
        return self.latencies[rank - 1]


@contextmanager
def server(command: list[str]) -> Iterator[str]:
    """Run the server on a free port of the loopback interface and answer its address.

    Raises:
        DemoError: the server did not start, or did not stop cleanly when told to.
    """
    with subprocess.Popen(
        [*command, str(HERE / "server.py")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            watchdog = threading.Timer(DEADLINE_SECONDS, process.kill)
            watchdog.start()
            address = process.stdout.readline().strip()
            watchdog.cancel()
            if not address:
                raise DemoError(f"the server ended with status {process.wait()} at its start")
            yield address
            process.send_signal(signal.SIGTERM)
            try:
                status = process.wait(DEADLINE_SECONDS)
            except subprocess.TimeoutExpired:
                raise DemoError(
                    f"the server still ran {DEADLINE_SECONDS} s after SIGTERM"
                ) from None
            if status != 0:
                raise DemoError(f"the server ended with status {status} after SIGTERM")
        finally:
            if process.poll() is None:
                process.kill()


def urls_to_fetch(address: str) -> list[str]:
    """All URLs in an order that is mixed, yet the same in every run."""
    urls = [
        f"{address}/{kind}/{number}" for kind, (count, _) in URLS.items() for number in range(count)
    ]
    random.Random(1000).shuffle(urls)
    return urls


def run_on(loop: str) -> Result:
    """Run server and client on one loop and check how every request ended.

    Raises:
        DemoError: a program failed, ran on another loop, or a URL ended in
            another way than it was made for.
    """
    command = LOOPS[loop]
    with server(command) as address, tempfile.TemporaryDirectory() as directory:
        url_file = pathlib.Path(directory, "urls.txt")
        report_file = pathlib.Path(directory, "report.json")
        urls = urls_to_fetch(address)
        url_file.write_text("\n".join(urls))
        client = [*command, str(HERE / "client.py"), str(url_file)]
        client += ["--at-once", str(AT_ONCE), "--timeout", str(TIMEOUT_SECONDS)]
        client += ["--report", str(report_file), "--label", loop]
        try:
            status = subprocess.run(client, timeout=DEADLINE_SECONDS).returncode
        except subprocess.TimeoutExpired:
            raise DemoError(f"the client on {loop} was not done in {DEADLINE_SECONDS} s") from None
        if status != 0:
            raise DemoError(f"the client on {loop} ended with status {status}")
        report = json.loads(report_file.read_text())
    if report["loop"].partition(".")[0] != loop.partition(" ")[0]:
        raise DemoError(f"the client was to run on {loop} and ran on {report['loop']}")
    check_outcomes(loop, urls, report["outcomes"])
    started, outcomes = report["started"], report["outcomes"]
    answered = [outcome["ended"] for outcome in outcomes if outcome["result"] != "timeout"]
    succeeded = [outcome["seconds"] for outcome in outcomes if outcome["result"] == "success"]
    return Result(
        counts=Counter(outcome["result"] for outcome in outcomes),
        elapsed=report["ended"] - started,
        elapsed_answered=max(answered) - started,
        cpu=report["cpu_seconds"],
        cpu_fetching=report["cpu_seconds_fetching"],
        latencies=sorted(succeeded),
    )


def check_outcomes(loop: str, urls: list[str], outcomes: list[dict[str, str]]) -> None:
    """Raise DemoError unless every URL ended once, and as it was made for."""
    if sorted(outcome["url"] for outcome in outcomes) != sorted(urls):
        raise DemoError(f"on {loop} the outcomes are not of the {len(urls)} URLs, each once")
    wrong = []
    for outcome in outcomes:
        kind = outcome["url"].split("/")[-2]
        expected = URLS[kind][1]
        if outcome["result"] != expected:
            wrong.append(f"{outcome['url']}: {outcome['result']}, not {expected}")
    if wrong:
        listed = "\n  ".join(wrong[:10])
        raise DemoError(f"on {loop} {len(wrong)} requests ended in the wrong way:\n  {listed}")


def table(results: dict[str, Result]) -> str:
    """The results side by side."""
    every = list(results.values())
    rows = [
        ("", list(results)),
        ("successes", [str(r.counts["success"]) for r in every]),
        ("timeouts", [str(r.counts["timeout"]) for r in every]),
        ("other errors", [str(r.other_errors) for r in every]),
        ("requests/s", [f"{r.counts.total() / r.elapsed:,.0f}" for r in every]),
        ("requests/s, timeouts aside", [f"{r.answered / r.elapsed_answered:,.0f}" for r in every]),
        ("latency p50, ms", [f"{r.percentile(50) * 1000:.1f}" for r in every]),
        ("latency p99, ms", [f"{r.percentile(99) * 1000:.1f}" for r in every]),
        ("CPU seconds of the client", [f"{r.cpu:.2f}" for r in every]),
        ("  of them for the requests", [f"{r.cpu_fetching:.2f}" for r in every]),
    ]
    width = max(len(row[0]) for row in rows)
    return "\n".join(
        f"  {name:{width}}" + "".join(f"{cell:>16}" for cell in cells) for name, cells in rows
    )


def main() -> int:
    total = sum(count for count, _ in URLS.values())
    print(
        f"{total} URLs, each a task, {AT_ONCE} requests at a time, {TIMEOUT_SECONDS} s for each;\n"
        f"{URLS['slow'][0]} are too slow, {URLS['broken'][0]} answer with status 500, "
        f"{URLS['dropped'][0]} drop the connection.\n",
        flush=True,
    )
    try:
        results = {loop: run_on(loop) for loop in LOOPS}
    except DemoError as exc:
        print(f"demo: {exc}", file=sys.stderr)
        return 1
    print(f"\n{table(results)}\n")
    print(
        "Every request ended as its URL was made for. Latencies are those of the successes.\n"
        "Without --http most of the work is aiohttp's own. Beyond the requests, the seconds are\n"
        "those of starting Python and importing aiohttp. `make bench` measures the loops alone."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
