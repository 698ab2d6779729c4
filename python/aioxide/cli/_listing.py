"""``aioxide ps`` and ``aioxide tree``: the tasks of another process, once."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ._console import Console, ConsoleError, consoles
from ._programs import BadCommandLineError

__all__ = ("ps", "tree")

#: What is longer than this moves the rest of its line to the right.
_WIDEST = 100

_SORTS = ("age", "busy", "idle", "longest", "name", "scheduled", "steps")


@dataclass
class _Request:
    pid: int | None = None
    json: bool = False
    sort: str = "age"
    filter: str = ""


def ps(arguments: list[str]) -> int:
    """List the tasks of a process, or the processes that have a console."""
    request = _request("ps", arguments)
    if request.pid is None:
        return _list_processes(request.json)
    return _report(request, _print_tasks)


def tree(arguments: list[str]) -> int:
    """List the tasks of a process, each below the one that made it."""
    request = _request("tree", arguments)
    if request.pid is None:
        raise BadCommandLineError("tree needs the PID of a process that has a console")
    return _report(request, _print_tree)


def _request(command: str, arguments: list[str]) -> _Request:
    request = _Request()
    for argument in arguments:
        name, _, value = argument.partition("=")
        if argument == "--json":
            request.json = True
        elif name == "--sort" and command == "ps":
            if value not in _SORTS:
                raise BadCommandLineError(f"--sort takes one of {', '.join(_SORTS)}, not {value!r}")
            request.sort = value
        elif name == "--filter" and command == "ps":
            request.filter = value
        elif argument.startswith("-"):
            raise BadCommandLineError(f"unknown option {argument} of {command}")
        elif request.pid is not None:
            raise BadCommandLineError(f"{command} takes one PID, not {argument!r} as well")
        elif not (argument.isascii() and argument.isdecimal() and 0 < int(argument) < 2**31):
            raise BadCommandLineError(f"{argument!r} is no PID")
        else:
            request.pid = int(argument)
    return request


def _report(request: _Request, show: Callable[[Console, _Request], None]) -> int:
    assert request.pid is not None
    try:
        with Console(request.pid) as console:
            show(console, request)
    except ConsoleError as error:
        print(f"aioxide: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever reads has seen enough. The interpreter must not try to flush at exit.
        sys.stdout = None
    return 0


def _list_processes(as_json: bool) -> int:
    found = []
    for pid in consoles():
        try:
            with Console(pid) as console:
                found.append(console.greeting)
        except ConsoleError:
            continue
    if as_json:
        print(json.dumps(found))
    elif not found:
        text = "no process has a console: start one by `aioxide --console app.py`"
        print(f"aioxide: {text}", file=sys.stderr)
    else:
        rows = [(str(each.get("pid", "?")), " ".join(_texts(each.get("argv")))) for each in found]
        _print_table(("PID", "PROGRAM"), rows)
    return 0


def _texts(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _print_tasks(console: Console, request: _Request) -> None:
    descending = request.sort not in ("name", "age")
    tasks = console.tasks(request.sort, descending, request.filter)
    if request.json:
        print(json.dumps(tasks))
        return
    header = ("ID", "NAME", "COROUTINE", "STATE", "FOR", "BUSY", "STEPS", "AGE", "CREATED")
    _print_table(header, (_row(task) for task in tasks))


def _row(task: dict[str, Any]) -> tuple[str, ...]:
    state = _state(task)
    return (
        str(task.get("id", "?")),
        str(task.get("name", "")),
        str(task.get("coroutine", "")),
        state,
        _time(task.get("waiting_ns")) if task.get("state") == "waiting" else "",
        _time(task.get("busy_ns")),
        str(task.get("steps", "")),
        _time(task.get("age_ns")),
        str(task.get("created", "") or ""),
    )


def _state(task: dict[str, Any]) -> str:
    state, waits = str(task.get("state", "")), task.get("waits_for")
    if state != "waiting" or not isinstance(waits, dict):
        return state
    kind, text = waits.get("kind"), waits.get("text")
    # The text of a task is its name.
    whose = "task " if kind == "task" and text else ""
    return f"waits for {whose}{text or kind or '?'}"


def _print_tree(console: Console, request: _Request) -> None:
    tasks = console.tree()
    if request.json:
        print(json.dumps(tasks))
        return
    known = {task.get("id") for task in tasks}
    children: dict[Any, list[dict[str, Any]]] = {}
    tops = []
    for task in tasks:
        parent = task.get("parent")
        if parent in known and parent != task.get("id"):
            children.setdefault(parent, []).append(task)
        else:
            tops.append(task)
    stack = [(task, "", "", "") for task in reversed(tops)]
    while stack:
        task, before, branch, below = stack.pop()
        text = f"{task.get('name', '')} ({task.get('coroutine', '')}) {_state(task)}"
        print(before + branch + _printable(text))
        inner = children.pop(task.get("id"), [])
        for index in range(len(inner) - 1, -1, -1):
            mark, under = ("└─ ", "   ") if index == len(inner) - 1 else ("├─ ", "│  ")
            stack.append((inner[index], before + below, mark, under))


def _print_table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    lines = [header, *(tuple(_printable(cell) for cell in row) for row in rows)]
    widths = [min(_WIDEST, max(len(line[i]) for line in lines)) for i in range(len(header))]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        print("  ".join(cells).rstrip())


def _time(nanoseconds: Any) -> str:
    if not isinstance(nanoseconds, int | float):
        return ""
    if nanoseconds >= 60e9:
        minutes, seconds = divmod(int(nanoseconds / 1e9), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}h {minutes:02}m" if hours else f"{minutes}m {seconds:02}s"
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.1f} {unit}"
    return f"{nanoseconds:.0f} ns"


def _printable(text: str) -> str:
    """Return the text without control characters, which a terminal would obey."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
