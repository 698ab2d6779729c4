"""Tasks nested by who waits for whom, and everything as plain data."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .. import _aioxide
from ._graph import WaitGraph, graph_of, wait_graph
from ._places import own_place
from ._tasks import TaskInfo, live_tasks, look_at

__all__ = ("TaskNode", "format_tree", "snapshot", "tree")

#: What ``snapshot()`` returns; a later form has another number.
_VERSION = 1


@dataclass(frozen=True, slots=True)
class TaskNode:
    """A task and the tasks that it waits for."""

    task: TaskInfo
    children: tuple[TaskNode, ...]
    repeated: bool = False
    """Whether it has its children at another place of the tree."""


def tree(loop: asyncio.AbstractEventLoop | None = None) -> list[TaskNode]:
    """Return the tasks, each below the task that waits for it.

    At the top are those that no task waits for, and the first of each circle. A task that several
    wait for has its own children only once.

    Arguments:
        loop: as for ``tasks()``.
    """
    return _tree_of(wait_graph(loop))


def _tree_of(graph: WaitGraph) -> list[TaskNode]:
    infos = {info.id: info for info in graph.tasks}
    children: dict[int, list[int]] = {}
    awaited: set[int] = set()
    for edge in graph.edges:
        # Who has a lock is not part of the task that waits for it.
        if edge.waiter.id != edge.holder.id and edge.kind not in ("lock", "semaphore"):
            children.setdefault(edge.waiter.id, []).append(edge.holder.id)
            awaited.add(edge.holder.id)
    placed: set[int] = set()
    tops = [_place(id_, infos, children, placed) for id_ in infos if id_ not in awaited]
    tops += [_place(id_, infos, children, placed) for id_ in infos if id_ not in placed]
    return [top for top in tops if top is not None]


def _place(
    root: int, infos: dict[int, TaskInfo], children: dict[int, list[int]], placed: set[int]
) -> TaskNode | None:
    """Build a tree without recursion: tasks may wait for one another thousands deep."""
    if root in placed:
        return None
    placed.add(root)
    built: dict[int, list[TaskNode]] = {root: []}
    work = [(root, iter(children.get(root, ())))]
    while True:
        node, rest = work[-1]
        for child in rest:
            if child in placed:
                built[node].append(TaskNode(infos[child], (), repeated=True))
                continue
            placed.add(child)
            built[child] = []
            work.append((child, iter(children.get(child, ()))))
            break
        else:
            work.pop()
            done = TaskNode(infos[node], tuple(built.pop(node)))
            if not work:
                return done
            built[work[-1][0]].append(done)


def format_tree(loop: asyncio.AbstractEventLoop | None = None) -> str:
    """Return the tree as text, a line for each task, and the circles below it.

    Arguments:
        loop: as for ``tasks()``.
    """
    graph = wait_graph(loop)
    lines: list[str] = []
    stack = [(node, "", "", "") for node in reversed(_tree_of(graph))]
    while stack:
        node, before, branch, below = stack.pop()
        lines.append(before + branch + _line(node))
        last = len(node.children) - 1
        for index in range(last, -1, -1):
            mark, under = ("└─ ", "   ") if index == last else ("├─ ", "│  ")
            stack.append((node.children[index], before + below, mark, under))
    lines.extend(f"circle: {cycle}" for cycle in graph.cycles)
    return "\n".join(lines)


def _line(node: TaskNode) -> str:
    info = node.task
    text = f"{_printable(info.name)} ({_printable(info.coroutine)}) {info.state}"
    if node.repeated:
        return f"{text}, see above"
    if info.waits_for is not None:
        text += f" for {_printable(info.waits_for.text)}"
    place = own_place(info.stack)
    return f"{text}, {_printable(place.file)}:{place.line}" if place is not None else text


def _printable(text: str) -> str:
    """Return the text without control characters, which a terminal would obey."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def snapshot(loop: asyncio.AbstractEventLoop | None = None) -> dict[str, Any]:
    """Return tasks, wait graph and circles as dictionaries, lists, strings and numbers.

    The result can be written as JSON.

    Arguments:
        loop: as for ``tasks()``.

    Returns:
        ``version`` (1), ``tasks`` (the attributes of ``TaskInfo``), ``edges`` (``waiter`` and
        ``holder`` by task id, ``kind``, ``place``, ``subject``), ``cycles`` (lists of task ids)
        and ``transports``: empty unless the program is recorded, else for each one of the process
        its number in the recording, ``loop`` (that loop's number), ``received``, ``sent`` and
        ``unsent`` bytes, and ``writer``, the name of the task that has written last while
        bytes were unsent, or None.
    """
    graph = graph_of(look_at(live_tasks(loop)))
    return {
        "version": _VERSION,
        "tasks": [_plain(info) for info in graph.tasks],
        "edges": [
            {
                "waiter": edge.waiter.id,
                "holder": edge.holder.id,
                "kind": edge.kind,
                "place": edge.place._asdict() if edge.place else None,
                "subject": edge.subject,
            }
            for edge in graph.edges
        ],
        "cycles": [[edge.waiter.id for edge in cycle.edges] for cycle in graph.cycles],
        "transports": list(_transports()),
    }


def _transports() -> Iterator[dict[str, Any]]:
    if not _aioxide._is_recording():
        return
    for each in json.loads(_aioxide._recorded_objects()):
        if each["kind"] == "transport":
            yield {
                "id": each["id"],
                "loop": each["loop"],
                "received": each["bytes_in"],
                "sent": each["bytes_out"],
                "unsent": each["length"],
                "writer": next(iter(each["held_by"]), None),
            }


def _plain(info: TaskInfo) -> dict[str, Any]:
    plain = {field.name: getattr(info, field.name) for field in dataclasses.fields(info)}
    plain["stack"] = [place._asdict() for place in info.stack]
    plain["created"] = info.created._asdict() if info.created else None
    plain["waits_for"] = None
    if info.waits_for is not None:
        plain["waits_for"] = dataclasses.asdict(info.waits_for)
        plain["waits_for"]["tasks"] = list(info.waits_for.tasks)
    return plain
