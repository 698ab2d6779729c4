"""One operation of each kind, to be done so many times: what is left behind must not grow.

Each is a coroutine function of the module that it takes its names from (``asyncio`` or
``aioxide``) and of how often it is to be done. What it needs is made once, before the first time.
"""

import contextlib
import socket
import sys

OPERATIONS = {}


def operation(function):
    OPERATIONS[function.__name__.replace("_", " ")] = function
    return function


async def nothing():
    pass


async def failing():
    raise LookupError


def times(count):
    return range(count)


@operation
async def call_soon(api, count):
    loop = api.get_running_loop()
    for _ in times(count):
        loop.call_soon(int)
        await api.sleep(0)


@operation
async def call_later_and_cancel(api, count):
    loop = api.get_running_loop()
    for _ in times(count):
        loop.call_later(3600, int, 5).cancel()


@operation
async def future(api, count):
    loop = api.get_running_loop()
    for number in times(count):
        each = loop.create_future()
        each.add_done_callback(bool)
        loop.call_soon(each.set_result, number)
        await each


@operation
async def future_with_exception(api, count):
    for _ in times(count):
        each = api.get_running_loop().create_future()
        each.set_exception(LookupError())
        with contextlib.suppress(LookupError):
            await each


@operation
async def sleep(api, count):
    for number in times(count):
        await api.sleep(0, number)


@operation
async def create_task(api, count):
    for _ in times(count):
        await api.create_task(nothing())


@operation
async def task_that_fails(api, count):
    for _ in times(count):
        with contextlib.suppress(LookupError):
            await api.create_task(failing())


@operation
async def task_that_is_cancelled(api, count):
    for _ in times(count):
        task = api.create_task(api.sleep(3600))
        await api.sleep(0)
        task.cancel()
        with contextlib.suppress(api.CancelledError):
            await task


@operation
async def ensure_future(api, count):
    for _ in times(count):
        await api.ensure_future(nothing())


@operation
async def gather(api, count):
    for _ in times(count):
        await api.gather(nothing(), api.sleep(0))


@operation
async def gather_with_exceptions(api, count):
    for _ in times(count):
        await api.gather(nothing(), failing(), return_exceptions=True)
        with contextlib.suppress(LookupError):
            await api.gather(failing(), nothing())


@operation
async def wait(api, count):
    for _ in times(count):
        tasks = [api.create_task(nothing()), api.create_task(api.sleep(0))]
        await api.wait(tasks, return_when=api.FIRST_COMPLETED)
        await api.wait(tasks)


@operation
async def wait_for(api, count):
    for _ in times(count):
        await api.wait_for(api.sleep(0), 3600)


@operation
async def wait_for_too_long(api, count):
    for _ in times(count):
        with contextlib.suppress(TimeoutError):
            await api.wait_for(api.sleep(3600), 0)


@operation
async def shield(api, count):
    for _ in times(count):
        await api.shield(api.sleep(0))


@operation
async def shield_that_is_cancelled(api, count):
    inner = api.get_running_loop().create_future()
    for _ in times(count):
        outer = api.shield(inner)
        outer.cancel()
        await api.sleep(0)
        with contextlib.suppress(api.CancelledError):
            await outer


@operation
async def as_completed(api, count):
    for _ in times(count):
        for each in api.as_completed([api.sleep(0), nothing()]):
            await each


@operation
async def timeout(api, count):
    for _ in times(count):
        async with api.timeout(3600):
            await api.sleep(0)


@operation
async def timeout_that_expires(api, count):
    for _ in times(count):
        with contextlib.suppress(TimeoutError):
            async with api.timeout(0):
                await api.sleep(3600)


@operation
async def task_group(api, count):
    for _ in times(count):
        async with api.TaskGroup() as group:
            group.create_task(nothing())
            group.create_task(api.sleep(0))


@operation
async def task_group_that_fails(api, count):
    for _ in times(count):
        with contextlib.suppress(ExceptionGroup):
            async with api.TaskGroup() as group:
                group.create_task(api.sleep(3600))
                group.create_task(failing())


@operation
async def lock(api, count):
    held = api.Lock()
    for _ in times(count):
        async with held:
            pass


async def contended(api, count, make):
    """Each time one waits and gets it, and one waits and is cancelled."""
    held = make()

    async def take():
        await held.acquire()
        held.release()

    for _ in times(count):
        await held.acquire()
        lucky, unlucky = api.create_task(take()), api.create_task(take())
        await api.sleep(0)
        unlucky.cancel()
        held.release()
        await api.wait([lucky, unlucky])


