"""What the loop tells while lints look: what is made, requests to cancel, tasks that fail."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
import types
import weakref
from collections.abc import Iterator
from typing import Any, Generic, NamedTuple, TypeVar

from .. import _aioxide
from .._loop import origin_tracking
from ..introspect import Place
from ..introspect._chains import chain
from ..introspect._places import is_of_loop, is_own, is_package, own_place

__all__ = (
    "QUEUES",
    "WRITERS",
    "Request",
    "WeakMap",
    "failed",
    "line_that_calls",
    "line_that_makes",
    "made",
    "note_cancellation",
    "note_failure",
    "note_made",
    "note_unclosed",
    "place_made",
    "request_of",
    "start",
    "stop",
    "take_unclosed",
)

_V = TypeVar("_V")

#: Both kinds of each class: a program may have either, or both.
QUEUES: tuple[type, ...] = (asyncio.Queue, _aioxide.Queue)
WRITERS: tuple[type, ...] = (asyncio.StreamWriter, _aioxide.StreamWriter)

#: Frames that are looked through for a line of the program's own.
_DEPTH = 64
#: Warnings that are announced and not shown.
_MOST_UNCLOSED = 100


class WeakMap(Generic[_V]):
    """Values by object: by which object it is, whatever ``==`` means for its class.

    A thread may read while another one writes.
    """

    def __init__(self) -> None:
        self._entries: dict[int, tuple[weakref.ref[Any], _V]] = {}

    def get(self, key: Any) -> _V | None:
        """Return the value of an object; None if it has none."""
        entry = self._entries.get(id(key))
        return entry[1] if entry is not None else None

    def put(self, key: Any, value: _V) -> None:
        """Give an object a value, until it is gone.

        Raises:
            TypeError: the object cannot be referred to weakly.
        """
        number, entries = id(key), self._entries

        def forget(_: Any) -> None:
            entries.pop(number, None)

        entries[number] = (weakref.ref(key, forget), value)

    def pop(self, key: Any) -> None:
        """Take the value of an object away, if it has one."""
        self._entries.pop(id(key), None)

    def clear(self) -> None:
        """Take all values away."""
        self._entries.clear()

    def __iter__(self) -> Iterator[Any]:
        """Yield the objects that have a value."""
        for reference, _ in list(self._entries.values()):
            key = reference()
            if key is not None:
                yield key


class Request(NamedTuple):
    """A call of ``task.cancel()``."""

    when: float
    """The time of ``time.monotonic()``."""
    requested: Place | None
    """The program's own line that has called it."""
    delivered: Place | None
    """The ``await`` that raises ``CancelledError``; None if the task was not suspended."""


#: Queues and streams that were made while lints look, and where.
_made: WeakMap[Place | None] = WeakMap()
#: The last request to cancel each task.
_requests: WeakMap[Request] = WeakMap()
#: The tasks that have failed since ``failed()`` was called, and their numbers in the recording.
_failed: WeakMap[int] = WeakMap()
#: By the text of a warning of an unclosed transport that comes now: where the transport was made.
_unclosed: dict[str, Place | None] = {}
#: Who listens.
_listeners: set[object] = set()


def start(listener: object) -> None:
    """Begin to keep what the loop tells. What exists already is looked for once."""
    if not _listeners:
        for each in gc.get_objects():
            # Not isinstance(): that asks an object for its class, and a proxy may do anything.
            if issubclass(type(each), QUEUES + WRITERS):
                _keep(each, None)
    _listeners.add(listener)
    _aioxide._tell_lints(True)
    origin_tracking.note_lines(True)


def stop(listener: object) -> None:
    """End that, if nobody else listens."""
    _listeners.discard(listener)
    if not _listeners:
        _aioxide._tell_lints(False)
        origin_tracking.note_lines(False)
        _unclosed.clear()
        _made.clear()
        _requests.clear()
        _failed.clear()


def note_made(subject: Any) -> None:
    """Keep a queue or a stream; called when it was made."""
    _keep(subject, line_that_makes())


def line_that_makes() -> Place | None:
    """Return the program's own line that makes an object; called when it is made.

    That of a server's connection, and of what the loop makes for it, has made the server.
    """
    try:
        place = line_that_calls(sys._getframe(1))
        if place is None and (maker := _aioxide._made_on_behalf_of()) is not None:
            place = Place(*maker)
        return place
    except Exception:
        # What fails here is no failure of the program.
        return None


def note_unclosed(text: str, place: Place | None) -> None:
    """Keep where a transport was made; called before the warning with this text."""
    if len(_unclosed) >= _MOST_UNCLOSED:
        # A filter of the program's hides the warnings.
        _unclosed.clear()
    _unclosed[text] = place


def take_unclosed(text: str) -> Place | None:
    """Return where the transport was made that the warning with this text is about."""
    return _unclosed.pop(text, None)


def note_cancellation(task: asyncio.Task[Any]) -> None:
    """Keep a request to cancel a task; called before the task gets it."""
    try:
        coroutine = task.get_coro()
        links = chain(coroutine) if getattr(coroutine, "cr_suspended", True) else []
        request = Request(
            time.monotonic(),
            line_that_calls(sys._getframe(1)),
            own_place(tuple(link.place for link in links if link.place is not None)),
        )
        _requests.put(task, request)
    except Exception:
        # As above.
        return


def note_failure(task: asyncio.Task[Any]) -> None:
    """Keep a task that has failed; called when it has."""
    try:
        _failed.put(task, _aioxide._task_id(task) or 0)
    except Exception:
        # As above.
        return


def failed() -> list[tuple[asyncio.Task[Any], int]]:
    """Return the tasks that have failed since the last call, and their numbers."""
    found = [(task, _failed.get(task) or 0) for task in _failed]
    for task, _ in found:
        _failed.pop(task)
    return found


def _keep(subject: Any, place: Place | None) -> None:
    try:
        _made.put(subject, place)
    except TypeError:
        # A subclass may allow no weak references.
        return


def made(kinds: tuple[type, ...]) -> list[Any]:
    """Return the queues or streams that are known."""
    return [each for each in _made if isinstance(each, kinds)]


def place_made(subject: Any) -> Place | None:
    """Return where a queue, stream, lock or task was made, if that was noted."""
    place = _made.get(subject)
    if place is None and (recorded := _aioxide._created_at(subject)) is not None:
        place = Place(*recorded)
    return place


def request_of(task: asyncio.Task[Any]) -> Request | None:
    """Return the last request to cancel a task, if it was noted."""
    return _requests.get(task)


def line_that_calls(frame: types.FrameType | None) -> Place | None:
    """Return the innermost line of the program's own among the frames inside the running item."""
    other = None
    for _ in range(_DEPTH):
        if frame is None:
            break
        code = frame.f_code
        if not is_package(code.co_filename):
            place = Place(code.co_filename, frame.f_lineno or 0, code.co_qualname)
            if is_own(code.co_filename):
                return place
            other = other or place
        elif is_of_loop(code.co_filename, code.co_name):
            break
        frame = frame.f_back
    return other
