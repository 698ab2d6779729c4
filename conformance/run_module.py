"""Runs one of CPython's asyncio test modules on a given loop, in this process.

Started by ``harness.supervision``; not meant to be started by hand. A module
gets a process of its own because the loop is put in asyncio's place before the
tests are imported, and because a test that hangs or crashes takes it down.
"""

import argparse
import faulthandler
import fnmatch
import importlib
import json
import traceback
import types
import unittest

from harness import loops, parametrised_classes, placement
from harness.event_stream import EventWriter
from harness.recording import RecordingResult, test_id
from harness.selection import PACKAGE, classes_taken


def main() -> None:
    options = _parse_options()
    if options.describe:
        print(json.dumps({"version": loops.load(options.loop).version}))
        return
    events = EventWriter(options.events)
    # Never closed: the last deadline runs until the interpreter has ended, and
    # threads that do not end are what it is for.
    stacks = open(options.stacks, "w")
    faulthandler.enable(stacks)
    result = RecordingResult(events, options.deadline, stacks)
    result.watch()
    with open(options.leave_out) as left_out:
        suite = _collect(events, options, set(json.load(left_out)))
    if suite is not None:
        suite.run(result)
        events.write("finished")


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loop", required=True)
    parser.add_argument("--describe", action="store_true", help="print the loop's version")
    parser.add_argument("--module", help="module of test.test_asyncio")
    parser.add_argument("--events", type=int, help="descriptor that takes the events")
    parser.add_argument("--deadline", type=float, help="seconds for one test")
    parser.add_argument("--stacks", help="file for the stacks of a test that hangs or crashes")
    parser.add_argument("--leave-out", help="JSON file with the ids to leave out")
    parser.add_argument("--only", action="append", default=[], help="pattern of ids")
    return parser.parse_args()


def _collect(
    events: EventWriter, options: argparse.Namespace, left_out: set[str]
) -> unittest.TestSuite | None:
    """Import the module with the loop in place and choose its tests.

    Returns None, and says why as an event, if the module cannot be run.
    """
    counterparts: dict[str, str] = {}
    try:
        module = _import_module(options.module, options.loop, counterparts)
    except unittest.SkipTest as skipped:
        events.write("skipped", reason=str(skipped))
        return None
    except Exception as error:
        events.write(
            "broken",
            reason=f"{type(error).__name__}: {error}",
            details=traceback.format_exc(),
        )
        return None

    chosen = []
    for test in _tests_of(module, every_class=options.loop == loops.UNTOUCHED):
        name = test_id(test)
        if not options.only or any(fnmatch.fnmatch(name, p) for p in options.only):
            chosen.append(test)
    events.write(
        "collected",
        tests=[[test_id(t), _counterpart(test_id(t), counterparts)] for t in chosen],
    )
    return unittest.TestSuite(_by_class([t for t in chosen if test_id(t) not in left_out]))


def _import_module(name: str, loop_name: str, counterparts: dict[str, str]) -> types.ModuleType:
    if loop_name == loops.UNTOUCHED:
        return importlib.import_module(f"{PACKAGE}.{name}")
    loop = loops.load(loop_name)
    placement.put_in_place(loop)
    if not loop.has_private_names:
        placement.forgive_private_names(importlib.import_module(f"{PACKAGE}.utils"))
    module = importlib.import_module(f"{PACKAGE}.{name}")
    counterparts.update(parametrised_classes.add_to(module, loop))
    return module


def _tests_of(module: types.ModuleType, *, every_class: bool) -> list[unittest.TestCase]:
    loader = unittest.TestLoader()
    classes = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, unittest.TestCase)
        and value.__module__ == module.__name__
    }
    taken = set(classes) if every_class else classes_taken(classes)
    return [test for name in sorted(taken) for test in loader.loadTestsFromTestCase(classes[name])]


def _counterpart(name: str, counterparts: dict[str, str]) -> str:
    module, class_name, method = name.split(".", 2)
    return ".".join((module, counterparts.get(class_name, class_name), method))


def _by_class(tests: list[unittest.TestCase]) -> list[unittest.TestSuite]:
    """unittest runs class and module fixtures where the class of a test changes."""
    suites: dict[type, unittest.TestSuite] = {}
    for test in tests:
        suites.setdefault(type(test), unittest.TestSuite()).addTest(test)
    return list(suites.values())


if __name__ == "__main__":
    main()
