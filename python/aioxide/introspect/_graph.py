"""Which task waits for which, through tasks, locks and semaphores."""

from __future__ import annotations

import asyncio
import types
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .. import _aioxide
from ._chains import Link, referents
from ._places import Place, own_place
from ._tasks import Seen, TaskInfo, live_tasks, look_at
from ._waits import CONDITIONS, LOCKS, SEMAPHORES

__all__ = ("Cycle", "Edge", "WaitGraph", "graph_of", "holders", "owners", "wait_graph")

_WITH_HOLDERS = ("lock", "semaphore")


@dataclass(frozen=True, slots=True)
class Edge:
    """A task that waits for another one."""

    waiter: TaskInfo
    """The task that waits."""
    holder: TaskInfo
    """The task that it waits for, or that has the lock or a permit of the semaphore."""
    kind: str
    """The kind of the wait, as in ``Wait``."""
    place: Place | None
    """The waiter's own line."""
    subject: int | None
    """``id()`` of the lock, semaphore or task group; None if it waits for the task itself."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """Tasks that wait for one another in a circle."""

    edges: tuple[Edge, ...]

    def __str__(self) -> str:
        """Return a sentence that names each task and what it waits for."""
        parts = []
        for edge in self.edges:
            place = f" at {edge.place.file}:{edge.place.line}" if edge.place else ""
            parts.append(f"task {edge.waiter.name!r} waits{place} for {_what(edge)}")
        return ", ".join(parts)


def _what(edge: Edge) -> str:
    """Return what the waiter waits for, in words."""
    if edge.kind not in _WITH_HOLDERS:
        return f"task {edge.holder.name!r}"
    itself = edge.waiter.id == edge.holder.id
    return f"a {edge.kind} that {'it has itself' if itself else f'task {edge.holder.name!r} has'}"


@dataclass(frozen=True, slots=True)
class WaitGraph:
    """Which task waits for which."""

    tasks: tuple[TaskInfo, ...]
    edges: tuple[Edge, ...]
    cycles: tuple[Cycle, ...]
    """Each circle once, the shortest first. A circle of locks and tasks is a deadlock. One through
    a semaphore is one only if nobody else has a permit."""


def wait_graph(loop: asyncio.AbstractEventLoop | None = None) -> WaitGraph:
    """Return which task waits for which, and the circles among them.

    asyncio's locks have no owner. The task that has a lock or a permit is found where it is inside
    the ``async with`` block. One that has called ``acquire()`` is known only if the program was
    recorded when it did (``aioxide.record()``), and a semaphore's only if the semaphore was made
    then, too, and each permit was released by a task that had one.

    Arguments:
        loop: as for ``tasks()``.
    """
    return graph_of(look_at(live_tasks(loop)))


def graph_of(seen: list[Seen]) -> WaitGraph:
    """Return the graph of tasks that have been looked at."""
    infos = {id(each.task): each.info for each in seen}
    held = holders(seen)
    held |= owners(seen, held)
    edges: list[Edge] = []
    for each in seen:
        found = each.found
        if found is None:
            continue
        place = own_place(each.info.stack)
        subject = None if found.subject is None else id(found.subject)
        targets: Iterable[int] = (id(task) for task in found.tasks)
        if found.kind in _WITH_HOLDERS and subject is not None:
            targets = held.get(subject, ())
        edges.extend(
            Edge(each.info, infos[target], found.kind, place, subject)
            for target in dict.fromkeys(targets)
            if target in infos
        )
    return WaitGraph(tuple(infos.values()), tuple(edges), tuple(_cycles(edges)))


def holders(seen: list[Seen]) -> dict[int, list[int]]:
    """Return for each lock and semaphore (by ``id()``) the tasks inside its ``async with``.

    A task is listed once for each block.
    """
    found: dict[int, list[int]] = {}
    for each in seen:
        count: Counter[int] = Counter()
        for link in each.links:
            count.update(id(_lock_of(held)) for held in _held(link))
        if each.found is not None and each.found.kind in _WITH_HOLDERS and _is_entering(each.links):
            # Up to 3.13 the interpreter prepares to leave the block before it enters it.
            count[id(each.found.subject)] -= 1
        if each.found is not None and each.found.kind == "condition":
            # Condition.wait() has released the lock meanwhile.
            count[id(_lock_of(each.found.subject))] -= 1
        for subject, times in count.items():
            if times > 0:
                found.setdefault(subject, []).extend([id(each.task)] * times)
    return found


def owners(seen: list[Seen], held: dict[int, list[int]]) -> dict[int, list[int]]:
    """Return for locks and semaphores (by ``id()``) that somebody waits for who has acquired them.

    That is known while the process is recorded. Of ``held``, what is known already is left out;
    a semaphore's permits are listed only if the task of each is known.
    """
    if not _aioxide._is_recording():
        return {}
    subjects = {
        id(each.found.subject): _lock_of(each.found.subject)
        for each in seen
        if each.found is not None and each.found.kind in _WITH_HOLDERS
    }
    numbers = {_aioxide._task_id(each.task): id(each.task) for each in seen}
    found = {}
    for subject in subjects.values():
        known = _aioxide._recorded_holders(subject)
        if known is None or not all(number in numbers for number in known):
            continue
        tasks = [numbers[number] for number in known]
        if len(tasks) > len(held.get(id(subject), ())):
            found[id(subject)] = tasks
    return found


def _is_entering(links: list[Link]) -> bool:
    return bool(links) and any(
        link.place is not None and link.place.function.endswith(".__aenter__")
        for link in links[-3:]
        if link.is_package
    )


def _held(link: Link) -> Iterable[Any]:
    """Yield the locks, conditions and semaphores of the open ``async with`` blocks of a frame."""
    if link.is_package:
        return
    previous = None
    for each in referents(link):
        if isinstance(each, types.MethodType | types.BuiltinMethodType):
            if each.__name__ == "__aexit__" and _is_lock(each.__self__):
                yield each.__self__
        elif (
            _is_lock(each)
            and getattr(previous, "__name__", None) == "__aexit__"
            and previous is not None
            and not hasattr(previous, "__self__")
        ):
            # From 3.14 on the stack has the function, then the object.
            yield each
        previous = each


def _is_lock(value: Any) -> bool:
    return isinstance(value, LOCKS + SEMAPHORES + CONDITIONS)


def _lock_of(value: Any) -> Any:
    return value._lock if isinstance(value, CONDITIONS) else value


def _cycles(edges: list[Edge]) -> list[Cycle]:
    following: dict[int, list[Edge]] = {}
    for edge in edges:
        following.setdefault(edge.waiter.id, []).append(edge)
    found: dict[frozenset[int], tuple[Edge, ...]] = {}
    for members in _components(following):
        for start in members:
            path = _shortest_back(start, members, following)
            if path:
                found.setdefault(frozenset(edge.waiter.id for edge in path), path)
    return [Cycle(path) for path in sorted(found.values(), key=len)]


def _components(following: dict[int, list[Edge]]) -> list[set[int]]:
    """Return the sets of tasks that can all reach one another (Tarjan, without recursion)."""
    number: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    components: list[set[int]] = []
    for root in following:
        if root in number:
            continue
        work = [(root, iter(following[root]))]
        number[root] = low[root] = len(number)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, edges = work[-1]
            for edge in edges:
                target = edge.holder.id
                if target not in number:
                    number[target] = low[target] = len(number)
                    stack.append(target)
                    on_stack.add(target)
                    work.append((target, iter(following.get(target, ()))))
                    break
                if target in on_stack:
                    low[node] = min(low[node], number[target])
            else:
                work.pop()
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[node])
                if low[node] == number[node]:
                    members = set()
                    while True:
                        member = stack.pop()
                        on_stack.discard(member)
                        members.add(member)
                        if member == node:
                            break
                    components.append(members)
    return components


def _shortest_back(
    start: int, members: set[int], following: dict[int, list[Edge]]
) -> tuple[Edge, ...]:
    """Return the shortest way from a task back to itself, empty if there is none."""
    came_by: dict[int, Edge] = {}
    layer = [start]
    while layer:
        reached = []
        for node in layer:
            for edge in following.get(node, ()):
                target = edge.holder.id
                if target == start:
                    path = [edge]
                    while path[0].waiter.id != start:
                        path.insert(0, came_by[path[0].waiter.id])
                    return tuple(path)
                if target in members and target not in came_by:
                    came_by[target] = edge
                    reached.append(target)
        layer = reached
    return ()
