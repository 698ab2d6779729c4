"""What runs when an object goes: finalizers that use it, revive it, or use what is half gone."""

import gc
import weakref

import pytest
from hostile.hooks import Hook, once
from hostile.subjects import WAYS


def derived(cls, attempt, finalizer, slots=False):
    """A subclass of ``cls`` with a finalizer, or None if there may be none."""
    namespace = {"__del__": finalizer}
    if slots:
        namespace["__slots__"] = ("slot",)
    return attempt(type, "Derived", (cls,), namespace)


CONSTRUCTIBLE = {
    "Future": lambda api, loop, cls: cls(loop=loop),
    "Task": lambda api, loop, cls: cls(api.sleep(0), loop=loop),
    "Handle": lambda api, loop, cls: cls(int, (), loop),
    "TimerHandle": lambda api, loop, cls: cls(1.0, int, (), loop),
    "Lock": lambda api, loop, cls: cls(),
    "Event": lambda api, loop, cls: cls(),
    "Condition": lambda api, loop, cls: cls(),
    "Semaphore": lambda api, loop, cls: cls(1),
    "BoundedSemaphore": lambda api, loop, cls: cls(1),
    "Barrier": lambda api, loop, cls: cls(2),
    "Queue": lambda api, loop, cls: cls(),
    "LifoQueue": lambda api, loop, cls: cls(),
    "PriorityQueue": lambda api, loop, cls: cls(),
    "TaskGroup": lambda api, loop, cls: cls(),
    "Timeout": lambda api, loop, cls: cls(None),
    "StreamReader": lambda api, loop, cls: cls(loop=loop),
    "StreamReaderProtocol": lambda api, loop, cls: cls(api.StreamReader(loop=loop), loop=loop),
    "Runner": lambda api, loop, cls: cls(),
}
USES = ("cancel", "close", "done", "result", "release", "get_nowait", "set", "locked", "is_set")


@pytest.mark.parametrize("slots", [False, True], ids=["with a dictionary", "with slots"])
@pytest.mark.parametrize("name", sorted(CONSTRUCTIBLE))
def test_an_object_revived_by_its_finalizer_is_whole(name, slots, api, made, attempt):
    revived = []
    cls = derived(getattr(api, name), attempt, lambda self: revived.append(self), slots)
    if cls is None:
        return
    for _ in range(3):
        thing = attempt(CONSTRUCTIBLE[name], api, made.loop, cls)
        reference = attempt(weakref.ref, thing)
        del thing
        gc.collect()
        for one in revived:
            attempt(repr, one)
            for use in USES:
                method = attempt(getattr, one, use, None)
                if callable(method):
                    attempt(method)
            attempt(type(one).__init__, one)
        if callable(reference):
            attempt(reference)
        made.run_loop(1)
        revived.clear()
    made.settle()


@pytest.mark.parametrize("name", sorted(CONSTRUCTIBLE))
def test_a_slots_content_may_look_for_what_is_going(name, api, made, attempt):
    """The content of a subclass's slot is dropped while the object's own parts still are there."""
    cls = derived(getattr(api, name), attempt, lambda self: None, slots=True)
    if cls is None:
        return

    def look(hook_name):
        attempt(api.all_tasks, made.loop)
        for found in gc.get_objects():
            if type(found) is cls:
                attempt(repr, found)

    for _ in range(3):
        thing = attempt(CONSTRUCTIBLE[name], api, made.loop, cls)
        attempt(setattr, thing, "slot", Hook(once(look)))
        del thing
        gc.collect()
        # What was freed is used again: a dangling address shows.
        others = [attempt(cls.__new__, cls) for _ in range(50)]
        attempt(look, "")
        del others
    made.settle()


