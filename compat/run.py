"""Runs real programs and real servers on aioxide, and on the standard loop as the control.

What the programs need is installed first: Python packages by pip into an environment of their own,
PostgreSQL, Redis and wrk by apt. See README.md of this folder.
"""

import argparse
import contextlib
import functools
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness import catalogue, report, servers
from harness.catalogue import Program
from harness.debian import Unavailable, provide
from harness.packages import Packages
from harness.supervision import Place, Run, run_program
from harness.verdict import UNAVAILABLE, Verdict, judge, unavailable

_CHECKOUT = Path(__file__).resolve().parent.parent
LOOPS = ("asyncio", "aioxide")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as the command line says.

    Returns:
        0 if no program failed on aioxide, 1 if one did, 2 if none could be tried.
    """
    options = _parse(arguments)
    try:
        programs = catalogue.chosen(options.only, quick=options.quick)
    except ValueError as error:
        print(f"compat: {error}", file=sys.stderr)
        return 2
    if options.list:
        for program in programs:
            needs = ", ".join((*program.distributions, *program.debian)) or "nothing"
            print(f"{program.name:16} by {program.start}; needs {needs}")
        for name, reason in catalogue.ABSENT.items():
            print(f"{name:16} {UNAVAILABLE}: {reason}")
        return 0
    loops = [options.loop] if options.loop else list(LOOPS)
    with contextlib.ExitStack() as stack:
        runner = _Runner(options, stack)
        verdicts = [runner.try_program(program, loops) for program in programs]
    print()
    print(report.table(verdicts))
    for verdict in verdicts:
        if verdict.reasons:
            print(f"\n{report.explanation(verdict)}")
    print(f"\n{report.closing_line(verdicts)}")
    if options.json:
        options.json.write_text(report.as_json(verdicts))
    if options.publish:
        report.publish(verdicts, _CHECKOUT / "docs" / "compatibility.md")
    if any(verdict.counts_against_us for verdict in verdicts):
        return 1
    return 2 if all(verdict.result == UNAVAILABLE for verdict in verdicts) else 0


class _Runner:
    """What all programs of one invocation share: packages, certificates, servers."""

    def __init__(self, options: argparse.Namespace, stack: contextlib.ExitStack) -> None:
        self._options = options
        self._stack = stack
        self._environments: dict[str, Packages] = {}
        self._folder = _CHECKOUT / "target" / "compat"
        self._folder.mkdir(parents=True, exist_ok=True)
        # What was started or found, or why it cannot be had.
        self._debian: dict[str, dict[str, Any] | Unavailable] = {}

    def try_program(self, program: Program, loops: Sequence[str]) -> Verdict:
        """Run a program on each of the loops and judge it, saying so on the way."""
        packages = self._packages(program.environment)
        version = packages.version(program)
        missing = packages.missing(program)
        if missing:
            print(f"{program.name:16} {UNAVAILABLE}: {missing}", flush=True)
            return unavailable(program, version, missing)
        version = packages.version(program)
        try:
            known = {package: self._debian_package(package) for package in program.debian}
        except Unavailable as reason:
            print(f"{program.name:16} {UNAVAILABLE}: {reason}", flush=True)
            return unavailable(program, version, str(reason))
        certificates = self._certificates if catalogue.TRUSTME in program.distributions else None
        place = Place(
            packages.python, self._folder, certificates, self._options.quick, self._options.lints
        )
        verdict = self._run(program, version, loops, place, known)
        if verdict.reasons and self._options.rerun:
            print(f"{'':16} once more", flush=True)
            verdict = self._run(program, version, loops, place, known)
        return verdict

    def _run(
        self,
        program: Program,
        version: str,
        loops: Sequence[str],
        place: Place,
        known: dict[str, dict[str, Any]],
    ) -> Verdict:
        """Run it, with its control first, and judge."""
        runs: dict[str, Run] = {}
        for loop in loops:
            runs[loop] = run = run_program(program, loop, place, known)
            outcome = "done" if run.error is None else f"failed: {run.error}"
            print(f"{program.name:16} {loop}  {run.seconds:6.1f} s  {outcome}", flush=True)
            if run.error is not None:
                break
        verdict = judge(program, version, runs.get("asyncio"), runs.get("aioxide"))
        for reason in verdict.reasons:
            print(f"{'':16} {verdict.result}: {reason}", flush=True)
        return verdict

    def _packages(self, requirements: str) -> Packages:
        if requirements not in self._environments:
            self._environments[requirements] = Packages(requirements)
        return self._environments[requirements]

    def _debian_package(self, package: str) -> dict[str, Any]:
        """What programs are told of a package: its server is started when first needed."""
        if package not in self._debian:
            try:
                self._debian[package] = self._start(package)
            except Unavailable as reason:
                self._debian[package] = reason
        known = self._debian[package]
        if isinstance(known, Unavailable):
            raise known
        return known

    def _start(self, package: str) -> dict[str, Any]:
        tools = provide(package, self._folder / "debian")
        if package == catalogue.WRK:
            return {"path": str(tools.paths["wrk"]), "environment": tools.environment}
        start = {
            catalogue.POSTGRESQL: servers.postgresql,
            catalogue.REDIS: servers.redis,
            catalogue.NATS: servers.nats,
        }[package]
        return self._stack.enter_context(start(tools, self._certificates))

    @functools.cached_property
    def _certificates(self) -> Path:
        """An authority of this run alone, and a certificate for localhost."""
        folder = self._folder / "certificates"
        folder.mkdir(exist_ok=True)
        python = self._packages(catalogue.TOGETHER).python
        command = [str(python), "-m", "trustme", "--quiet", "--dir", str(folder)]
        subprocess.run([*command, "--identities", "localhost", "127.0.0.1"], check=True)
        return folder


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer programs, smaller transfers")
    parser.add_argument(
        "--only", metavar="NAME", action="append", default=[], help="this one; may be repeated"
    )
    parser.add_argument("--loop", choices=LOOPS, help="only on this one (default: both)")
    parser.add_argument(
        "--lints",
        action="store_true",
        help="let aioxide look for faults; each finding is a failure",
    )
    parser.add_argument(
        "--rerun",
        action="store_true",
        help="run what does not pass once more; what passes then counts as passed",
    )
    parser.add_argument("--list", action="store_true", help="say which programs there are")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument(
        "--publish", action="store_true", help="put the rows into docs/compatibility.md"
    )
    options = parser.parse_args(arguments)
    if options.publish and (options.quick or options.loop or options.lints):
        parser.error("--publish takes the whole run of a program, on both loops, without --lints")
    return options


def _end(number: int, _frame: object) -> None:
    # Servers and programs have process groups of their own: they end with the blocks around them.
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
