"""Random calls of everything that Python can reach: nothing may crash, panic or hang.

    python fuzz/run.py --seconds 120
    python fuzz/run.py --seconds 3600 --seed 7
    python fuzz/run.py --only tls,streams
    python fuzz/run.py --asan                             # with AddressSanitizer
    python fuzz/run.py --reproduce 1234 --steps 3,17      # one program, with its trace

Each program is a process. It makes the objects of one family (futures, locks, TLS and so on)
and calls at random what can be reached from there, with arguments that nobody sensible hands
in; the methods of these call back into the program. One program in ten runs in eight threads.
What fails is tried on asyncio: a crash or a hang there, too, is not counted; a panic always is.
It is shrunk, and printed with the arguments that run it again.

A third of the time goes to memory failures (--memory-share): well-behaved programs of each
family, in which allocations fail.

Exit status 0 when nothing was found, 1 with the findings otherwise.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType

sys.path.insert(0, str(Path(__file__).resolve().parent))

import campaign  # noqa: E402
import families  # noqa: E402
import memory  # noqa: E402
from isolation import Counter  # noqa: E402


def make_certificate(folder: Path) -> Path | None:
    """A certificate for localhost; nothing where trustme is not installed."""
    try:
        import trustme
    except ImportError:
        print("fuzz-api: no trustme here, so no TLS", file=sys.stderr)
        return None
    path = folder / "server.pem"
    trustme.CA().issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(path)
    return path


def make_extension(folder: Path) -> ModuleType | None:
    """The extension module of the tests; nothing without a compiler."""
    sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))
    from abi import building

    try:
        return building.load(building.compile_in_c(folder, "probe"))
    except (OSError, subprocess.SubprocessError) as error:
        print(f"fuzz-api: no extension module: {error}", file=sys.stderr)
        return None


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, help="where the seeds begin; by default the clock")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", default="", help="families, separated by commas")
    parser.add_argument("--without", default="", help="exit, threads: what no program does")
    parser.add_argument("--memory-share", type=float, default=0.3)
    parser.add_argument("--reproduce", metavar="SEED", help="one program; of memory: NAME:AT:COUNT")
    parser.add_argument("--steps", help="its steps, separated by commas, or none; all by default")
    parser.add_argument(
        "--fatal-only",
        action="store_true",
        help="status 1 for a crash, a panic, a hang, a sanitizer's report; the rest is printed",
    )
    parser.add_argument("--asan", action="store_true", help="on a build with AddressSanitizer")
    parser.add_argument("--kind", default="aioxide", choices=("aioxide", "asyncio"))
    options = parser.parse_args(arguments)
    options.only = tuple(name for name in options.only.split(",") if name)
    options.without = tuple(name for name in options.without.split(",") if name)
    if options.steps is not None:
        numbers = options.steps.replace("none", "").split(",")
        options.steps = frozenset(int(number) for number in numbers if number)
    for name in options.only:
        if name not in families.FAMILIES:
            parser.error(f"{name} is none of {', '.join(sorted(families.FAMILIES))}")
    return options


def reproduce(options: argparse.Namespace) -> int:
    """One program, traced."""
    if ":" in options.reproduce:
        outcome = memory.Case.parse(options.reproduce).run(options.kind)
    else:
        case = campaign.Case(int(options.reproduce), options.only, options.without, options.steps)
        outcome = case.run(options.kind, trace=True)
        if outcome.failure is None:
            # Writing the calls takes memory and time, which a fault may depend on.
            print(outcome.output)
            outcome = case.run(options.kind)
    print(outcome.output)
    print(f"status {outcome.status}: {outcome.failure or 'nothing wrong'}")
    return outcome.failure is not None


def search(options: argparse.Namespace) -> int:
    seed = int(time.time()) * 1000 if options.seed is None else options.seed
    print(f"fuzz-api: seeds from {seed}, {options.seconds:.0f} s, {options.jobs} processes")
    sys.stdout.flush()
    names = ("programs", "calls", "memory programs")
    counters = [{name: Counter() for name in names} for _ in range(options.jobs)]
    begin = time.monotonic()
    memory_from = begin + options.seconds * (1 - options.memory_share)
    end = begin + options.seconds

    def work(number: int, report: object) -> None:
        own = counters[number]
        seeds = itertools.count(seed + number, options.jobs)
        both = (own["programs"], own["calls"])
        campaign.search(seeds, memory_from, options.only, options.without, both, report)
        memory.search(seed + number, end, options.only, own["memory programs"], report)

    findings = campaign.in_processes(options.jobs, work)
    totals = {name: sum(own[name].value for own in counters) for name in names}
    print(
        f"fuzz-api: {totals['programs']} programs with {totals['calls']} calls, "
        f"{totals['memory programs']} programs with failing allocations, "
        f"{len(findings)} failures"
    )
    if options.fatal_only:
        findings = [finding for finding in findings if is_fatal(finding.failure)]
        print(f"fuzz-api: {len(findings)} of them fatal")
    return 1 if findings else 0


def is_fatal(failure: str) -> bool:
    """Whether a failure is one that is promised never to be: see docs/safety.md."""
    kind = failure.rpartition(memory.MARK)[2]
    return not kind.startswith("wrong: ") or "panic" in kind


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    if options.asan:
        command = [sys.executable, __file__, *(one for one in arguments if one != "--asan")]
        script = Path(__file__).resolve().parent.parent / "scripts" / "asan"
        os.execv(script, [str(script), sys.executable, *command])
    # What exists now is of no interest to the collector of any program.
    gc.collect()
    gc.freeze()
    with tempfile.TemporaryDirectory() as folder:
        families.CERTIFICATE = make_certificate(Path(folder))
        families.EXTENSION = make_extension(Path(folder))
        owner = os.getpid()
        try:
            return reproduce(options) if options.reproduce else search(options)
        finally:
            if os.getpid() != owner:
                # A program on its way through the interpreter's end: the folder is not its own.
                families.CERTIFICATE = None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
