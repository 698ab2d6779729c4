"""What Python can reach: classes, functions, attribute names, on either side."""

from __future__ import annotations

import asyncio
import asyncio.sslproto
import asyncio.timeouts
import inspect
import sys
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import aioxide
import aioxide._aioxide as native
import values

if TYPE_CHECKING:
    from program import Program

#: Calls that come back only when a loop stops.
RUNS_A_LOOP = frozenset(
    ("run", "run_forever", "run_until_complete", "serve_forever", "__exit__", "close")
)
#: The program needs these of its loop to go on.
OWN_ATTRIBUTES = frozenset(
    ("stop", "run_forever", "call_soon", "close", "create_task", "is_closed")
)
#: Functions that change the process, not the objects under test.
LEFT_OUT = frozenset(
    (
        "install",
        "uninstall",
        "unwatch",
        "watch",
        "_reap_child",
        "_tell_lints",
        "_use_exit_descriptors",
        "_watchdog_next",
        "_watchdog_start",
        "_watchdog_stop",
        "_watchdog_take",
    )
)
#: A class whose functions panic, sleep and start threads as they are asked to.
FOR_TESTS = frozenset(("RustFutures",))

KEYWORDS = (
    "loop name context timeout msg sock ssl server_hostname limit maxsize return_exceptions "
    "return_when eager_start fallback happy_eyeballs_delay local_addr start_serving backlog "
    "strict parties value lock coro delay result factory n sep ssl_handshake_timeout"
).split()

#: Methods and functions with what they are meant to be called with.
SENSIBLE: dict[str, tuple[str, ...]] = {
    "call_soon": ("callback", "any"),
    "call_soon_threadsafe": ("callback",),
    "call_later": ("delay", "callback"),
    "call_at": ("delay", "callback"),
    "create_task": ("coroutine",),
    "ensure_future": ("awaitable",),
    "gather": ("awaitable", "awaitable", "awaitable"),
    "shield": ("awaitable",),
    "wait": ("tasks",),
    "as_completed": ("tasks",),
    "wait_for": ("awaitable", "delay"),
    "sleep": ("delay", "any"),
    "timeout": ("delay",),
    "timeout_at": ("delay",),
    "run_until_complete": ("awaitable",),
    "run": ("coroutine",),
    "to_thread": ("function",),
    "run_in_executor": ("none", "function"),
    "run_coroutine_threadsafe": ("coroutine", "loop"),
    "wrap_future": ("any",),
    "set_result": ("any",),
    "set_exception": ("error",),
    "add_done_callback": ("callback",),
    "remove_done_callback": ("callback",),
    "cancel": (),
    "uncancel": (),
    "done": (),
    "result": (),
    "exception": (),
    "put_nowait": ("any",),
    "put": ("any",),
    "get": (),
    "get_nowait": (),
    "acquire": (),
    "release": (),
    "notify": ("small",),
    "wait_for_": ("callback",),
    "reschedule": ("delay",),
    "feed_data": ("bytes",),
    "feed_eof": (),
    "read": ("small",),
    "readline": (),
    "readexactly": ("small",),
    "readuntil": ("bytes",),
    "write": ("bytes",),
    "writelines": ("list of bytes",),
    "drain": (),
    "close": (),
    "abort": (),
    "write_eof": (),
    "sendto": ("bytes",),
    "set_protocol": ("protocol",),
    "set_write_buffer_limits": ("small", "small"),
    "pause_reading": (),
    "resume_reading": (),
    "add_reader": ("socket", "callback"),
    "add_writer": ("socket", "callback"),
    "remove_reader": ("socket",),
    "remove_writer": ("socket",),
    "sock_recv": ("socket", "small"),
    "sock_recv_into": ("socket", "buffer"),
    "sock_sendall": ("socket", "bytes"),
    "sock_accept": ("socket",),
    "sock_recvfrom": ("socket", "small"),
    "connect_accepted_socket": ("protocol factory", "socket"),
    "connect_read_pipe": ("protocol factory", "socket"),
    "connect_write_pipe": ("protocol factory", "socket"),
    "set_task_factory": ("callback",),
    "set_exception_handler": ("callback",),
    "set_default_executor": ("any",),
    "set_debug": ("any",),
    "call_exception_handler": ("context",),
    "start_tls": ("any", "protocol", "any"),
    "sendfile": ("any", "any"),
    "send_signal": ("small",),
    "_attach": ("any",),
    "_detach": ("any",),
    "__aenter__": (),
    "__aexit__": ("none", "none", "none"),
    "__enter__": (),
    "__exit__": ("none", "none", "none"),
    "Future": (),
    "Task": ("coroutine",),
    "request": ("key", "method", "bytes", "headers"),
    "try_acquire": ("key",),
    "connect": (),
    "open": ("method", "bytes", "headers"),
    "response": (),
    "end": (),
    "wait_continue": (),
    "read_nowait": (),
    "read_some": ("small",),
    "read_some_nowait": ("small",),
    "upgrade": (),
    "close_idle": (),
    "data_received": ("bytes",),
    "connection_made": ("any",),
    "connection_lost": ("none",),
    "until_ready": ("small", "none"),
    "Lock": (),
    "Event": (),
    "Condition": (),
    "Semaphore": ("small",),
    "BoundedSemaphore": ("small",),
    "Barrier": ("small",),
    "Queue": ("small",),
    "LifoQueue": ("small",),
    "PriorityQueue": ("small",),
    "TaskGroup": (),
    "Timeout": ("delay",),
    "Handle": ("callback", "list", "loop"),
    "TimerHandle": ("delay", "callback", "list", "loop"),
    "StreamReader": (),
    "StreamWriter": ("any", "protocol", "any", "loop"),
    "StreamReaderProtocol": ("any", "callback"),
}


