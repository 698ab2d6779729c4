"""The soak: thousands of connections that come and go, and nothing lost or left behind.

    python soak/run.py --seconds 60
    python soak/run.py --loop asyncio          # the control
    python soak/run.py --seed 7 --connections 500
    python soak/run.py --http                  # requests of HTTP clients: see http_run.py

A server and its clients, two processes on the same kind of loop, go through waves. In each, so
many connections are kept under way, and every one follows a script that the seed decides:
conversations, half-closes, resets, slow readers on either side, timeouts, cancellations at any
await, while the server's listeners go away and come back. At the end of a wave all of it must
be gone. The first wave warms up; what the others leave behind is measured against it.

Exit status 0 when nothing was lost, left behind or reported, 1 with the reasons if something
was, 2 when it could not be run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import verdict

HERE = Path(__file__).resolve().parent
CARRIERS = ("tcp", "unix", "tls")
#: Beyond the time for which connections are begun: for the last of them to end, for counting.
PATIENCE = 300
#: Seconds for which all connections stay at least, however long it takes until all are there.
LEAST_STAY = 2.0
MOST_PROBLEMS_SHOWN = 20


class SoakError(Exception):
    """It could not be run to its end; the message says why."""


class Worker:
    """One of the two processes."""

    def __init__(self, name: str, process: subprocess.Popen[str]) -> None:
        self.name = name
        self._process = process
        self.censuses: list[dict[str, Any]] = []
        self.complaints: list[str] = []
        self.complaint_count = 0

    def order(self, **content: Any) -> None:
        """Tell it what to do."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(content) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise SoakError(f"the {self.name} ended with {self._process.wait()}") from None

    def hear(self, patience: float) -> dict[str, Any]:
        """What it answers, within `patience` seconds.

        Raises:
            SoakError: it ended, or the time is over.
        """
        assert self._process.stdout is not None
        watchdog = threading.Timer(patience, self._process.kill)
        watchdog.start()
        begin = time.monotonic()
        line = self._process.stdout.readline()
        watchdog.cancel()
        if not line:
            waited = time.monotonic() - begin
            status = self._process.wait()
            raise SoakError(f"the {self.name} ended with {status} after {waited:.0f} s")
        content = json.loads(line)
        if "census" in content:
            self.censuses.append(content["census"])
            self.complaints = content["complaints"]
            self.complaint_count = content["complaint_count"]
        return content


@contextmanager
def started(name: str, *arguments: str) -> Iterator[Worker]:
    """Run a worker until it has ended by itself, which it must in order."""
    command = [sys.executable, str(HERE / f"{name}.py"), *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Worker(name, process)
            status = process.wait(PATIENCE)
        finally:
            process.kill()
        if status != 0:
            raise SoakError(f"the {name} ended with {status}")


class Soak:
    """One run, wave by wave."""

    def __init__(self, options: argparse.Namespace, directory: str) -> None:
        self._options = options
        self._directory = Path(directory)
        self.problems: list[str] = []
        self.ended: Counter[str] = Counter()
        self.messages = 0
        self.acknowledged = 0
        self.restarts = 0
        self.most_open = 0
        self.places_cut = 0
        self.children = 0
        #: Connections since the first wave.
        self.connections = 0

    def run(self) -> tuple[Worker, Worker]:
        """All waves; answers with the workers, who have ended."""
        common = ["--loop", self._options.loop, "--seed", str(self._options.seed)]
        carriers = ",".join(self._options.carriers)
        server_options = ["--directory", str(self._directory), "--carriers", carriers]
        client_options = []
        if "tls" in self._options.carriers:
            certificate, authority = issue_certificate(self._directory)
            server_options += ["--certificate", certificate]
            client_options += ["--authority", authority]
        with (
            started("server", *common, *server_options) as server,
            started("client", *common, *client_options) as clients,
        ):
            places = server.hear(PATIENCE)["addresses"]
            clients.hear(PATIENCE)
            begin = time.monotonic()
            # For all to come and to go again. Guessed for the first wave, measured after that.
            around = self._options.seconds / self._options.waves / 2
            for number in range(1, self._options.waves + 1):
                left = begin + self._options.seconds - time.monotonic()
                stay = left / (self._options.waves - number + 1) - around
                around = self._wave(number, max(LEAST_STAY, stay), places, server, clients)
            for worker in (clients, server):
                worker.order(do="end")
                worker.hear(PATIENCE)
        return server, clients

    def _wave(
        self, number: int, seconds: float, places: Any, server: Worker, clients: Worker
    ) -> float:
        """One wave, in which all stay for so long; answers what it took beyond that."""
        begin = time.monotonic()
        client_book, server_book = self._directory / "clients", self._directory / "server"
        server.order(do="serve", book=str(server_book))
        clients.order(
            do="wave",
            places=places,
            at_once=self._options.connections,
            seconds=seconds,
            book=str(client_book),
        )
        report = clients.hear(seconds + PATIENCE)["report"]
        server.order(do="count")
        server.hear(PATIENCE)
        records, book = read_lines(client_book), read_lines(server_book)
        self.problems += verdict.of_books(records, book)
        ended = Counter(it["ended"] for it in records)
        self.ended += ended
        self.messages += sum(len(it["sums"]) - 1 for it in records)
        self.acknowledged += sum(it["acknowledged"] for it in records)
        self.restarts += sum("restarted" in line for line in book)
        self.most_open = max(self.most_open, report["most_open"])
        self.places_cut = report["places_cut"]
        self.children = report["children"]
        if number > 1:
            self.connections += len(records)
        print(
            f"wave {number} of {self._options.waves}: {len(records):,} connections in "
            f"{time.monotonic() - begin:.0f} s, at most {report['most_open']:,} open at once; "
            + ", ".join(f"{count:,} {how}" for how, count in sorted(ended.items())),
            flush=True,
        )
        return time.monotonic() - begin - seconds

    def judge(self, workers: tuple[Worker, Worker]) -> None:
        """Add what the processes have left behind and complained of."""
        for worker in workers:
            # The last census is of the time without listeners.
            first, last, end = worker.censuses[0], worker.censuses[-2], worker.censuses[-1]
            self.problems += verdict.of_census(
                worker.name, first, last, self.connections, self._options.connections
            )
            self.problems += verdict.of_descriptors(f"{worker.name} at its end", end)
            self.problems += [f"{worker.name}: {text}" for text in worker.complaints]
            if (unseen := worker.complaint_count - len(worker.complaints)) > 0:
                self.problems.append(f"{worker.name}: {unseen} more complaints")
        if self.most_open < self._options.connections:
            self.problems.append(f"only {self.most_open} connections were open at once")

    def table(self, workers: tuple[Worker, Worker]) -> str:
        """What it came to."""
        rows = [
            ("connections", f"{self.ended.total():,}"),
            *((f"  {how}", f"{count:,}") for how, count in sorted(self.ended.items())),
            ("most open at once", f"{self.most_open:,}"),
            ("messages sent", f"{self.messages:,}"),
            ("messages acknowledged", f"{self.acknowledged:,}"),
            ("restarts of a listener", f"{self.restarts:,}"),
            ("child processes", f"{self.children:,}"),
            ("awaits that were cancelled", f"{self.places_cut:,} different"),
        ]
        rows += [row for worker in workers for row in state_rows(worker)]
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"  {name:{width}}  {value}" for name, value in rows)


