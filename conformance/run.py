"""Runs CPython's own asyncio tests with another event loop in asyncio's place.

Needs an interpreter (CPython 3.11 or later) that comes with its tests; the loop
must be installed for it. See README.md of this folder.
"""

import argparse
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TypeVar

from harness import known_failures, loops, report, selection
from harness.baseline import Baseline
from harness.outcomes import ERROR, FAILED, HUNG, CaseOutcome, ModuleOutcome
from harness.supervision import Assignment, run_module
from harness.verdict import ModuleVerdict, judge

_HERE = Path(__file__).resolve().parent

T = TypeVar("T")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as the command line says.

    Returns:
        0 if every counted test ended as expected, 1 if not, 2 if nothing could
        be run.
    """
    options = _parse(arguments)
    try:
        modules = _modules(options.module)
        listed = known_failures.read(_HERE / "known_failures.toml")
        loop = options.loop or (None if options.baseline else "aioxide")
        version = _loop_version(loop) if loop else ""
    except (ValueError, ImportError) as error:
        print(f"conformance: {error}", file=sys.stderr)
        return 2

    invocation = _Invocation(options)
    baseline = Baseline(options.build_folder, invocation.run_for_baseline)
    invocation.measure_baseline(baseline, modules, again=options.baseline)
    if loop is None:
        return 0

    python = "{}.{}".format(*sys.version_info)
    expected = known_failures.KnownFailures(listed, loop, python)
    print(f"{loop} {version} on CPython {sys.version.split()[0]}")
    verdicts = invocation.judge_loop(loop, modules, baseline, expected)
    everything_ran = not options.module and not options.only
    unused = expected.unused_patterns() if everything_ran else []
    print()
    print(report.closing_text(verdicts, unused))
    if options.json:
        result = report.as_json(verdicts, unused, loop=loop, loop_version=version)
        options.json.write_text(json.dumps(result, indent=1))
    return 0 if not unused and all(v.is_as_expected for v in verdicts) else 1


class _Invocation:
    """What all runs of one invocation share."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._stop = threading.Event()

    def measure_baseline(self, baseline: Baseline, modules: Sequence[str], *, again: bool) -> None:
        """Measure what is missing of the baseline, or all of it *again*."""
        if again:
            baseline.forget(modules)
        missing = baseline.missing(modules)
        if not missing:
            return
        print(f"Measuring the standard asyncio ({len(missing)} modules, kept for next time):")
        for name, _ in self._each_in_a_worker(baseline.measure, missing):
            print(report.baseline_line(name, baseline.of(name)), flush=True)
        baseline.save()
        print(f"kept in {baseline.path}\n")

    def judge_loop(
        self,
        loop: str,
        modules: Sequence[str],
        baseline: Baseline,
        expected: known_failures.KnownFailures,
    ) -> list[ModuleVerdict]:
        """Run *modules* on *loop*, saying what each shows as soon as it is known."""

        def run(name: str) -> ModuleOutcome:
            return run_module(self._assignment(name, loop, self._options.only), self._say)

        outcomes = {}
        verdicts = {}
        for name, outcome in self._each_in_a_worker(run, modules):
            outcomes[name] = outcome
            verdicts[name] = self._judged(outcome, baseline, expected)
            print(report.module_line(verdicts[name]), flush=True)
        if self._options.rerun:
            for name in modules:
                if self._run_again(loop, outcomes[name], verdicts[name]):
                    verdicts[name] = self._judged(outcomes[name], baseline, expected)
                    print(f"{report.module_line(verdicts[name])}, after a second run", flush=True)
        return [verdicts[name] for name in sorted(verdicts)]

    def _judged(
        self,
        outcome: ModuleOutcome,
        baseline: Baseline,
        expected: known_failures.KnownFailures,
    ) -> ModuleVerdict:
        everything_ran = not self._options.only
        return judge(outcome, baseline.of(outcome.name), expected, complete=everything_ran)

    def _run_again(self, loop: str, outcome: ModuleOutcome, verdict: ModuleVerdict) -> bool:
        """Give failures a second chance, and say whether any test was given one.

        A crash gets none: whatever comes of a second run, it has happened.
        """
        failed = [t.test for t in verdict.unexpected if t.outcome in (FAILED, ERROR, HUNG)]
        failed = [test for test in failed if test in outcome.tests]
        if failed:
            outcome.take_over_passes(run_module(self._assignment(outcome.name, loop, failed)))
        return bool(failed)

    def _each_in_a_worker(
        self, work: Callable[[str], T], names: Sequence[str]
    ) -> Iterator[tuple[str, T]]:
        """Do *work* for each name, several at a time; what is done first comes first."""
        with ThreadPoolExecutor(self._options.jobs) as pool:
            try:
                running = {pool.submit(work, name): name for name in names}
                for done in as_completed(running):
                    yield running[done], done.result()
            except BaseException:
                # Otherwise the pool would first see all its work through.
                self._stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def run_for_baseline(self, module: str, loop: str) -> ModuleOutcome:
        # The baseline is kept, so it takes all tests whatever -k asks for now.
        return run_module(self._assignment(module, loop, only=()))

    def _assignment(self, module: str, loop: str, only: Sequence[str]) -> Assignment:
        version = "{}.{}".format(*sys.version_info)
        return Assignment(
            module=module,
            loop=loop,
            deadline=self._options.deadline,
            only=only,
            log=self._options.build_folder / f"{loop}-{version}" / f"{module}.log",
            stop=self._stop,
        )

    def _say(self, test: CaseOutcome) -> None:
        if self._options.verbose:
            print(f"  {report.test_line(test)}", flush=True)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--loop", choices=loops.CHOICES, help="the loop to test (default: aioxide)")
    parser.add_argument(
        "--module", metavar="NAME,…", help="only these modules, as test_tasks,test_locks"
    )
    parser.add_argument(
        "-k",
        dest="only",
        metavar="PATTERN",
        action="append",
        default=[],
        help="only the tests whose id (module.Class.method) matches; may be repeated",
    )
    parser.add_argument(
        "--baseline",
        action="store_true",
        help="measure the standard asyncio anew; without --loop, do nothing else",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument(
        "--deadline",
        type=_positive_seconds,
        default=30.0,
        metavar="SECONDS",
        help="what one test may take (default: 30)",
    )
    parser.add_argument(
        "--jobs",
        type=_positive_count,
        default=2,
        metavar="N",
        help="modules that run at the same time (default: 2)",
    )
    parser.add_argument(
        "--build-folder",
        type=lambda text: Path(text).resolve(),
        default=_HERE.parent / "target" / "conformance",
        metavar="FOLDER",
        help="takes the baseline and what the tests print (default: target/conformance)",
    )
    parser.add_argument(
        "--rerun",
        action="store_true",
        help="run what fails unexpectedly once more; what passes then counts as passed",
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="a line for each test")
    return parser.parse_args(arguments)


def _positive_seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"must be more than 0 seconds, not {text}")
    return seconds


def _positive_count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {text}")
    return count


def _modules(asked_for: str | None) -> list[str]:
    available = selection.module_names()
    if asked_for is None:
        return available
    names = asked_for.split(",")
    for name in names:
        if name not in available:
            raise ValueError(f"no module {name!r}; there are {', '.join(available)}")
    return names


def _loop_version(loop: str) -> str:
    """Ask in another process: this one must not import what it tests."""
    command = [sys.executable, str(_HERE / "run_module.py"), "--loop", loop, "--describe"]
    described = subprocess.run(command, capture_output=True, text=True)
    if described.returncode != 0:
        why = described.stderr.strip().splitlines()[-1]
        raise ValueError(f"the loop {loop!r} cannot be used by {sys.executable}: {why}")
    return json.loads(described.stdout)["version"]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
