"""The classes for a loop's own Future, Task and policy, made from CPython's tests."""

import asyncio
import importlib
import unittest

import pytest
from harness import parametrised_classes
from harness.loops import LoopUnderTest


class OwnFuture(asyncio.futures._PyFuture):
    """Stands for a loop's own future."""


class OwnTask(asyncio.tasks._PyTask):
    """Stands for a loop's own task."""


class OwnPolicy(asyncio.unix_events._UnixDefaultEventLoopPolicy):
    """Stands for a loop's own policy."""


OWN = LoopUnderTest(
    name="own",
    version="1",
    new_event_loop=asyncio.new_event_loop,
    loop_type=asyncio.BaseEventLoop,
    future=OwnFuture,
    task=OwnTask,
    policy=OwnPolicy,
)


def load(name):
    return importlib.import_module(f"test.test_asyncio.{name}")


def run(test_class, method):
    result = unittest.TestResult()
    unittest.TestSuite([test_class(method)]).run(result)
    return result


@pytest.mark.parametrize(
    ("module", "name", "counterpart"),
    [
        ("test_futures", "OwnFutureTests", "CFutureTests"),
        ("test_futures", "OwnSubFutureTests", "CSubFutureTests"),
        ("test_futures", "OwnFutureDoneCallbackTests", "CFutureDoneCallbackTests"),
        ("test_tasks", "OwnTask_OwnFuture_Tests", "CTask_CFuture_Tests"),
        ("test_tasks", "OwnTask_OwnFuture_SubclassTests", "CTask_CFuture_SubclassTests"),
        ("test_tasks", "CTask_OwnFuture_Tests", "CTask_PyFuture_Tests"),
        ("test_events", "OwnPolicyTests", "PolicyTests"),
    ],
)
def test_a_class_is_made_beside_its_counterpart(module, name, counterpart):
    test_module = load(module)
    assert parametrised_classes.add_to(test_module, OWN)[name] == counterpart
    made = getattr(test_module, name)
    assert issubclass(made, unittest.TestCase)
    assert made.__module__ == test_module.__name__
    tests = unittest.TestLoader().getTestCaseNames
    assert set(tests(made)) == set(tests(getattr(test_module, counterpart)))


def test_the_made_classes_test_what_they_are_made_for():
    futures = load("test_futures")
    parametrised_classes.add_to(futures, OWN)
    assert futures.OwnFutureTests.cls is OwnFuture
    made = []

    class Probe(futures.OwnFutureDoneCallbackTests):
        def test_probe(self):
            made.append(type(self._new_future()))

    assert run(Probe, "test_probe").wasSuccessful()
    assert made == [OwnFuture]


def test_the_policy_is_in_place_while_its_tests_run():
    events = load("test_events")
    parametrised_classes.add_to(events, OWN)
    made = []

    class Probe(events.OwnPolicyTests):
        def test_probe(self):
            owner = asyncio if "DefaultEventLoopPolicy" in vars(asyncio) else events.test_utils
            made.append(owner.DefaultEventLoopPolicy)

    assert run(Probe, "test_probe").wasSuccessful()
    assert made == [OwnPolicy]


def test_a_loop_without_classes_of_its_own_adds_none():
    plain = LoopUnderTest("plain", "1", asyncio.new_event_loop, asyncio.BaseEventLoop)
    for name in ("test_futures", "test_tasks", "test_events"):
        assert parametrised_classes.add_to(load(name), plain) == {}