@operation
async def contended_lock(api, count):
    await contended(api, count, api.Lock)


@operation
async def semaphore(api, count):
    free = api.Semaphore(2)
    for _ in times(count):
        async with free:
            pass


@operation
async def contended_semaphore(api, count):
    await contended(api, count, api.Semaphore)


@operation
async def contended_bounded_semaphore(api, count):
    await contended(api, count, api.BoundedSemaphore)


@operation
async def event(api, count):
    flag = api.Event()
    for _ in times(count):
        waiting = api.create_task(flag.wait())
        await api.sleep(0)
        flag.set()
        await waiting
        flag.clear()


@operation
async def condition(api, count):
    changed = api.Condition()

    async def wait():
        async with changed:
            await changed.wait()

    for _ in times(count):
        lucky, unlucky = api.create_task(wait()), api.create_task(wait())
        await api.sleep(0)
        await api.sleep(0)
        unlucky.cancel()
        async with changed:
            changed.notify()
        await api.wait([lucky, unlucky])


@operation
async def barrier(api, count):
    meeting = api.Barrier(2)
    for _ in times(count):
        first = api.create_task(meeting.wait())
        await meeting.wait()
        await first


async def through(queue, count):
    for number in times(count):
        await queue.put(number)
        await queue.get()
        queue.task_done()
    await queue.join()


@operation
async def queue(api, count):
    await through(api.Queue(), count)


@operation
async def priority_queue(api, count):
    await through(api.PriorityQueue(), count)


@operation
async def lifo_queue(api, count):
    await through(api.LifoQueue(), count)


@operation
async def queue_with_those_who_wait(api, count):
    full = api.Queue(1)
    for number in times(count):
        getting, unlucky = api.create_task(full.get()), api.create_task(full.get())
        await api.sleep(0)
        unlucky.cancel()
        await full.put(number)
        await api.wait([getting, unlucky])
        await full.put(number)
        putting = api.create_task(full.put(number))
        await api.sleep(0)
        full.get_nowait()
        await putting
        full.get_nowait()


@operation
async def reader(api, count):
    stream = api.StreamReader(loop=api.get_running_loop())
    for _ in times(count):
        stream.feed_data(b"line\nexact;part")
        await stream.readline()
        await stream.readexactly(5)
        await stream.readuntil(b";")
        await stream.read(100)


@operation
async def reader_that_waits(api, count):
    stream = api.StreamReader(loop=api.get_running_loop())
    for _ in times(count):
        reading = api.create_task(stream.readline())
        await api.sleep(0)
        stream.feed_data(b"line\n")
        await reading
        reading = api.create_task(stream.read(1))
        await api.sleep(0)
        reading.cancel()
        await api.wait([reading])


@operation
async def streams(api, count):
    async def echo(reader, writer):
        with contextlib.closing(writer):
            while line := await reader.readline():
                writer.write(line)
                await writer.drain()

    near, far = socket.socketpair()
    reader, writer = await api.open_connection(sock=near)
    other_reader, other_writer = await api.open_connection(sock=far)
    echoing = api.create_task(echo(other_reader, other_writer))
    for _ in times(count):
        writer.write(b"line\n")
        await writer.drain()
        await reader.readline()
    writer.close()
    await echoing
    await writer.wait_closed()
    await other_writer.wait_closed()


@operation
async def sockets(api, count):
    loop = api.get_running_loop()
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        far.setblocking(False)
        for _ in times(count):
            receiving = api.create_task(loop.sock_recv(far, 10))
            await api.sleep(0)
            await loop.sock_sendall(near, b"ping")
            await receiving


@operation
async def executor(api, count):
    loop = api.get_running_loop()
    for _ in times(count):
        await loop.run_in_executor(None, int)


@operation
async def to_thread(api, count):
    for _ in times(count):
        await api.to_thread(int)


@operation
async def run_coroutine_threadsafe(api, count):
    loop = api.get_running_loop()
    for _ in times(count):
        await api.wrap_future(api.run_coroutine_threadsafe(nothing(), loop))


if sys.version_info >= (3, 13):

    @operation
    async def queue_that_is_shut_down(api, count):
        for _ in times(count):
            over = api.Queue()
            getting = api.create_task(over.get())
            await api.sleep(0)
            over.shutdown()
            with contextlib.suppress(api.QueueShutDown):
                await getting

    @operation
    async def as_completed_in_async_for(api, count):
        for _ in times(count):
            async for each in api.as_completed([api.sleep(0), nothing()]):
                await each
