"""Objects that are used on another loop than their own."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from ..introspect import Place
from ..introspect._places import own_place
from ._findings import Finding, log
from ._noted import line_that_calls, place_made

__all__ = ("note_other_loop",)


def note_other_loop(subject: Any) -> None:
    """Log that ``subject`` is used on another loop; called before asyncio's exception is raised."""
    used = line_that_calls(sys._getframe(1)) or _line_of_task()
    made = getattr(subject, "_source_traceback", None)
    created = place_made(subject)
    if made:
        created = own_place(
            tuple(Place(each.filename, each.lineno or 0, each.name) for each in made)
        )
    log(
        Finding(
            "other-loop",
            f"a {type(subject).__name__} that belongs to one event loop is used on another one",
            place=used,
            created=created,
            fix="Make it inside the coroutine that uses it, once for each `asyncio.run()`.",
        )
    )


def _line_of_task() -> Place | None:
    """Return the line at which the running task is suspended: a future shows up after its step."""
    from ..introspect._chains import chain

    try:
        task = asyncio.current_task()
    except RuntimeError:
        return None
    links = chain(task.get_coro()) if task is not None else []
    return own_place(tuple(link.place for link in links if link.place is not None))
