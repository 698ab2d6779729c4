"""`__init__` of an object that is in use, and objects that were never initialised."""

import pytest
from hostile.subjects import WAYS

ARGUMENTS = {
    "Future": lambda api, loop: ((), {"loop": loop}),
    "Task": lambda api, loop: ((api.sleep(0),), {"loop": loop}),
    "Handle": lambda api, loop: ((int, (), loop), {}),
    "TimerHandle": lambda api, loop: ((1.0, int, (), loop), {}),
    "Condition": lambda api, loop: ((api.Lock(),), {}),
    "Semaphore": lambda api, loop: ((3,), {}),
    "BoundedSemaphore": lambda api, loop: ((3,), {}),
    "Barrier": lambda api, loop: ((5,), {}),
    "Queue": lambda api, loop: ((1,), {}),
    "LifoQueue": lambda api, loop: ((1,), {}),
    "PriorityQueue": lambda api, loop: ((1,), {}),
    "Timeout": lambda api, loop: ((loop.time(),), {}),
    "StreamReader": lambda api, loop: ((16, loop), {}),
    "StreamReaderProtocol": lambda api, loop: ((api.StreamReader(loop=loop),), {"loop": loop}),
}


@pytest.mark.parametrize("way", sorted(WAYS))
def test_an_object_in_use_survives_being_initialised_again(way, made, attempt):
    thing = made(way)
    name = way.partition(",")[0]
    arguments = ARGUMENTS.get(name, lambda api, loop: ((), {}))
    for _ in range(3):
        args, keywords = arguments(made.api, made.loop)
        attempt(type(thing).__init__, thing, *args, **keywords)
        attempt(repr, thing)
        made.run_loop(1)
        attempt(type(thing).__init__, thing)
        attempt(type(thing).__init__, thing, None, None, None, None)
        attempt(type(thing).__init__, thing, object())
    made.settle()
    del thing
    made.settle()


@pytest.mark.parametrize("way", sorted(WAYS))
def test_being_initialised_again_from_a_callback_is_survived(way, made, attempt):
    thing = made(way)
    name = way.partition(",")[0]
    arguments = ARGUMENTS.get(name, lambda api, loop: ((), {}))

    def again(*_):
        args, keywords = arguments(made.api, made.loop)
        attempt(type(thing).__init__, thing, *args, **keywords)

    for name in ("add_done_callback", "call_soon"):
        method = attempt(getattr, thing, name)
        if callable(method):
            attempt(method, again)
    made.loop.call_soon(again)
    for name in ("set_result", "cancel", "close", "release", "notify_all", "set", "get_nowait"):
        method = attempt(getattr, thing, name)
        if callable(method):
            args = (1,) if name == "set_result" else ()
            attempt(method, *args)
    made.settle()


@pytest.mark.parametrize("way", sorted(WAYS))
def test_an_object_that_was_never_initialised_is_survived(way, made, attempt):
    cls = type(made(way))
    for base in cls.__mro__[:-1]:
        for _ in range(3):
            bare = attempt(base.__new__, base)
            if bare is None:
                break
            attempt(repr, bare)
            for name in dir(type(bare)):
                value = attempt(getattr, bare, name)
                blocks = name in ("run_forever", "run_until_complete", "__class__")
                if callable(value) and not blocks and not isinstance(value, type):
                    attempt(value)
            del bare
    made.settle()