def state_rows(worker: Worker) -> list[tuple[str, str]]:
    """What a process held after the first wave and after the last."""
    first, last = worker.censuses[0], worker.censuses[-2]
    rows = [
        (f"{worker.name}: descriptors", str(sum(last["descriptors"].values()))),
        (f"{worker.name}: tasks, threads", f"{last['tasks']}, {last['threads']}"),
        (
            f"{worker.name}: objects",
            change(sum(first["objects"].values()), sum(last["objects"].values())),
        ),
        (f"{worker.name}: Python's blocks", change(first["blocks"], last["blocks"])),
        (
            f"{worker.name}: resident, KiB",
            change(first["resident_bytes"] >> 10, last["resident_bytes"] >> 10),
        ),
    ]
    if last["native_bytes"] is not None:
        allocated = change(first["native_bytes"] >> 10, last["native_bytes"] >> 10)
        rows.append((f"{worker.name}: allocated, KiB", allocated))
    return rows


def read_lines(book: Path) -> list[dict[str, Any]]:
    """What one side has written down."""
    return [json.loads(line) for line in book.read_text().splitlines()]


def issue_certificate(directory: Path) -> tuple[str, str]:
    """Files of a server's key with its certificate, and of the authority that vouches for it."""
    # Here, so that a soak without TLS needs nothing but the standard library.
    import trustme

    authority = trustme.CA()
    paths = directory / "certificate.pem", directory / "authority.pem"
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
        str(paths[0])
    )
    authority.cert_pem.write_to_path(str(paths[1]))
    return str(paths[0]), str(paths[1])


def change(first: int, last: int) -> str:
    """A figure after the first wave and after the last."""
    return f"{first:,} -> {last:,} ({last - first:+,})"


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--http", action="store_true", help="requests instead of connections")
    parser.add_argument("--loop", choices=("aioxide", "asyncio"), default="aioxide")
    parser.add_argument("--seconds", type=float, default=540, help="in all, about (default 540)")
    parser.add_argument("--connections", type=int, default=5000, help="at once (default 5000)")
    parser.add_argument("--waves", type=int, default=3, help="at least 2 (default 3)")
    parser.add_argument("--seed", type=int, default=1, help="decides what happens (default 1)")
    parser.add_argument(
        "--carriers",
        type=lambda text: text.split(","),
        default=list(CARRIERS),
        help=f"of {','.join(CARRIERS)} (default all)",
    )
    chosen = parser.parse_args()
    if chosen.waves < 2:
        parser.error("the first wave only warms up: --waves must be 2 or more")
    if unknown := set(chosen.carriers) - set(CARRIERS):
        parser.error(f"unknown carriers: {', '.join(sorted(unknown))}")
    return chosen


def main() -> int:
    if "--http" in sys.argv:
        # It needs this module, which is another one while it runs as the program.
        import http_run

        return http_run.main(sys.argv[1:])
    chosen = options()
    begin = time.monotonic()
    print(
        f"{chosen.connections:,} connections at once on {chosen.loop}, {chosen.seconds:.0f} s in "
        f"{chosen.waves} waves, {', '.join(chosen.carriers)}, seed {chosen.seed}",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as directory:
        soak = Soak(chosen, directory)
        try:
            workers = soak.run()
        except SoakError as exc:
            for problem in soak.problems[:MOST_PROBLEMS_SHOWN]:
                print(problem, file=sys.stderr)
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


if __name__ == "__main__":
    sys.exit(main())
