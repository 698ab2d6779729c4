"""What the tasks of this process wait for.

::

    from aioxide import introspect

    print(introspect.format_tree())

Works on every supported Python, on tasks of aioxide and of the standard library, without debug mode
and without recording: it reads the suspended coroutines when it is asked, and costs nothing before.
It may be called from any thread. In another thread than the loop's, the loop may go on between two
tasks, so the answer is not of one moment.

Do not call it on a hot path: it follows every coroutine of every task.
"""

from __future__ import annotations

from ._found import Wait
from ._graph import Cycle, Edge, WaitGraph, wait_graph
from ._places import Place
from ._tasks import TaskInfo, tasks
from ._tree import TaskNode, format_tree, snapshot, tree

__all__ = (
    "Cycle",
    "Edge",
    "Place",
    "TaskInfo",
    "TaskNode",
    "Wait",
    "WaitGraph",
    "format_tree",
    "snapshot",
    "tasks",
    "tree",
    "wait_graph",
)
