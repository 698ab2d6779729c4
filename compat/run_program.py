"""Runs one program on one loop, in this process.

Started by ``harness.supervision``; not meant to be started by hand.
"""

import argparse
import faulthandler
import gc
import importlib
import json
import os
import time
import traceback
from pathlib import Path

from harness import catalogue
from harness.given import Given, ProgramError


def main() -> None:
    options = parse_options()
    faulthandler.dump_traceback_later(options.deadline, exit=True)
    [program] = catalogue.chosen([options.program])
    if os.environ.get("AIOXIDE_WATCH"):
        # What it opens is open before anything is counted.
        import aioxide  # noqa: F401
    if options.loop == "aioxide" and program.start == catalogue.INSTALL:
        import aioxide

        aioxide.install()
    given = Given(
        program,
        options.loop,
        quick=options.quick,
        folder=options.folder,
        certificates=options.certificates,
        servers=json.loads(options.servers),
    )
    error = None
    started = time.perf_counter()
    try:
        module = importlib.import_module(f"programs.{program.name}")
        before = open_descriptors()
        module.main(given)
        check_descriptors(before)
    except BaseException as exc:
        error = described(exc)
        raise
    finally:
        seconds = time.perf_counter() - started
        options.report.write_text(given.report(error, seconds))
    faulthandler.cancel_dump_traceback_later()


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--loop", choices=("aioxide", "asyncio"), required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--folder", type=Path, required=True, help="the program's own")
    parser.add_argument("--certificates", type=Path, help="folder of trustme's")
    parser.add_argument("--servers", default="{}", help="what is known of them, as JSON")
    parser.add_argument("--report", type=Path, required=True, help="file for the outcome")
    parser.add_argument("--deadline", type=float, required=True, help="seconds")
    return parser.parse_args()


def described(exc: BaseException) -> str:
    """The exception and the line of the program that it comes from."""
    lines = [
        f"{Path(frame.filename).name}:{frame.lineno}"
        for frame in traceback.extract_tb(exc.__traceback__)
        if Path(frame.filename).parent.name == "programs"
    ]
    text = f"{type(exc).__name__}: {exc}".rstrip(": ")
    return f"{text} ({lines[-1]})" if lines else text


def open_descriptors() -> dict[int, str]:
    """Every open descriptor with what it refers to."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue  # that of the listing itself
    return found


def check_descriptors(before: dict[int, str]) -> None:
    """Raise ProgramError if one is open that was not open before."""
    gc.collect()
    left = {number: to for number, to in open_descriptors().items() if number not in before}
    if left:
        raise ProgramError(f"descriptors were left open: {left}")


if __name__ == "__main__":
    main()
