"""The event loops that the tests can be run on, by name.

This module is imported in the process that runs the tests, before anything in
asyncio is replaced: what it takes from asyncio is the standard library's own.
"""

import asyncio
import importlib
import platform
import types
from collections.abc import Callable
from dataclasses import dataclass

#: Names that a user may choose with ``--loop``.
CHOICES = ("aioxide", "asyncio", "uvloop", "rloop")

#: Nothing is replaced: what the interpreter does when left alone.
UNTOUCHED = "untouched"

#: Every attempt to make a loop fails: what passes here needs no loop at all.
NO_LOOP = "no-loop"


@dataclass(frozen=True)
class LoopUnderTest:
    """One event loop and what it brings with it.

    Attributes:
        name: the name given to ``--loop``.
        version: the version of the distribution, or the interpreter's.
        new_event_loop: makes a loop; takes no arguments.
        loop_type: the type of what ``new_event_loop`` returns.
        future, task, policy: its own classes of these, where it has them and
            promises that they behave as asyncio's do.
        vocabulary: what else of asyncio it has of its own: the module in which
            each name belongs, the name, and the class or function.
        has_private_names: whether it promises the private attributes of
            asyncio's loops that CPython's test clean-up reads.
    """

    name: str
    version: str
    new_event_loop: Callable[[], asyncio.AbstractEventLoop]
    loop_type: type
    future: type | None = None
    task: type | None = None
    policy: type | None = None
    has_private_names: bool = False
    vocabulary: tuple[tuple[types.ModuleType, str, object], ...] = ()


def load(name: str) -> LoopUnderTest:
    """Import the loop called *name*.

    Raises:
        ValueError: no loop is known by that name.
        ImportError: it is not installed for this interpreter.
    """
    if name == "asyncio":
        standard = asyncio.SelectorEventLoop
        return LoopUnderTest(
            name=name,
            version=platform.python_version(),
            new_event_loop=standard,
            loop_type=standard,
            has_private_names=True,
        )
    if name == NO_LOOP:
        return LoopUnderTest(
            name=name,
            version="",
            new_event_loop=_refuse_to_make_a_loop,
            loop_type=_NeverALoop,
            has_private_names=True,
        )
    if name == "aioxide":
        module = importlib.import_module(name)
        return LoopUnderTest(
            name=name,
            version=module.__version__,
            new_event_loop=module.new_event_loop,
            loop_type=module.Loop,
            future=module.Future,
            task=module.Task,
            policy=module.EventLoopPolicy,
            has_private_names=True,
            vocabulary=tuple(
                importlib.import_module("aioxide._asyncio.replacements").replacements()
            ),
        )
    if name in ("uvloop", "rloop"):
        module = importlib.import_module(name)
        return LoopUnderTest(
            name=name,
            version=module.__version__,
            new_event_loop=module.new_event_loop,
            loop_type=module.Loop if name == "uvloop" else module.RLoop,
        )
    raise ValueError(f"no loop is called {name!r}; choose from {', '.join(CHOICES)}")


class _NeverALoop:
    """The type of a loop that nobody can make."""


def _refuse_to_make_a_loop() -> asyncio.AbstractEventLoop:
    raise RuntimeError("this run measures which tests need no event loop")
