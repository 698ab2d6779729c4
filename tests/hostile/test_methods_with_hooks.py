"""Arguments whose special methods call back into the object that was called."""

import pytest
from hostile.hooks import Hook, once
from hostile.subjects import WAYS
from hostile.test_foreign_objects import BLOCKING

#: They end what the test needs to go on.
LEFT_OUT = {*BLOCKING, "__class__", "__init_subclass__", "__subclasshook__", "__new__"}
#: A class attribute of asyncio's transports up to 3.11: `bytearray`, which fills as many
#: gigabytes as it is told to.
LEFT_OUT.add("_buffer_factory")


def methods_of(thing, attempt):
    """The bound methods that are tried, by name."""
    for name in sorted(dir(type(thing))):
        if name in LEFT_OUT or (name.startswith("__") and hasattr(object, name)):
            continue
        method = attempt(getattr, thing, name)
        if callable(method):
            yield name, method


@pytest.mark.parametrize("way", sorted(WAYS))
def test_arguments_that_call_back_are_survived(way, made, attempt):
    thing = made(way)
    methods = dict(methods_of(thing, attempt))
    names = [name for name in methods if name not in ("close", "stop")]

    def call_back(hook_name):
        for name in ("__init__", "cancel", "close", "abort", "clear", "get_nowait", "release"):
            method = attempt(getattr, thing, name, None)
            if callable(method):
                attempt(method)

    for name in names:
        for count in (1, 2, 3):
            method = methods[name]
            result = attempt(method, *(Hook(once(call_back)) for _ in range(count)))
            if hasattr(type(result), "__await__"):
                attempt(lambda result=result: made.loop.create_task(drive(result)))
        made.run_loop(1)
    made.settle()


class Long:
    """A sequence that claims to have more items than memory has room for, and has none."""

    def __len__(self):
        return 2**40

    __length_hint__ = __len__

    def __getitem__(self, index):
        raise IndexError


async def drive(awaitable):
    """Await it, whatever it is."""
    return await awaitable


@pytest.mark.parametrize("way", sorted(WAYS))
def test_attributes_that_are_exchanged_are_survived(way, made, attempt):
    thing = made(way)
    for name in sorted(dir(type(thing))):
        if name in ("__class__", "__dict__", "__weakref__") or thing is made.loop:
            continue
        for value in (None, -1, 2**70, "x", object(), [], Hook(lambda name: None)):
            attempt(setattr, thing, name, value)
        attempt(repr, thing)
        attempt(delattr, thing, name)
        made.run_loop(1)
    made.settle()


@pytest.mark.parametrize("way", sorted(WAYS))
def test_odd_values_are_refused_or_survived(way, made, attempt):
    thing = made(way)
    values = (None, True, -1, 0, 2**31, 2**63, 2**64, 10**30, float("nan"), float("inf"), 1e300)
    values += ("", "\0", "\ud800", b"", bytearray(b"x"), (), [], {}, object(), type, ValueError())
    values += (Long(),)
    for name, method in methods_of(thing, attempt):
        if name in ("close", "stop"):
            continue
        for value in values:
            for args in ((value,), (value, value)):
                result = attempt(method, *args)
                if hasattr(type(result), "close"):
                    attempt(result.close)
    made.settle()


@pytest.mark.parametrize("way", sorted(WAYS))
def test_classes_take_no_length_for_granted(way, made, attempt):
    """Of what they are made with: no room is made for items before they are there."""
    thing = made(way)
    for count in range(1, 6):
        for place in range(count):
            arguments = [made.loop] * count
            arguments[place] = Long()
            attempt(type(thing), *arguments)
            attempt(type(thing).__init__, thing, *arguments)
        attempt(type(thing), *(Long() for _ in range(count)))
    made.settle()


@pytest.mark.parametrize("way", sorted(WAYS))
def test_hooks_kept_by_the_object_are_dropped_with_it(way, made, attempt):
    """What an object lets go of in `__init__`, in the collector or at its end calls back."""
    thing = made(way)
    keeper = [thing]

    def call_back(name):
        for one in keeper:
            attempt(repr, one)
            attempt(type(one).__init__, one)
            for name in ("cancel", "close", "done", "result", "empty", "locked", "get_nowait"):
                method = attempt(getattr, one, name, None)
                if callable(method):
                    attempt(method)

    for name in (
        "add_done_callback",
        "put_nowait",
        "set_result",
        "set_exception",
        "set_name",
        "_set_args",
        "set_protocol",
        "feed_data",
        "set_transport",
        "set_exception_handler",
        "set_task_factory",
        "call_soon",
    ):
        method = attempt(getattr, thing, name, None)
        if callable(method):
            attempt(method, Hook(once(call_back)))
    for name in sorted(dir(type(thing))):
        if name.startswith("_") and not name.startswith("__"):
            attempt(setattr, thing, name, Hook(once(call_back)))
    attempt(type(thing).__init__, thing)
    made.settle()
    # A cycle, so that it is the collector that lets go.
    keeper.append(keeper)
    del thing
    keeper.clear()
    made.settle()