def sensible(program: Program, kind: str) -> Any:
    """An argument of the kind that a call is meant to get."""
    rng = program.rng
    match kind:
        case "any":
            return program.value()
        case "none":
            return None
        case "loop":
            return program.loop
        case "small":
            return rng.choice((0, 1, 2, 5, -1, 100))
        case "delay":
            return rng.choice((0, 0.0, 0.001, None, 50, -1))
        case "bytes":
            return rng.choice((b"", b"x", b"line\n", b"\0" * 70_000, b"y" * 400_000))
        case "list of bytes":
            return [b"a", b"", bytearray(b"b"), memoryview(b"c")]
        case "buffer":
            return bytearray(rng.choice((0, 1, 64)))
        case "list":
            return [program.value() for _ in range(rng.randrange(3))]
        case "context":
            return {"message": program.value(), "exception": program.value()}
        case "error":
            return rng.choice(values.EXCEPTIONS)("set")
        case "tasks":
            return [_awaitable(program) for _ in range(rng.randrange(1, 4))]
        case "awaitable":
            return _awaitable(program)
        case "coroutine":
            return values._coroutine(program, rng)
        case "callback":
            return values._callback(program, rng)
        case "function":
            return rng.choice((int, program.reenter, values._callback(program, rng)))
        case "protocol":
            return rng.choice(values.MAKERS[5:7])(program, rng)
        case "protocol factory":
            made = sensible(program, "protocol")
            return lambda: made
        case "socket":
            return values._socket(program, rng)
        case "key":
            return rng.choice((("127.0.0.1", 1), ("localhost", 0), "key", program.value()))
        case "method":
            return rng.choice(("GET", "POST", "HEAD", "CONNECT", "", "BAD METHOD"))
        case "headers":
            host = ("Host", "localhost")
            return rng.choice(
                ([host], [host, ("Content-Length", "5")], [host, ("A", "b\n")], [], [host, host])
            )
    raise AssertionError(kind)


