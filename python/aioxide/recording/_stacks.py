"""The await stacks of suspended tasks, for a recording that is dumped."""

from __future__ import annotations

import itertools
from asyncio import all_tasks
from collections.abc import Iterator

from .. import _aioxide
from .._loop.forking import known_loops

__all__ = ("stacks",)

#: Of how many suspended tasks the await stack is read.
_MOST = 200


def stacks() -> Iterator[tuple[int, list[tuple[str, int, str]]]]:
    """Return the ids of some recorded tasks, with their frames as file, line and function."""
    # Not at the top: most programs never dump.
    from ..introspect._chains import chain

    if not _aioxide._is_recording():
        return
    tasks = (task for loop in known_loops() if not loop.is_closed() for task in all_tasks(loop))
    for task in itertools.islice(tasks, _MOST):
        number = _aioxide._task_id(task)
        if number is not None:
            frames = (link.place for link in chain(task.get_coro()))
            yield number, [(it.file, max(it.line, 0), it.function) for it in frames if it]
