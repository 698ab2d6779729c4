"""Memory that is out at any allocation: no item, no permit and no wake-up is lost by that."""

import subprocess

import pytest

pytest.importorskip("_testcapi")

PRELUDE = """
import asyncio, importlib, os, sys
import _testcapi

api = importlib.import_module(sys.argv[1])
# asyncio loses what it had in hand; it must not crash, nor must we.
strict = sys.argv[1] == "aioxide"
ALLOCATIONS = 40


def check(holds, *what):
    if strict and not holds:
        print(f"lost: {what}", flush=True)
        os._exit(1)


class Starving:
    '''Fails one allocation; what fails by that is in `error`.'''

    def __init__(self, start):
        self.start, self.error = start, None

    def __call__(self, function):
        error = None
        _testcapi.set_nomemory(self.start, self.start + 1)
        try:
            function()
        except MemoryError:
            error = True
        finally:
            _testcapi.remove_mem_hooks()
        self.error = error
        return error is None


async def settle():
    for _ in range(8):
        await asyncio.sleep(0)


def first_step(coroutine):
    '''Runs it to its first wait or its end, inside the interpreter's own coroutine.'''

    def step():
        try:
            coroutine.send(None)
        except StopIteration:
            pass

    return step


async def main():
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    # Once with memory enough, so that whatever is made but once is there.
    for start in [10**9, *range(ALLOCATIONS)]:
        try:
            await asyncio.wait_for(scenario(Starving(start)), 5)
        except MemoryError:
            check(False, start, "MemoryError where none is expected")
        except asyncio.TimeoutError:
            check(False, start, "hangs")
    print("done")
"""

