"""What lints look at: the tasks at one moment."""

from __future__ import annotations

import asyncio
import types
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from ..introspect import Place, WaitGraph
from ..introspect._chains import Link, locals_of, referents
from ..introspect._graph import graph_of, holders
from ..introspect._places import own_place
from ..introspect._tasks import Seen, live_tasks, look_at
from ._findings import Finding

__all__ = ("Lint", "View", "has_deadline", "object_kinds", "place_of", "reference")


@dataclass
class View:
    """The tasks at one moment."""

    now: float
    """Seconds on a clock that never goes back."""
    seen: list[Seen]
    graph: WaitGraph
    holders: dict[int, list[int]]
    """For each lock and semaphore (by ``id()``) the tasks inside its ``async with``."""

    @classmethod
    def taken(cls, now: float) -> View:
        """Look at all tasks of the process."""
        seen = look_at(live_tasks())
        return cls(now, seen, graph_of(seen), holders(seen))

    def objects(self, kinds: tuple[type, ...]) -> Iterator[tuple[Any, Seen]]:
        """Yield the objects of these classes that coroutines of tasks have at hand.

        They are what a task waits for, local variables of its coroutines, and attributes of the
        objects whose methods these are; each with the first task that has it.
        """
        known: set[int] = set()
        for each in self.seen:
            for value in _at_hand(each):
                if isinstance(value, kinds) and id(value) not in known:
                    known.add(id(value))
                    yield value, each


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
