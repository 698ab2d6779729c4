"""Puts a loop where the tests look for the standard one.

The tests reach a loop by three ways, and each is answered here:

- through the policy (``asyncio.new_event_loop()``, ``asyncio.run``, ``Runner``,
  ``IsolatedAsyncioTestCase``): the standard policy stays, with its child
  watchers and thread-local state, and only the loop that it makes is replaced;
- by the class (``asyncio.SelectorEventLoop(selector)``, ``asyncio.EventLoop()``):
  a stand-in ignores the arguments and makes the loop under test;
- by ``test_utils.TestLoop``, a pure-Python loop with a fake clock: left alone.

What a loop has of its own of asyncio's vocabulary (``asyncio.Lock`` and the
like) is put in place as well.
"""

import asyncio
import asyncio.unix_events
import types

from .loops import LoopUnderTest


def put_in_place(loop: LoopUnderTest) -> None:
    """Replace the standard loop by *loop*; call before the tests are imported."""
    stand_in = _stand_in_for_the_loop_class(loop)
    for module in (asyncio, asyncio.unix_events):
        for name in ("SelectorEventLoop", "EventLoop"):
            if hasattr(module, name):  # EventLoop came with CPython 3.13
                setattr(module, name, stand_in)
    policy = asyncio.unix_events._UnixDefaultEventLoopPolicy
    policy._loop_factory = staticmethod(loop.new_event_loop)
    for module, name, replacement in loop.vocabulary:
        setattr(module, name, replacement)


def forgive_private_names(test_utils: types.ModuleType) -> None:
    """Let the tests' clean-up close a loop without reading its attributes.

    CPython's version asks ``loop._default_executor`` first. A loop that never
    promised that name would fail each test in its clean-up, whatever the test
    itself showed.
    """

    def close_loop(loop):
        if not loop.is_closed():
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    test_utils.TestCase.close_loop = staticmethod(close_loop)


def _stand_in_for_the_loop_class(loop: LoopUnderTest) -> type:
    """A class that makes, and recognises, the loop under test.

    Calling it returns the real loop and not an instance of a Python subclass:
    a subclass would accept attributes that the real one refuses.
    """

    class StandIn(type):
        def __new__(metaclass, name, bases, namespace):
            # A test's own subclass extends the real type, not the stand-in.
            if any(isinstance(base, StandIn) for base in bases):
                bases = tuple(
                    loop.loop_type if isinstance(base, StandIn) else base for base in bases
                )
                return types.new_class(name, bases, {}, lambda ns: ns.update(namespace))
            return super().__new__(metaclass, name, bases, namespace)

        def __call__(cls, *arguments, **keywords):
            return loop.new_event_loop()

        def __instancecheck__(cls, instance):
            return isinstance(instance, loop.loop_type)

        def __subclasscheck__(cls, subclass):
            return issubclass(subclass, loop.loop_type)

    return StandIn("SelectorEventLoop", (), {"__module__": "asyncio"})
