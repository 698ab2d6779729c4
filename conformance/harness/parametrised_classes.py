"""Test classes for a loop's own Future, Task and policy.

CPython writes the tests of futures and tasks once, in a base class, and derives
a class for its C implementation and one for its Python implementation. Here the
class of the C implementation is derived once more, with the implementation
under test in its place, also mixed with the standard ones: a task of ours that
awaits a standard future, and a standard task that awaits ours.
"""

import asyncio
import types
import unittest
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from unittest import mock

from .loops import LoopUnderTest


@dataclass(frozen=True)
class Parametrised:
    """A test class made here.

    Attributes:
        name: its name, unique in its module.
        counterpart: the class of the standard implementation that it repeats. A
            test counts here if it passes there.
        make: builds it.
    """

    name: str
    counterpart: str
    make: Callable[[], type[unittest.TestCase]]


def add_to(module: types.ModuleType, loop: LoopUnderTest) -> dict[str, str]:
    """Add to *module* the classes for what *loop* has of its own.

    Returns:
        The name of each new class, with the name of its counterpart. Empty when
        the loop has no such classes or the module is not about them.
    """
    short_name = module.__name__.rpartition(".")[2]
    added = {}
    for parametrised in _classes_for(short_name, module, loop):
        if not hasattr(module, parametrised.counterpart):
            continue  # an older interpreter has fewer of them
        made = parametrised.make()
        made.__name__ = made.__qualname__ = parametrised.name
        made.__module__ = module.__name__
        setattr(module, parametrised.name, made)
        added[parametrised.name] = parametrised.counterpart
    return added


def _classes_for(
    short_name: str, module: types.ModuleType, loop: LoopUnderTest
) -> Iterator[Parametrised]:
    title = loop.name.capitalize()
    if loop.future is not None and short_name == "test_futures":
        yield from _of_futures(module, title, loop.future)
    if loop.task is not None and loop.future is not None and short_name == "test_tasks":
        yield from _of_tasks(module, title, loop.task, loop.future)
    if loop.task is not None and short_name == "test_futures2":
        yield _derived(module, f"{title}TaskTests", "CFutureTests", cls=loop.task)
    if loop.task is not None and short_name == "test_eager_task_factory":
        yield from _of_eager_tasks(module, title, loop.task)
    if loop.task is not None and short_name == "test_free_threading":
        yield from _of_tasks_in_threads(module, title, loop.task)
    if loop.policy is not None and short_name == "test_events":
        yield _of_policy(module, title, loop.policy)


def _derived(
    module: types.ModuleType, name: str, counterpart: str, **attributes: object
) -> Parametrised:
    """The class *counterpart* of *module* with *attributes* replaced."""

    def make() -> type[unittest.TestCase]:
        return type(name, (getattr(module, counterpart),), attributes)

    return Parametrised(name, counterpart, make)


def _of_futures(module: types.ModuleType, title: str, future: type) -> Iterator[Parametrised]:
    class SubFuture(future):
        pass

    yield _derived(module, f"{title}FutureTests", "CFutureTests", cls=future)
    yield _derived(module, f"{title}SubFutureTests", "CSubFutureTests", cls=SubFuture)
    yield _derived(
        module,
        f"{title}FutureDoneCallbackTests",
        "CFutureDoneCallbackTests",
        _new_future=lambda self: future(loop=self.loop),
    )
    yield _derived(
        module,
        f"{title}SubFutureDoneCallbackTests",
        "CSubFutureDoneCallbackTests",
        _new_future=lambda self: SubFuture(loop=self.loop),
    )
    yield _derived(
        module,
        f"{title}FutureInheritanceTests",
        "CFutureInheritanceTests",
        _get_future_cls=lambda self: future,
    )


def _of_tasks(
    module: types.ModuleType, title: str, task: type, future: type
) -> Iterator[Parametrised]:
    tasks, futures = asyncio.tasks, asyncio.futures
    mixed = "CTask_PyFuture_Tests"
    yield _derived(
        module,
        f"{title}Task_{title}Future_Tests",
        "CTask_CFuture_Tests",
        Task=task,
        Future=future,
    )
    for name, counterpart, task_class, future_class in (
        (f"{title}Task_CFuture_Tests", mixed, task, futures._CFuture),
        (f"{title}Task_PyFuture_Tests", mixed, task, futures._PyFuture),
        (f"CTask_{title}Future_Tests", mixed, tasks._CTask, future),
        (f"PyTask_{title}Future_Tests", "PyTask_CFuture_Tests", tasks._PyTask, future),
    ):
        yield _derived(module, name, counterpart, Task=task_class, Future=future_class)
    yield _of_subclasses(module, f"{title}Task_{title}Future_SubclassTests", task, future)
    yield _derived(
        module,
        f"{title}CurrentLoopTests",
        "CCurrentLoopTests",
        current_task=staticmethod(asyncio.current_task),
        new_task=lambda self, coro: task(coro, loop=self.loop),
    )


def _of_subclasses(module: types.ModuleType, name: str, task: type, future: type) -> Parametrised:
    """CPython's decorator makes subclasses of Task and Future and tests these."""

    counterpart = "CTask_CFuture_SubclassTests"

    def make() -> type[unittest.TestCase]:
        attributes: dict[str, object] = {"Task": task, "Future": future}
        for function in ("all_tasks", "current_task"):  # since CPython 3.14
            if function in vars(getattr(module, counterpart)):
                attributes[function] = staticmethod(getattr(asyncio, function))
        bases = (module.BaseTaskTests, module.test_utils.TestCase)
        return module.add_subclass_tests(type(name, bases, attributes))

    return Parametrised(name, counterpart, make)


def _of_eager_tasks(module: types.ModuleType, title: str, task: type) -> Iterator[Parametrised]:
    for name, counterpart in (
        (f"{title}EagerTaskFactoryLoopTests", "CEagerTaskFactoryLoopTests"),
        (f"NonEager{title}TaskTests", "NonEagerCTaskTests"),
        (f"Eager{title}TaskTests", "EagerCTaskTests"),
    ):
        yield _derived(module, name, counterpart, Task=task)


def _of_tasks_in_threads(
    module: types.ModuleType, title: str, task: type
) -> Iterator[Parametrised]:
    yield _derived(
        module,
        f"Test{title}FreeThreading",
        "TestCFreeThreading",
        factory=lambda self, loop, coro, **options: task(coro, loop=loop, **options),
    )

    def eager(self, loop, coro, eager_start=True, **options):
        return task(coro, loop=loop, eager_start=eager_start, **options)

    yield _derived(
        module, f"TestEager{title}FreeThreading", "TestEagerCFreeThreading", factory=eager
    )


def _of_policy(module: types.ModuleType, title: str, policy: type) -> Parametrised:
    """The tests name the default policy; while they run it is the loop's own."""
    name = f"{title}PolicyTests"

    def make() -> type[unittest.TestCase]:
        class PolicyTests(module.PolicyTests):
            def setUp(self):
                super().setUp()
                # The name moved to the tests' own module with CPython 3.14, where
                # asyncio's has become a deprecated one that is made on demand.
                for owner in (asyncio, module.test_utils):
                    if "DefaultEventLoopPolicy" in vars(owner):
                        patch = mock.patch.object(owner, "DefaultEventLoopPolicy", policy)
                        patch.start()
                        self.addCleanup(patch.stop)

        return PolicyTests

    return Parametrised(name, "PolicyTests", make)
