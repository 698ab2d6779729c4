"""The event loops that are compared, and where each comes from."""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import importlib.util
import platform

#: In the order of the table. Each is a module with ``new_event_loop``.
LOOPS = ("asyncio", "uvloop", "rloop", "aioxide")

#: Not a loop: the epoll server without Python, which runs beside the loops in
#: the rows that have it.
FLOOR = "floor"


def is_installed(loop: str) -> bool:
    """Whether the module named `loop` can be found, without importing it."""
    return importlib.util.find_spec(loop) is not None


def version(loop: str) -> str:
    """The installed version of `loop`; asyncio has the interpreter's."""
    if loop == "asyncio":
        return platform.python_version()
    return importlib.metadata.version(loop)


def new_event_loop(loop: str) -> asyncio.AbstractEventLoop:
    """A new event loop of the kind named `loop`.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    loop_object: asyncio.AbstractEventLoop = importlib.import_module(loop).new_event_loop()
    return loop_object


def put_in_place(loop: str) -> None:
    """Puts what `loop`'s package has beside the loop under asyncio's names, if it has any.

    The workloads, and the libraries that they use, name asyncio and nothing else;
    this is to be called before they are imported.
    """
    if loop == "aioxide":
        importlib.import_module(loop).install()


def choose(names: str) -> tuple[str, ...]:
    """The loops of a comma-separated list, in the order of `LOOPS`.

    Raises:
        ValueError: a name is not one of `LOOPS`; the message says which.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in LOOPS:
            raise ValueError(f"no loop is called {name!r}; there are {', '.join(LOOPS)}")
    if not wanted:
        raise ValueError("the list of loops is empty")
    return tuple(loop for loop in LOOPS if loop in wanted)