def _awaitable(program: Program) -> Any:
    choice = program.rng.randrange(6)
    if choice == 0:
        return program.loop.create_future()
    if choice == 1:
        return program.loop.create_task(values._coroutine(program, program.rng))
    if choice == 2:
        return values._coroutine(program, program.rng)
    return program.awaited()


async def await_it(awaitable: Any) -> Any:
    """A coroutine around anything that can be awaited."""
    return await awaitable


NAMES_OF_BOTH = (
    "Future Task Handle TimerHandle Lock Event Condition Semaphore BoundedSemaphore Barrier Queue "
    "LifoQueue PriorityQueue TaskGroup Timeout StreamReader StreamWriter StreamReaderProtocol "
    "Server Runner"
).split()
#: The private classes of asyncio that some of ours stand for.
STANDARD_COUNTERPARTS = {
    "_GatheringFuture": asyncio.tasks._GatheringFuture,
    "SSLProtocol": asyncio.sslproto.SSLProtocol,
    "SSLTransport": asyncio.sslproto._SSLProtocolTransport,
    "SocketTransport": asyncio.selector_events._SelectorSocketTransport,
    "DatagramTransport": asyncio.selector_events._SelectorDatagramTransport,
    "ReadPipeTransport": asyncio.unix_events._UnixReadPipeTransport,
    "WritePipeTransport": asyncio.unix_events._UnixWritePipeTransport,
}
if sys.version_info >= (3, 14):
    STANDARD_COUNTERPARTS["ThreadSafeHandle"] = asyncio.events._ThreadSafeHandle


def new_loop(kind: str) -> Any:
    """A loop of one side, whatever policy is in force."""
    return asyncio.SelectorEventLoop() if kind == "asyncio" else aioxide.new_event_loop()


class Surface:
    """The names of one side, in the same order on both."""

    def __init__(self, kind: str) -> None:
        api = asyncio if kind == "asyncio" else aioxide
        table: dict[str, type] = {name: getattr(api, name) for name in NAMES_OF_BOTH}
        for name in sorted(vars(native)):
            thing = getattr(native, name)
            if isinstance(thing, type) and name not in table and name not in FOR_TESTS:
                table[name] = (
                    thing if kind == "aioxide" else STANDARD_COUNTERPARTS.get(name, object)
                )
        table["Loop"] = aioxide.Loop if kind == "aioxide" else asyncio.SelectorEventLoop
        self.classes = list(table.values())
        names = {*asyncio.__all__, *aioxide.__all__, *vars(native)} - LEFT_OUT - FOR_TESTS
        self.functions = sorted(name for name in names if _is_function(name))
        self._native = native if kind == "aioxide" else None

    def private(self, name: str) -> Callable[..., Any] | None:
        return getattr(self._native, name, None)

    def names_of(self, thing: Any) -> list[str]:
        """The attributes that an object's class has, on either side."""
        return names_of_class(type(thing))

    def names_in(self, cls: type) -> list[str]:
        """The attributes that a class defines itself, on either side."""
        return names_of_class(cls)


def _is_function(name: str) -> bool:
    thing = getattr(aioxide, name, None) or getattr(native, name, None)
    return callable(thing) and not inspect.isclass(thing) and not name.startswith("__")


@cache
def of(kind: str) -> Surface:
    """The surface of one side."""
    return Surface(kind)


@cache
def _counterparts() -> dict[type, type]:
    pairs = list(zip(of("asyncio").classes, of("aioxide").classes, strict=True))
    table: dict[type, type] = {}
    for first, second in pairs:
        table[first], table[second] = second, first
    return table


@cache
def names_of_class(cls: type) -> list[str]:
    """All attribute names of a class and of its counterpart on the other side, sorted."""
    names = set(dir(cls))
    for base in cls.__mro__:
        if base in _counterparts() and base is not object:
            names.update(dir(_counterparts()[base]))
            break
    # Of every class; they say little about this one.
    names -= {"__doc__", "__module__", "__init_subclass__", "__subclasshook__"}
    return sorted(names)
