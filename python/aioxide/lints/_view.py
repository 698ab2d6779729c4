"""What lints look at: the tasks at one moment."""

from __future__ import annotations

import asyncio
import functools
import types
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from ..introspect import Place, WaitGraph
from ..introspect._chains import Link, locals_of, referents
from ..introspect._graph import graph_of, holders, owners
from ..introspect._places import own_place
from ..introspect._tasks import Seen, live_tasks, look_at
from ._findings import Finding
from ._noted import QUEUES, WRITERS, made

__all__ = ("Lint", "View", "has_deadline", "object_kinds", "place_of", "reference")


@dataclass
class View:
    """The tasks at one moment."""

    now: float
    """Seconds on a clock that never goes back."""
    seen: list[Seen]
    graph: WaitGraph
    holders: dict[int, list[int]]
    """For each lock and semaphore (by ``id()``) the tasks that have it."""
    acquired: frozenset[int]
    """The locks (by ``id()``) whose task has called ``acquire()``: another one may release it."""

    @classmethod
    def taken(cls, now: float) -> View:
        """Look at all tasks of the process."""
        seen = look_at(live_tasks())
        inside = holders(seen)
        acquired = owners(seen, inside)
        return cls(now, seen, graph_of(seen), inside | acquired, frozenset(acquired))

    def objects(self, kinds: tuple[type, ...]) -> list[Any]:
        """Return the queues or streams of these classes.

        They are all that were made while lints look, wherever they are kept, and those of the
        standard library that coroutines of tasks have at hand.
        """
        known = {id(each): each for each in made(kinds)}
        known |= {id(each): each for each, _ in self.at_hand if isinstance(each, kinds)}
        return list(known.values())

    def user_of(self, subject: Any) -> Seen | None:
        """Return the first task whose coroutines have a queue or stream at hand."""
        return next((seen for value, seen in self.at_hand if value is subject), None)

    @functools.cached_property
    def at_hand(self) -> list[tuple[Any, Seen]]:
        """The queues and streams that coroutines of tasks have at hand, each with its task.

        They are what a task waits for, local variables of its coroutines, and attributes of the
        objects whose methods these are.
        """
        kinds = QUEUES + WRITERS
        return [
            (value, each)
            for each in self.seen
            for value in _at_hand(each)
            if isinstance(value, kinds)
        ]


def _at_hand(seen: Seen) -> Iterator[Any]:
    if seen.found is not None and seen.found.subject is not None:
        yield seen.found.subject
    for link in seen.links:
        if link.is_package:
            continue
        for value in referents(link):
            yield value.cell_contents if _is_full_cell(value) else value
        owner = locals_of(link).get("self")
        if owner is not None and isinstance(getattr(owner, "__dict__", None), dict):
            yield from list(vars(owner).values())


def _is_full_cell(value: Any) -> bool:
    if not isinstance(value, types.CellType):
        return False
    try:
        value.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


class Lint(Protocol):
    """One kind of fault."""

    def look(self, view: View) -> list[Finding]:
        """Return what is new since the last look."""
        ...


def object_kinds(*names: str) -> tuple[type, ...]:
    """Return asyncio's classes of these names, and aioxide's."""
    from .. import _aioxide

    found = [getattr(module, name, None) for name in names for module in (asyncio, _aioxide)]
    return tuple({kind for kind in found if isinstance(kind, type)})


def reference(value: Any) -> Any:
    """Return something that tells later whether an object is still the same one."""
    try:
        return weakref.ref(value)
    except TypeError:
        return lambda: value


def place_of(seen: Seen) -> Place | None:
    """Return the program's own line at which a task waits."""
    return own_place(seen.info.stack)


def has_deadline(links: list[Link]) -> bool:
    """Whether some timeout will end the wait of these coroutines."""
    for link in links:
        if link.place is not None and link.is_package and link.place.function == "wait_for":
            return True
        for value in referents(link):
            owner = getattr(value, "__self__", None) if callable(value) else value
            name = type(owner).__name__
            if "Timeout" in name or name == "CancelScope":
                return True
    return False
