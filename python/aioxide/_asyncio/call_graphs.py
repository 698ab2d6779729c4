"""Stand-ins for the frames of suspended native coroutines.

``asyncio.capture_call_graph()``, ``Task.get_stack()`` and debuggers follow ``cr_await`` from
coroutine to coroutine and read ``cr_frame``. A native coroutine has no frame of the interpreter's;
these classes stand in for it, with the code of asyncio's functions.
"""

from __future__ import annotations

import functools
from types import CodeType, FunctionType
from typing import Any

from .. import _aioxide
from .._patch_releases import TASK_GROUP_HAS_AEXIT

__all__ = ("Frame", "Suspended", "awaited", "code_at", "code_of", "frame_of")

#: For each function of asyncio that awaits another one of its own: that inner function.
_INSIDE = {
    "_AsCompletedIterator.__anext__": "_AsCompletedIterator._wait_for_one",
    "_AsCompletedIterator._wait_for_one": "Queue.get",
    "as_completed.<locals>._wait_for_one": "Queue.get",
    "wait": "_wait",
}
if TASK_GROUP_HAS_AEXIT:
    _INSIDE["TaskGroup.__aexit__"] = "TaskGroup._aexit"


class Suspended:
    """Stands in for a suspended coroutine.

    Args:
        qualname: the name of its function.
        cr_await: what it waits for, or None.
        code: the code of its function, or None for that of asyncio's.
    """

    __slots__ = ("__qualname__", "cr_await", "cr_code")

    cr_running = False
    cr_suspended = True
    cr_origin = None

    def __init__(self, qualname: str, cr_await: Any, code: CodeType | None = None) -> None:
        self.__qualname__ = qualname
        self.cr_await = cr_await
        self.cr_code = code_of(qualname) if code is None else code

    @property
    def __name__(self) -> str:
        return self.__qualname__.rpartition(".")[2]

    @property
    def cr_frame(self) -> Frame:
        """Where it waits."""
        return Frame(self)


class Frame:
    """Stands in for the frame of a suspended native coroutine.

    Args:
        f_generator: the coroutine.
    """

    __slots__ = ("f_code", "f_generator", "f_globals", "f_lineno", "f_locals")

    f_back = None
    f_lasti = 0
    f_trace = None

    def __init__(self, f_generator: Suspended) -> None:
        self.f_generator = f_generator
        self.f_code = f_generator.cr_code
        self.f_lineno = self.f_code.co_firstlineno
        self.f_globals: dict[str, Any] = {}
        self.f_locals: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"<native frame, code {self.f_code.co_qualname}>"


def frame_of(qualname: str, cr_await: Any, code: CodeType | None = None) -> Frame:
    """Return the frame of the native coroutine ``qualname`` that waits for ``cr_await``.

    Args:
        qualname: the name of its function.
        cr_await: what it waits for, or None.
        code: the code of its function, or None for that of asyncio's.
    """
    return Frame(Suspended(qualname, cr_await, code))


def awaited(qualname: str, cr_await: Any) -> Any:
    """Return what native coroutine ``qualname`` awaits; ``cr_await`` is the innermost awaitable."""
    inside = _INSIDE.get(qualname)
    return cr_await if inside is None else Suspended(inside, awaited(inside, cr_await))


@functools.cache
def code_of(qualname: str) -> CodeType:
    """Return the code of asyncio's function ``qualname``; an empty one if that is not native."""
    known = _codes().get(qualname)
    if known is not None:
        return known
    return (lambda: None).__code__.replace(
        co_name=qualname.rpartition(".")[2],
        co_qualname=qualname,
        co_filename="<aioxide>",
        co_firstlineno=0,
    )


@functools.cache
def code_at(path: str, file: str, line: int) -> CodeType:
    """Return an empty code object for a function of another extension module.

    Args:
        path: what Rust calls the function.
        file: the file of its source.
        line: the line in it.
    """
    return (lambda: None).__code__.replace(
        co_name=path, co_qualname=path, co_filename=file, co_firstlineno=line
    )


@functools.cache
def _codes() -> dict[str, CodeType]:
    found: dict[str, CodeType] = {}
    for home in vars(_aioxide).values():
        members = vars(home).values() if isinstance(home, type) else (home,)
        for function in members:
            if isinstance(function, FunctionType):
                found.setdefault(function.__qualname__, function.__code__)
    return found