SCENARIOS = {
    "get": """
async def scenario(starving):
    for name in ("Queue", "LifoQueue", "PriorityQueue"):
        queue, box = getattr(api, name)(), [None]
        for item in range(3):
            queue.put_nowait((item, item))

        async def take():
            box[0] = await queue.get()

        coroutine = take()
        starving(first_step(coroutine))
        left = [queue.get_nowait() for _ in range(queue.qsize())]
        check(len(left) + (box[0] is not None) == 3, name, starving.start, left, box)
""",
    "get_nowait": """
async def scenario(starving):
    queue, box = api.Queue(3), [None]
    for item in range(3):
        queue.put_nowait((item, item))
    putter = asyncio.ensure_future(queue.put((3, 3)))
    await settle()

    def take():
        box[0] = queue.get_nowait()

    starving(take)
    await settle()
    left = []
    while not queue.empty():
        left.append(queue.get_nowait())
        await settle()
    check(putter.done(), starving.start)
    check(len(left) + (box[0] is not None) == 4, starving.start, left, box)
    putter.cancel()
""",
    "put": """
async def scenario(starving):
    for name in ("Queue", "LifoQueue", "PriorityQueue"):
        queue, item, box = getattr(api, name)(), (0, 0), [None]

        async def give():
            await queue.put(item)
            box[0] = True

        coroutine = give()
        starving(first_step(coroutine))
        check(queue.qsize() == bool(box[0]), name, starving.start, box, queue)
""",
    "put_nowait": """
async def scenario(starving):
    queue, got = api.Queue(), []

    async def take():
        got.append(await queue.get())

    getters = [asyncio.ensure_future(take()) for _ in range(2)]
    await settle()
    first = starving(lambda: queue.put_nowait(0))
    await settle()
    queue.put_nowait(1)
    await settle()
    if first:
        check(got == [0, 1], starving.start, got)
    else:
        check(got in ([1], [0, 1]), starving.start, got)
        queue.put_nowait(2)
        await settle()
        check(len(got) == 2, starving.start, got)
    for getter in getters:
        getter.cancel()
""",
    "shutdown": """
async def scenario(starving):
    if not hasattr(api.Queue, "shutdown"):
        return
    queue = api.Queue(1)
    getters = [asyncio.ensure_future(queue.get()) for _ in range(3)]
    await settle()
    if not starving(queue.shutdown):
        queue.shutdown()
    await settle()
    check(all(getter.done() for getter in getters), starving.start)
    for getter in getters:
        getter.cancel()
    await asyncio.wait(getters)
    for getter in getters:
        getter.cancelled() or getter.exception()
""",
    "locks": """
async def scenario(starving):
    for name in ("Lock", "Semaphore", "BoundedSemaphore"):
        lock, box, order = getattr(api, name)(), [None], []

        async def take():
            await lock.acquire()
            box[0] = True

        coroutine = take()
        starving(first_step(coroutine))
        check(lock.locked() == bool(box[0]), name, starving.start, lock)
        if not lock.locked():
            await lock.acquire()

        async def hold(number):
            async with lock:
                order.append(number)

        tasks = [asyncio.ensure_future(hold(number)) for number in range(3)]
        await settle()
        if not starving(lock.release) and lock.locked() and not order:
            try:
                lock.release()
            except (ValueError, RuntimeError):
                pass
        await settle()
        await settle()
        check(order == [0, 1, 2], name, starving.start, order, lock)
        check(not lock.locked(), name, starving.start, lock)
        check(name == "Lock" or lock._value == 1, name, starving.start, lock)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
""",
    "event": """
async def scenario(starving):
    event = api.Event()
    waiters = [asyncio.ensure_future(event.wait()) for _ in range(3)]
    await settle()
    if not starving(event.set):
        event.set()
    await settle()
    check(all(waiter.done() for waiter in waiters), starving.start)
    check(await asyncio.wait_for(event.wait(), 1), starving.start)
    for waiter in waiters:
        waiter.cancel()
    event.clear()
    box = [None]

    async def wait():
        await event.wait()
        box[0] = True

    coroutine = wait()
    waits = starving(first_step(coroutine))
    coroutine.close()
    check(not event._waiters, starving.start, event)
""",
    "condition": """
async def scenario(starving):
    condition, woken = api.Condition(), []

    async def wait(number):
        async with condition:
            await condition.wait()
            woken.append(number)

    tasks = [asyncio.ensure_future(wait(number)) for number in range(3)]
    await settle()
    await condition.acquire()
    if not starving(condition.notify_all):
        condition.notify_all()
    condition.release()
    await settle()
    await settle()
    check(woken == [0, 1, 2], starving.start, woken)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
""",
    "timeout": """
async def scenario(starving):
    box = [None, None, None]

    def make():
        box[0] = api.timeout(0)

    starving(make)
    if box[0] is None:
        return
    timeout = box[0]

    async def enter():
        async with timeout:
            box[1] = True
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    async def work():
        try:
            await enter()
        except (TimeoutError, asyncio.CancelledError, MemoryError, asyncio.TimeoutError):
            box[2] = True

    task = asyncio.ensure_future(work())
    starving_again = Starving(starving.start)
    asyncio.get_running_loop().call_soon(starving_again, lambda: None)
    await asyncio.wait([task], timeout=1)
    check(task.done(), starving.start)
    task.cancel()
    if timeout._state.value in ("created", "active"):
        return
    check(box[2], starving.start, timeout)
""",
    "taskgroup": """
async def scenario(starving):
    ran, box = [], [None]

    async def child(number):
        ran.append(number)

    async with api.TaskGroup() as group:
        group.create_task(child(0))
        coroutine = child(1)

        def create():
            box[0] = group.create_task(coroutine)

        created = starving(create)
        group.create_task(child(2))
    check(0 in ran and 2 in ran, starving.start, ran)
    check(not created or 1 in ran, starving.start, ran)
    coroutine.close()
    check(not group._tasks, starving.start, group)
""",
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_an_allocation_fails(run_script, kind, scenario):
    source = PRELUDE + SCENARIOS[scenario] + "\napi.run(main())\n"
    source = "import warnings; warnings.simplefilter('ignore')\n" + source
    if kind == "asyncio":
        try:
            ended = run_script(source, kind, deadline=2)
        except subprocess.TimeoutExpired:
            return  # It waits for a wake-up that it has lost.
        assert ended.returncode >= 0, ended.stderr
    else:
        ended = run_script(source, kind, deadline=30)
        assert (ended.returncode, ended.stdout) == (0, "done\n"), ended.stdout + ended.stderr
