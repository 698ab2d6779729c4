"""Objects whose every special method calls back into the program."""

from __future__ import annotations

import asyncio
import collections.abc
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from program import Program

#: Special methods with what the interpreter expects of them.
EXPECTED = {
    "__bool__": (True, False),
    "__index__": (0, 1, -1, 7, 2**31, 2**70),
    "__int__": (0, 1, -1),
    "__float__": (0.0, 1e-9, -1.0, float("nan"), float("inf"), 1e300),
    "__hash__": (0, 1, -1),
    "__len__": (0, 1, 2**31),
    "__repr__": ("x", "", "\0", "\ud800"),
    "__str__": ("x", "", "\ud800"),
    "__eq__": (True, False, NotImplemented),
    "__ne__": (True, False, NotImplemented),
    "__lt__": (True, False, NotImplemented),
    "__le__": (True, False, NotImplemented),
    "__gt__": (True, False, NotImplemented),
    "__ge__": (True, False, NotImplemented),
    "__add__": (0, 1.0, NotImplemented),
    "__radd__": (0, 1.0, NotImplemented),
    "__sub__": (0, 1.0, NotImplemented),
    "__rsub__": (0, 1.0, NotImplemented),
    "__contains__": (True, False),
    "__exit__": (True, False, None),
    "__instancecheck__": (True, False),
    "__set__": (None,),
    "__delete__": (None,),
    "__bytes__": (b"", b"x"),
    "__length_hint__": (0, 1, 2**31),
}
#: Special and plain methods that give some object.
ANYTHING = (
    "__call__ __get__ __getitem__ __next__ __enter__ __aenter__ __aexit__ __anext__ __aiter__ "
    "send throw close result exception cancel cancelled done add_done_callback "
    "remove_done_callback get_loop get_name fileno read write recv getsockname acquire release "
    "locked put get connection_made data_received eof_received connection_lost buffer_updated "
    "get_buffer datagram_received error_received pause_writing resume_writing pipe_data_received "
    "pipe_connection_lost process_exited run submit shutdown call_soon call_later call_at time "
    "create_task create_future call_exception_handler get_debug is_running is_closed "
    "set_result set_exception setblocking gettimeout detach"
).split()


def _method(name: str) -> Any:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return PROGRAM.react(self, name, args)

    method.__name__ = name
    return method


#: The program that runs in this process; set when it begins.
PROGRAM: Program = None  # type: ignore[assignment]


class Hook:
    """Reacts in every method; an attribute that it has not may be any object."""

    def __init__(self, label: str = "hook") -> None:
        object.__setattr__(self, "label", label)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return PROGRAM.react(self, "__getattr__", (name,))

    def __iter__(self) -> Any:
        return iter(PROGRAM.react_list(self, "__iter__"))

    def __await__(self) -> Any:
        return PROGRAM.react(self, "__await__", ())

    def __del__(self) -> None:
        PROGRAM.react(self, "__del__", ())


for _name in (*EXPECTED, *ANYTHING):
    setattr(Hook, _name, _method(_name))


class NoFileHook(Hook):
    """A hook that is not called, iterated or awaited by accident: plain data with manners."""

    __call__ = None  # type: ignore[assignment]
    __iter__ = None  # type: ignore[assignment]
    __await__ = None  # type: ignore[assignment]


class ForeignFuture:
    """A future of somebody else's that keeps no rule."""

    _asyncio_future_blocking: Any = False

    def __init__(self) -> None:
        self.callbacks: list[Any] = []
        self.cancel_message = None

    def get_loop(self) -> Any:
        return PROGRAM.react(self, "get_loop", (), PROGRAM.loop)

    def result(self) -> Any:
        return PROGRAM.react(self, "result", ())

    def exception(self) -> Any:
        return PROGRAM.react(self, "exception", (), None)

    def done(self) -> Any:
        return PROGRAM.react(self, "done", (), False)

    def cancelled(self) -> Any:
        return PROGRAM.react(self, "cancelled", (), False)

    def cancel(self, msg: Any = None) -> Any:
        return PROGRAM.react(self, "cancel", (msg,), True)

    def add_done_callback(self, callback: Any, *, context: Any = None) -> None:
        self.callbacks.append(callback)
        if PROGRAM.chance(0.2):
            callback(self)

    def remove_done_callback(self, callback: Any) -> Any:
        return PROGRAM.react(self, "remove_done_callback", (callback,), 0)

    def fire(self) -> None:
        """Call everything that was ever handed in, some of it twice or with another object."""
        for callback in list(self.callbacks):
            PROGRAM.attempt("fire a callback", callback, PROGRAM.one_of(self, PROGRAM.value()))

    def __await__(self) -> Any:
        self._asyncio_future_blocking = True
        return (yield self)

    __iter__ = __await__

    def __repr__(self) -> str:
        return "<foreign future>"


class ForeignCoroutine(collections.abc.Coroutine):
    """Passes for a coroutine; each step gives what it likes."""

    def send(self, value: Any) -> Any:
        return PROGRAM.react(self, "send", (value,))

    def throw(self, *args: Any) -> Any:
        return PROGRAM.react(self, "throw", args)

    def close(self) -> Any:
        return PROGRAM.react(self, "close", ())

    def __await__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return self.send(None)

    def __iter__(self) -> Any:
        return self

    def __del__(self) -> None:
        PROGRAM.react(self, "__del__", ())

    def __repr__(self) -> str:
        return "<foreign coroutine>"


class HookProtocol(
    asyncio.Protocol,
    asyncio.DatagramProtocol,
    asyncio.SubprocessProtocol,
):
    """A protocol that reacts to everything."""


for _name in (
    "connection_made data_received eof_received connection_lost datagram_received "
    "error_received pause_writing resume_writing pipe_data_received pipe_connection_lost "
    "process_exited"
).split():
    setattr(HookProtocol, _name, _method(_name))


class HookBufferedProtocol(asyncio.BufferedProtocol):
    """A buffered protocol that reacts; its buffer is mostly one."""

    def get_buffer(self, size: int) -> Any:
        return PROGRAM.react(self, "get_buffer", (size,), bytearray(64))


for _name in "connection_made buffer_updated eof_received connection_lost".split():
    setattr(HookBufferedProtocol, _name, _method(_name))


def hooked_subclass(base: type) -> type:
    """A subclass that reacts when it is compared, hashed, printed, looked into and dropped."""

    def __getattribute__(self: Any, name: str) -> Any:
        if not name.startswith("__"):
            PROGRAM.react(self, "__getattribute__", (name,))
        return base.__getattribute__(self, name)

    def __del__(self: Any) -> None:
        PROGRAM.react(self, "__del__", ())
        if PROGRAM.chance(0.3):
            PROGRAM.keep("resurrected", self)

    body = {"__getattribute__": __getattribute__, "__del__": __del__}
    for name in ("__eq__", "__hash__", "__repr__", "__bool__", "__lt__"):
        body[name] = _method(name)
    return type(f"Hooked{base.__name__}", (base,), body)


def slotted_subclass(base: type) -> type:
    """A subclass with a slot, whose instances are dropped while the slot's content reacts."""

    def __setattr__(self: Any, name: str, value: Any) -> None:
        PROGRAM.react(self, "__setattr__", (name,))
        base.__setattr__(self, name, value)

    body = {"__slots__": ("slot",), "__setattr__": __setattr__}
    return type(f"Slotted{base.__name__}", (base,), body)