def test_all_tasks_does_not_revive_a_task_that_is_going(api, made, attempt):
    class Slotted(api.Task):
        __slots__ = ("slot",)

    seen = []

    class Noisy:
        def __del__(self):
            seen.append([type(task) for task in api.all_tasks(made.loop)])

    for _ in range(20):
        coroutine = api.sleep(0)
        task = Slotted(coroutine, loop=made.loop)
        task._log_destroy_pending = False
        task.slot = Noisy()
        made.run_loop(0)
        del task
    coroutine.close()
    made.loop.call_soon(made.loop.stop)
    made.loop.run_forever()
    gc.collect()
    junk = [bytearray(200) for _ in range(1000)]
    others = [Slotted.__new__(Slotted) for _ in range(100)]
    assert len(junk) + len(others) == 1100
    attempt(api.all_tasks, made.loop)
    del others
    gc.collect()


@pytest.mark.parametrize("way", sorted(WAYS))
def test_a_weak_references_callback_may_use_anything(way, made, attempt):
    thing = made(way)
    others = [made(way)]

    def gone(reference):
        for other in others:
            attempt(repr, other)
            attempt(type(other).__init__, other)
        attempt(gc.collect)
        attempt(made.api.all_tasks, made.loop)

    reference = attempt(weakref.ref, thing, gone)
    del thing
    made.settle()
    del reference
    others.clear()
    made.settle()


@pytest.mark.parametrize("way", sorted(WAYS))
def test_a_collection_at_every_allocation_is_survived(way, made, attempt):
    thing = made(way)
    before = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        again = attempt(made, way)
        for name in sorted(dir(type(thing))):
            value = attempt(getattr, thing, name)
            if name in (
                "cancel",
                "close",
                "get_nowait",
                "release",
                "done",
                "__repr__",
                "__await__",
            ):
                attempt(value)
        made.run_loop(2)
        del again
    finally:
        gc.set_threshold(*before)
    made.settle()


@pytest.mark.parametrize("way", sorted(WAYS))
def test_objects_in_a_cycle_with_a_finalizer_are_collected(way, made, attempt):
    class Node:
        def __del__(self):
            attempt(repr, self.thing)
            attempt(type(self.thing).__init__, self.thing)
            for use in USES:
                method = attempt(getattr, self.thing, use, None)
                if callable(method):
                    attempt(method)

    node = Node()
    node.thing = made(way)
    node.cycle = node
    for name in ("add_done_callback", "put_nowait", "set_protocol", "set_exception_handler"):
        method = attempt(getattr, node.thing, name, None)
        if callable(method):
            attempt(method, lambda *args, node=node: None)
    attempt(setattr, node.thing, "attribute", node)
    del node
    made.settle()
    made.settle()


def test_an_exceptions_own_code_may_settle_the_future_first(api, made):
    """``set_exception`` looks at the exception's traceback, which may be a program's code."""
    future = made.loop.create_future()
    acted = []

    class Finalized:
        def __del__(self):
            future.__init__(loop=made.loop)

    def with_finalizer():
        try:
            finalized = Finalized()
            raise ValueError(finalized)
        except ValueError as error:
            return error

    class Looking(Exception):
        def __getattribute__(self, name):
            if name == "__traceback__" and not acted:
                acted.append(name)
                error = with_finalizer()
                future.set_exception(error)
                future.exception()
                error.__traceback__ = None
                del error
            return super().__getattribute__(name)

    try:
        future.set_exception(Looking())
    except api.InvalidStateError:
        pass
    made.settle()


def test_a_foreign_object_attached_to_a_server_is_not_kept(api, made, attempt):
    async def main():
        server = await api.start_server(lambda reader, writer: None, "127.0.0.1", 0)

        class Client:
            def close(self):
                pass

            abort = close

        for _ in range(100):
            client = Client()
            attempt(lambda client=client: server._attach(client))
            del client
        junk = [bytearray(40) for _ in range(1000)]
        for name in ("close_clients", "abort_clients", "close"):
            method = getattr(server, name, None)
            if method is not None:
                attempt(method)
        return junk

    assert len(made.loop.run_until_complete(main())) == 1000
    made.settle()
