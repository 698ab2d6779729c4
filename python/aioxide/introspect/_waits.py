"""What a task waits for, in words."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from .. import _aioxide
from ._chains import Link, locals_of, referents
from ._found import Found, named
from ._futures import of_future

__all__ = ("CONDITIONS", "LOCKS", "SEMAPHORES", "find_wait")


#: Both kinds of each class: a program may have either, or both.
LOCKS: tuple[type, ...] = (asyncio.Lock, _aioxide.Lock)
CONDITIONS: tuple[type, ...] = (asyncio.Condition, _aioxide.Condition)
SEMAPHORES: tuple[type, ...] = (asyncio.Semaphore, _aioxide.Semaphore, _aioxide.BoundedSemaphore)
_EVENTS = (asyncio.Event, _aioxide.Event)
_BARRIERS = (asyncio.Barrier, _aioxide.Barrier)
_QUEUES = (asyncio.Queue, _aioxide.Queue)
_GROUPS = (asyncio.TaskGroup, _aioxide.TaskGroup)
_STREAMS = (
    asyncio.StreamReader,
    asyncio.StreamWriter,
    _aioxide.StreamReader,
    _aioxide.StreamWriter,
    asyncio.AbstractServer,
)

#: Names of asyncio's coroutines, and the kind of the wait. The innermost one counts.
_KINDS: dict[str, str] = {
    "sleep": "sleep",
    "Lock.acquire": "lock",
    "Lock.__aenter__": "lock",
    "Condition.acquire": "lock",
    "Condition.__aenter__": "lock",
    "Condition.wait": "condition",
    "Condition.wait_for": "condition",
    "Semaphore.acquire": "semaphore",
    "Semaphore.__aenter__": "semaphore",
    "BoundedSemaphore.acquire": "semaphore",
    "BoundedSemaphore.__aenter__": "semaphore",
    "Event.wait": "event",
    "Barrier.wait": "barrier",
    "Barrier.__aenter__": "barrier",
    "Queue.get": "queue get",
    "Queue.put": "queue put",
    "Queue.join": "queue join",
    "wait": "wait",
    "wait_for": "future",
    "TaskGroup.__aexit__": "task group",
    "TaskGroup._aexit": "task group",
    "to_thread": "thread",
    "StreamReader.read": "read",
    "StreamReader.readline": "read",
    "StreamReader.readexactly": "read",
    "StreamReader.readuntil": "read",
    "StreamReader._wait_for_data": "read",
    "StreamWriter.drain": "write",
    "StreamWriter.wait_closed": "write",
    "FlowControlMixin._drain_helper": "write",
    "Server.serve_forever": "accept",
    "Server.wait_closed": "accept",
    "Process.wait": "process",
    "Process.communicate": "process",
    "BaseSubprocessTransport._wait": "process",
    "SubprocessTransport._wait": "process",
    "BaseEventLoop.getaddrinfo": "name resolution",
    "BaseEventLoop.getnameinfo": "name resolution",
    "BaseEventLoop.create_connection": "connect",
    "BaseEventLoop._connect_sock": "connect",
    "BaseSelectorEventLoop.sock_connect": "connect",
    "BaseSelectorEventLoop._sock_connect": "connect",
    "BaseSelectorEventLoop.sock_accept": "accept",
    "BaseSelectorEventLoop.sock_recv": "read",
    "BaseSelectorEventLoop.sock_recv_into": "read",
    "BaseSelectorEventLoop.sock_recvfrom": "read",
    "BaseSelectorEventLoop.sock_recvfrom_into": "read",
    "BaseSelectorEventLoop.sock_sendall": "write",
    "BaseSelectorEventLoop.sock_sendto": "write",
    "BaseSelectorEventLoop.sock_sendfile": "write",
    "BaseEventLoop.sendfile": "write",
    "open_connection": "connect",
    "start_tls": "connect",
    "BaseEventLoop.start_tls": "connect",
    "BaseEventLoop.shutdown_default_executor": "thread",
    "_AsCompletedIterator._wait_for_one": "wait",
    "_AsCompletedIterator.__anext__": "wait",
    "as_completed.<locals>._wait_for_one": "wait",
}

#: Coroutines of asyncio that say more than the lock or queue inside them.
_SAY_MORE = frozenset(
    {
        "Process.communicate",
        "StreamWriter.drain",
        "Queue.join",
        "Barrier.wait",
        "Barrier.__aenter__",
        "_AsCompletedIterator._wait_for_one",
        "_AsCompletedIterator.__anext__",
        "as_completed.<locals>._wait_for_one",
        "BaseEventLoop.shutdown_default_executor",
    }
)


def find_wait(links: list[Link], waiter: Any) -> Found:
    """Return what a suspended task waits for.

    Arguments:
        links: its coroutines.
        waiter: the future that its innermost coroutine awaits.
    """
    awaiting = next((link for link in reversed(links) if link.place is not None), None)
    rust = None if awaiting is None else getattr(awaiting.awaitable, "_rust_wait", None)
    inner = _package_links(links)
    names = [link.place.function if link.place else "" for link in inner]
    chosen = next((i for i, name in enumerate(names) if name in _SAY_MORE), None)
    if chosen is None:
        known = [i for i, name in enumerate(names) if name in _KINDS]
        chosen = known[-1] if known else None
    if chosen is None and rust is not None:
        return _of_rust(*rust)
    if chosen is None or (_KINDS[names[chosen]] == "future"):
        return of_future(links, waiter)
    kind, name, link = _KINDS[names[chosen]], names[chosen], inner[chosen]
    return _DESCRIBE.get(kind, _by_name)(kind, name, link, waiter)


def _package_links(links: list[Link]) -> list[Link]:
    """Return the coroutines of asyncio at the inner end of the chain."""
    count = 0
    for link in reversed(links):
        if link.place is not None and not link.is_package:
            break
        count += 1
    return links[len(links) - count :]


def _subject(link: Link, *kinds: type) -> Any:
    """Return the object whose method the coroutine is."""
    own = locals_of(link)
    if "self" in own:
        return own["self"]
    for each in referents(link):
        if isinstance(each, kinds):
            return each
    return None


def _by_name(kind: str, name: str, link: Link, waiter: Any) -> Found:
    subject = None
    if name.startswith("BaseSelectorEventLoop."):
        sockets = (each for each in referents(link) if isinstance(each, socket.socket))
        subject = next(sockets, None)
    elif kind in ("read", "write", "accept"):
        subject = _subject(link, *_STREAMS)
    text, preposition = {
        "read": ("data", "from"),
        "write": ("room to write", "to"),
        "accept": ("connections", ""),
        "connect": ("a connection", "to"),
        "name resolution": ("name resolution", ""),
    }[kind]
    peer = _peer(subject) if preposition else ""
    whose = f" {preposition} {peer}" if peer else ""
    return Found(kind, f"{text}{whose} ({name})", subject=subject)


def _peer(subject: Any) -> str:
    """Return the address of the peer of a stream or a socket; empty if it is not known."""
    try:
        if isinstance(subject, socket.socket):
            peer = subject.getpeername()
        else:
            transport = getattr(subject, "transport", None) or getattr(subject, "_transport", None)
            peer = transport.get_extra_info("peername") if transport is not None else None
    except Exception:
        # It is not connected, or not what it seems to be.
        return ""
    if isinstance(peer, tuple) and len(peer) >= 2:
        host = f"[{peer[0]}]" if ":" in str(peer[0]) else peer[0]
        return f"{host}:{peer[1]}"
    return str(peer) if peer else ""


def _sleep(kind: str, name: str, link: Link, waiter: Any) -> Found:
    delay = locals_of(link).get("delay")
    if delay is None:
        delay = next((e for e in referents(link) if type(e) in (int, float)), None)
    text = "a sleep" if delay is None else f"a sleep of {delay:g} s"
    return Found(kind, text)


def _lock(kind: str, name: str, link: Link, waiter: Any) -> Found:
    subject = _subject(link, *LOCKS, *CONDITIONS)
    inner = getattr(subject, "_lock", None)
    return Found(kind, f"a lock{_waiters(inner or subject)}", subject=inner or subject)


def _semaphore(kind: str, name: str, link: Link, waiter: Any) -> Found:
    subject = _subject(link, *SEMAPHORES)
    return Found(kind, f"a semaphore{_waiters(subject)}", subject=subject)


def _waiters(subject: Any) -> str:
    try:
        count = len(subject._waiters or ())
    except Exception:
        return ""
    return f" for which {count} tasks wait" if count > 1 else ""


def _event(kind: str, name: str, link: Link, waiter: Any) -> Found:
    return Found(kind, "an event", subject=_subject(link, *_EVENTS))


def _condition(kind: str, name: str, link: Link, waiter: Any) -> Found:
    return Found(kind, "notification of a condition", subject=_subject(link, *CONDITIONS))


def _barrier(kind: str, name: str, link: Link, waiter: Any) -> Found:
    subject = _subject(link, *_BARRIERS)
    try:
        text = f"a barrier at which {subject.n_waiting} of {subject.parties} have arrived"
    except AttributeError:
        text = "a barrier"
    return Found(kind, text, subject=subject)


def _queue(kind: str, name: str, link: Link, waiter: Any) -> Found:
    subject = _subject(link, *_QUEUES)
    try:
        size, bound = subject.qsize(), subject.maxsize
        length = f" of {size} items" + (f", at most {bound}" if bound > 0 else "")
    except Exception:
        length = ""
    what = {"queue get": "an item of", "queue put": "room in", "queue join": "the end of work on"}
    return Found(kind, f"{what[kind]} a queue{length}", subject=subject)


def _wait(kind: str, name: str, link: Link, waiter: Any) -> Found:
    own = locals_of(link)
    futures: Any = own.get("fs")
    if futures is None:
        futures = next((each for each in referents(link) if isinstance(each, set)), None)
    if futures is None:
        # asyncio's as_completed has its futures in a variable of the function around it.
        futures = own.get("todo", getattr(own.get("self"), "_todo", ()))
    tasks = _pending(futures)
    return Found(kind, f"{named(tasks)}" if tasks else "one of several futures", tasks)


def _pending(futures: Any) -> tuple[asyncio.Task[Any], ...]:
    """Return the tasks that are not done, sorted by name: most come from a set."""
    tasks = [each for each in tuple(futures) if isinstance(each, asyncio.Task) and not each.done()]
    return tuple(sorted(tasks, key=lambda task: task.get_name()))


def _group(kind: str, name: str, link: Link, waiter: Any) -> Found:
    group = _subject(link, *_GROUPS)
    tasks = _pending(getattr(group, "_tasks", ()))
    return Found(kind, f"{named(tasks)} of its task group", tasks, subject=group)


def _thread(kind: str, name: str, link: Link, waiter: Any) -> Found:
    if name != "to_thread":
        return Found(kind, "the threads of the default executor to end")
    function = locals_of(link).get("func")
    if function is None:
        function = next((e for e in referents(link) if callable(e) and not _is_future(e)), None)
    return Found(kind, f"{_called(function)} in a thread")


def _called(function: Any) -> str:
    function = getattr(function, "func", function)
    name = getattr(function, "__qualname__", None) or getattr(function, "__name__", None)
    return f"{name}()" if isinstance(name, str) else "a call"


def _is_future(value: Any) -> bool:
    return isinstance(value, asyncio.Future | type)


def _process(kind: str, name: str, link: Link, waiter: Any) -> Found:
    subject = locals_of(link).get("self")
    pid = getattr(subject, "pid", None) or getattr(subject, "_pid", None)
    end = "the output and the end" if name == "Process.communicate" else "the end"
    return Found(kind, f"{end} of process {pid or '?'}", subject=subject)


_DESCRIBE: dict[str, Callable[[str, str, Link, Any], Found]] = {
    "sleep": _sleep,
    "lock": _lock,
    "semaphore": _semaphore,
    "event": _event,
    "condition": _condition,
    "barrier": _barrier,
    "queue get": _queue,
    "queue put": _queue,
    "queue join": _queue,
    "wait": _wait,
    "task group": _group,
    "thread": _thread,
    "process": _process,
}


def _of_rust(kind: str, subject: Any) -> Found:
    if isinstance(subject, asyncio.Task):
        return Found(kind, f"task {subject.get_name()!r}", (subject,))
    text = {
        "sleep": "a deadline",
        "read": "data",
        "write": "room to write",
        "thread": "a call in a thread",
        "future": "a future",
    }
    found = text.get(kind)
    return Found(kind, f"{found}, in Rust" if found else "a Rust future", subject=subject)
