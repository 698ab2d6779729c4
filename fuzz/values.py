"""Arguments that nobody sensible hands in."""

from __future__ import annotations

import concurrent.futures
import contextvars
import random
import socket
import weakref
from typing import TYPE_CHECKING, Any

import hooks

if TYPE_CHECKING:
    from program import Program


class OddInt(int):
    """A subclass of int."""


class OddStr(str):
    """A subclass of str."""


class OddBytes(bytes):
    """A subclass of bytes."""


class OddTuple(tuple):
    """A subclass of tuple."""


class OddError(Exception):
    """An exception whose attributes are code."""

    def __getattribute__(self, name: str) -> Any:
        if name in ("__traceback__", "__context__", "args", "value"):
            hooks.PROGRAM.react(self, name, ())
        return super().__getattribute__(name)


PLAIN: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    2,
    3,
    16,
    255,
    65_536,
    2**31 - 1,
    2**31,
    -(2**31),
    2**62,
    2**63 - 1,
    2**63,
    2**64,
    -(2**63),
    10**40,
    0.0,
    1e-9,
    0.001,
    -1.5,
    1e10,
    1e300,
    float("inf"),
    float("-inf"),
    float("nan"),
    "",
    "x",
    "a.b",
    "\0",
    "\ud800",
    "127.0.0.1",
    "::1",
    "localhost",
    "__class__",
    b"",
    b"x",
    b"line\n",
    b"\0" * 70_000,
    (),
    ("127.0.0.1", 0),
    ("127.0.0.1", 2**40),
    ("::1", 0, 0, 0),
    frozenset(),
    Ellipsis,
    NotImplemented,
    object,
    type,
    int,
    print,
    len,
    OddInt(5),
    OddStr("s"),
    OddBytes(b"b"),
    OddTuple((1, 2)),
    1j,
    range(3),
)

EXCEPTIONS: tuple[Any, ...] = (
    ValueError,
    OSError,
    StopIteration,
    StopAsyncIteration,
    GeneratorExit,
    KeyboardInterrupt,
    SystemExit,
    MemoryError,
    RecursionError,
    BaseException,
    OddError,
)


def plain(rng: random.Random) -> Any:
    """A value without behaviour."""
    return rng.choice(PLAIN)


def fresh(program: Program, rng: random.Random) -> Any:
    """A new object: mutable, foreign, broken, or one that calls back."""
    return rng.choice(MAKERS)(program, rng)


def _closed_socket(program: Program, rng: random.Random) -> Any:
    made = socket.socket()
    made.close()
    return made


def _socket(program: Program, rng: random.Random) -> Any:
    first, second = socket.socketpair()
    first.setblocking(False)
    second.setblocking(rng.random() < 0.1)
    program.keep("socket", second)
    return first


def _exception(program: Program, rng: random.Random) -> Any:
    made = rng.choice(EXCEPTIONS)
    return made if rng.random() < 0.3 else made(program.value())


def _exception_group(program: Program, rng: random.Random) -> Any:
    return BaseExceptionGroup("g", [rng.choice(EXCEPTIONS)(1), ValueError(2)])


def _released_view(program: Program, rng: random.Random) -> Any:
    view = memoryview(bytearray(8))
    view.release()
    return view


def _generator(program: Program, rng: random.Random) -> Any:
    def generate() -> Any:
        for _ in range(3):
            yield program.value()

    return generate()


def _async_generator(program: Program, rng: random.Random) -> Any:
    async def generate() -> Any:
        for _ in range(3):
            yield program.value()
            await program.awaited()

    return generate()


def _coroutine(program: Program, rng: random.Random) -> Any:
    async def coroutine() -> Any:
        for _ in range(rng.randrange(4)):
            try:
                await program.awaited()
            except Exception:
                program.reenter()
        return program.value()

    return coroutine()


def _coroutine_function(program: Program, rng: random.Random) -> Any:
    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        program.reenter()
        await program.awaited()

    return coroutine


def _callback(program: Program, rng: random.Random) -> Any:
    def callback(*args: Any, **kwargs: Any) -> Any:
        return program.react(callback, "callback", args)

    return callback


def _executor_future(program: Program, rng: random.Random) -> Any:
    made: Any = concurrent.futures.Future()
    if rng.random() < 0.5:
        made.set_result(1)
    return made


def _list(program: Program, rng: random.Random) -> Any:
    return [program.value() for _ in range(rng.randrange(4))]


def _tuple(program: Program, rng: random.Random) -> Any:
    return tuple(program.value() for _ in range(rng.randrange(4)))


def _dict(program: Program, rng: random.Random) -> Any:
    return {str(n): program.value() for n in range(rng.randrange(3))}


def _weakref(program: Program, rng: random.Random) -> Any:
    try:
        return weakref.ref(program.kept(), _callback(program, rng))
    except TypeError:
        return None


def _liar(program: Program, rng: random.Random) -> Any:
    """An object whose `__class__` is one of the classes under test."""
    claimed = program.any_class()
    return type("Liar", (), {"__class__": claimed})()


def _hooked_liar(program: Program, rng: random.Random) -> Any:
    claimed = program.any_class()
    return type("HookedLiar", (hooks.Hook,), {"__class__": claimed})()


def _unmade(program: Program, rng: random.Random) -> Any:
    """An instance that was never initialised."""
    made = rng.choice((program.any_class, program.any_subclass))()
    return program.attempt(f"{made.__name__}.__new__({made.__name__})", made.__new__, made)


def _bytearray(program: Program, rng: random.Random) -> Any:
    return bytearray(rng.choice((0, 1, 5, 70_000)))


MAKERS = (
    lambda program, rng: hooks.Hook(),
    lambda program, rng: hooks.Hook(),
    lambda program, rng: hooks.NoFileHook(),
    lambda program, rng: hooks.ForeignFuture(),
    lambda program, rng: hooks.ForeignCoroutine(),
    lambda program, rng: hooks.HookProtocol(),
    lambda program, rng: hooks.HookBufferedProtocol(),
    lambda program, rng: hooks.HookProtocol,
    lambda program, rng: object(),
    lambda program, rng: contextvars.copy_context(),
    lambda program, rng: contextvars.Context(),
    lambda program, rng: memoryview(b"view"),
    _closed_socket,
    _socket,
    _exception,
    _exception,
    _exception_group,
    _released_view,
    _generator,
    _async_generator,
    _coroutine,
    _coroutine,
    _coroutine_function,
    _callback,
    _callback,
    _callback,
    _executor_future,
    _list,
    _tuple,
    _dict,
    _weakref,
    _liar,
    _hooked_liar,
    _unmade,
    _bytearray,
)
