"""Is what refers to itself collected, whichever way the circle runs through our objects?

Each case makes objects that refer to each other in a circle, and returns what is to be gone when
nothing else refers to them.
"""

import gc
import weakref

import pytest


class Circle:
    """Something of a program's own that a circle may run through."""


OBJECTS = {
    "Lock": (),
    "Event": (),
    "Condition": (),
    "Semaphore": (),
    "BoundedSemaphore": (),
    "Barrier": (2,),
    "Queue": (),
    "PriorityQueue": (),
    "LifoQueue": (),
    "StreamReader": (),
    "Timeout": (None,),
    "TaskGroup": (),
    "Future": (),
}


@pytest.fixture
def in_loop(api, run):
    """Calls a function while the loop runs, and gives what it returns."""

    def call(function):
        async def main():
            return function()

        return run(main())

    return call


def assert_all_dead(references):
    gc.collect()
    assert [reference() for reference in references] == [None] * len(references)


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_that_refers_to_itself(api, in_loop, name):
    def make():
        class Subclass(getattr(api, name)):
            pass

        made = Subclass(*OBJECTS[name])
        made.itself = made
        return [weakref.ref(made), weakref.ref(Subclass)]

    assert_all_dead(in_loop(make))


@pytest.mark.parametrize("name", ["Queue", "LifoQueue"])
def test_a_queue_in_itself(api, in_loop, name):
    def make():
        queue = getattr(api, name)()
        queue.put_nowait(queue)
        return [weakref.ref(queue)]

    assert_all_dead(in_loop(make))


def test_a_future_and_its_callback_result_and_exception(api, in_loop):
    def make():
        waiting, done, failed = api.Future(), api.Future(), api.Future()
        waiting.add_done_callback(waiting.set_result)
        done.set_result(done)
        error = LookupError()
        error.future = failed
        failed.set_exception(error)
        failed.exception()
        return [weakref.ref(each) for each in (waiting, done, failed)]

    assert_all_dead(in_loop(make))


def test_a_condition_and_its_lock(api, in_loop):
    def make():
        class Lock(api.Lock):
            pass

        lock = Lock()
        lock.condition = api.Condition(lock)
        return [weakref.ref(lock)]

    assert_all_dead(in_loop(make))


def test_a_reader_and_what_broke_it(api, in_loop):
    def make():
        reader = api.StreamReader()
        error = LookupError()
        error.reader = reader
        reader.set_exception(error)
        return [weakref.ref(reader)]

    assert_all_dead(in_loop(make))


def test_a_handle_and_its_arguments(api, loop):
    circle = Circle()
    circle.soon = api.Handle(print, (circle,), loop)
    circle.later = api.TimerHandle(5, print, (circle,), loop)
    references = [weakref.ref(circle)]
    del circle
    assert_all_dead(references)


def test_a_loop_and_what_is_scheduled_on_it(new_loop, api, kind):
    if kind == "asyncio":
        loop = api.SelectorEventLoop()
    else:
        loop = api.Loop()
    circle = Circle()
    circle.loop = loop
    loop.call_soon(print, circle)
    loop.call_later(5, print, circle)
    loop.set_exception_handler(lambda loop, context, circle=circle: None)
    loop.close()
    references = [weakref.ref(circle), weakref.ref(loop)]
    del circle, loop
    assert_all_dead(references)


async def acquire(api, held):
    await held.acquire()
    await held.acquire()


async def wait(api, held):
    await held.wait()


async def wait_for_change(api, held):
    async with held:
        await held.wait()


async def get(api, queue):
    await queue.get()


async def put(api, queue):
    while True:
        await queue.put(queue)


async def join(api, queue):
    queue.put_nowait(1)
    await queue.join()


async def read(api, reader):
    await reader.readline()


async def gather(api, future):
    await api.gather(future, future)


async def shield(api, future):
    await api.shield(future)


async def wait_for(api, future):
    await api.wait_for(future, None)


async def wait_for_any(api, future):
    await api.wait([future])


async def as_completed(api, future):
    for each in api.as_completed([future]):
        await each


async def within_timeout(api, scope):
    async with scope:
        await api.get_running_loop().create_future()


async def within_group(api, group):
    async with group:
        await api.get_running_loop().create_future()


BLOCKED = [
    ("Lock", acquire),
    ("Semaphore", acquire),
    ("BoundedSemaphore", acquire),
    ("Event", wait),
    ("Barrier", wait),
    ("Condition", wait_for_change),
    ("Queue", get),
    ("Queue", put),
    ("Queue", join),
    ("PriorityQueue", get),
    ("LifoQueue", get),
    ("StreamReader", read),
    ("Future", gather),
    ("Future", shield),
    ("Future", wait_for),
    ("Future", wait_for_any),
    ("Future", as_completed),
    ("Timeout", within_timeout),
    ("TaskGroup", within_group),
]


# A group takes the end of its coroutine for a failure, and there is nobody to raise it to.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("name", "block"), BLOCKED, ids=[f"{name}-{block.__name__}" for name, block in BLOCKED]
)
def test_a_task_that_waits_for_what_only_it_knows(api, loop, turn, reported, name, block):
    async def main():
        class Subclass(getattr(api, name)):
            pass

        arguments = (1,) if block is put else OBJECTS[name]
        waited_for = Subclass(*arguments)
        waited_for.waiter = api.current_task()
        alive.append(weakref.ref(waited_for))
        alive.append(weakref.ref(waited_for.waiter))
        await block(api, waited_for)

    alive = []
    loop.create_task(main())
    turn(3)
    assert len(alive) == 2
    gc.collect()
    # gather(), shield() and their like have a task or a future of their own in the circle.
    assert "Task was destroyed but it is pending!" in [each["message"] for each in reported]
    # From 3.15 on, what was reported lives, and is known to weak references, as long as the
    # report does; or as the loop, if closing the coroutine has woken the task once more.
    reported.clear()
    turn(3)
    gc.collect()
    reported.clear()
    assert_all_dead(alive)
