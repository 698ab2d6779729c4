"""Locks that are held for long, queues that grow, bytes that wait, objects of another loop."""

import asyncio
import socket
import threading

import pytest


def test_lock_that_is_held_across_an_await(api, looked_at):
    async def program(spawn):
        lock = api.Lock()

        async def holder():
            async with lock:
                await api.sleep(50)

        async def waiter():
            async with lock:
                pass

        spawn(holder(), "holder")
        spawn(waiter(), "one")
        spawn(waiter(), "two")

    (finding,) = looked_at(program, 0, 1, 2, 3)
    assert finding.lint == "lock-held"
    assert finding.sentence.startswith(
        "a lock has been held for 2.0 s by task 'holder', which waits for a sleep of 50 s at "
    )
    assert sorted(finding.victims) == ["one", "two"]
    assert finding.place.file == __file__


def test_lock_that_was_acquired_by_a_call_while_recording(only_ours, api, looked_at, line_of):
    import aioxide

    async def program(spawn):
        lock = api.Lock()  # this lock

        async def holder():
            await lock.acquire()
            await api.sleep(50)

        async def waiter():
            async with lock:
                pass

        spawn(holder(), "holder")  # this holder
        spawn(waiter(), "waiter")

    with aioxide.record():
        (finding,) = looked_at(program, 0, 2)
    assert finding.lint == "lock-held"
    assert finding.sentence.startswith("a lock has been held for 2.0 s by task 'holder', which")
    assert finding.created.line == line_of(__file__, "# this lock")


def test_lock_that_was_acquired_without_a_block(api, looked_at):
    async def program(spawn):
        lock = api.Lock()
        await lock.acquire()

        async def waiter():
            async with lock:
                pass

        spawn(waiter(), "waiter")

    (finding,) = looked_at(program, 0, 2)
    assert finding.sentence.startswith("a lock has been held for 2.0 s by a task")
    assert finding.victims == ("waiter",)


def test_lock_that_nobody_waits_for(api, looked_at):
    async def program(spawn):
        async def holder():
            async with api.Lock():
                await api.sleep(50)

        spawn(holder())

    assert looked_at(program, 0, 2, 4) == []


def test_lock_that_goes_round(api, looked_at):
    """Always held and always wanted, but never for long."""

    async def program(spawn):
        lock = api.Lock()

        async def worker():
            while True:
                async with lock:
                    await api.sleep(0)

        for _ in range(3):
            spawn(worker())

    assert looked_at(program, 0, 2, 4, 6) == []


@pytest.mark.parametrize("where", ["local", "attribute", "argument"])
def test_queue_that_only_grows(api, looked_at, where):
    queues = []

    async def program(spawn):
        queues.append(api.Queue())

        class Producer:
            def __init__(self, queue):
                self.queue = queue

            async def produce(self):
                await api.sleep(50)

        async def produce(queue=None):
            own = queue or queues[0]
            await api.sleep(50)
            return own

        if where == "attribute":
            spawn(Producer(queues[0]).produce(), "producer")
        elif where == "argument":
            spawn(produce(queues[0]), "producer")
        else:
            spawn(produce(), "producer")

    times = range(12)
    (finding,) = looked_at(program, *times, between=lambda: queues[0].put_nowait(1))
    assert finding.lint == "queue-grows"
    assert "task 'producer'" in finding.sentence
    assert f"has it at {__file__}:" in finding.sentence
    assert "has grown from 1 to 11 items in 10 s" in finding.sentence
    assert "maxsize" in finding.fix


@pytest.mark.parametrize("name", ["Queue", "LifoQueue", "PriorityQueue", "a subclass"])
def test_queue_that_no_task_has_at_hand(only_ours, api, looked_at, line_of, name):
    kept = {}

    class Own(api.Queue):
        pass

    async def program(spawn):
        queue = (Own if name == "a subclass" else getattr(api, name))()  # made here
        kept["deep"] = [{"inside": queue}]

    def put():
        kept["deep"][0]["inside"].put_nowait(1)

    (finding,) = looked_at(program, *range(12), between=put)
    assert finding.lint == "queue-grows"
    line = line_of(__file__, "# made here")
    assert (finding.created.file, finding.created.line) == (__file__, line)
    assert finding.place == finding.created
    assert f"made at {__file__}:{line}" in str(finding)


def test_queue_that_was_there_before_anybody_looked(only_ours, api, looked_at):
    queue = api.Queue()

    async def program(spawn):
        pass

    (finding,) = looked_at(program, *range(12), between=lambda: queue.put_nowait(1))
    assert finding.lint == "queue-grows"
    assert finding.created is None


def test_objects_that_lie_about_their_class_are_left_alone(lints):
    from aioxide.lints._patrol import Patrol

    asked = []

    class Proxy:
        @property
        def __class__(self):
            asked.append(self)
            raise RuntimeError("outside of a request")

    kept = Proxy()
    patrol = Patrol()
    patrol.start()
    patrol.stop()
    assert (type(kept), asked) == (Proxy, [])


@pytest.mark.parametrize("hostile", ["__eq__", "__hash__", "qsize", "maxsize"])
def test_queue_of_a_hostile_subclass(only_ours, api, looked_at, hostile):
    def fail(self, *arguments):
        raise RuntimeError("hostile")

    value = property(fail) if hostile == "maxsize" else fail
    kind = type("Hostile", (api.Queue,), {"__hash__": api.Queue.__hash__, hostile: value})
    queues = []

    async def program(spawn):
        queues.extend([kind(), kind()])

    def put():
        for queue in queues:
            api.Queue.put_nowait(queue, 1)

    found = looked_at(program, *range(12), between=put)
    assert len(found) == (2 if hostile in ("__eq__", "__hash__") else 0)


def test_queue_that_is_gone_is_forgotten(only_ours, api, lints):
    from aioxide.lints import _noted
    from aioxide.lints._patrol import Patrol

    patrol = Patrol()
    patrol.start()
    try:
        queue = api.Queue()
        assert [each for each in _noted.made(_noted.QUEUES) if each is queue]
        number = id(queue)
        del queue
        assert number not in _noted._made._entries
    finally:
        patrol.stop()
    assert list(_noted._made) == []


def test_queue_that_is_emptied_now_and_then(api, looked_at):
    queues, count = [], [0]

    async def program(spawn):
        queues.append(api.Queue())

        async def produce(queue):
            await api.sleep(50)

        spawn(produce(queues[0]))

    def between():
        count[0] += 1
        queues[0].put_nowait(1)
        if count[0] % 8 == 0:
            queues[0].get_nowait()
            queues[0].get_nowait()

    assert looked_at(program, *range(30), between=between) == []


def test_queue_with_a_limit(api, looked_at):
    queues = []

    async def program(spawn):
        queues.append(api.Queue(1000))

        async def produce(queue):
            await api.sleep(50)

        spawn(produce(queues[0]))

    assert looked_at(program, *range(12), between=lambda: queues[0].put_nowait(1)) == []


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    yield ours
    theirs.close()


def writing(api, pair, *, drains):
    async def program(spawn):
        async def write():
            _, writer = await api.open_connection(sock=pair)
            try:
                writer.write(bytes(8 << 20))
                if drains:
                    await writer.drain()
                await api.sleep(50)
            finally:
                writer.transport.abort()

        spawn(write(), "writer")

    return program


def test_bytes_that_nobody_waits_for(api, looked_at, pair):
    (finding,) = looked_at(writing(api, pair, drains=False), 0, 1, 2)
    assert finding.lint == "unsent-bytes"
    assert "task 'writer'" in finding.sentence
    assert finding.place.file == __file__
    assert "drain()" in finding.fix


def test_bytes_of_a_stream_that_no_task_has_at_hand(only_ours, api, looked_at, pair, line_of):
    kept = {}

    async def program(spawn):
        async def connect():
            streams = await api.open_connection(sock=pair)  # connected here
            kept["streams"] = [streams]
            streams[1].write(bytes(8 << 20))

        await connect()

    def between():
        pass

    (finding,) = looked_at(program, 0, 1, 2, between=between)
    kept["streams"][0][1].transport.abort()
    assert finding.lint == "unsent-bytes"
    line = line_of(__file__, "# connected here")
    assert (finding.created.file, finding.created.line) == (__file__, line)


def test_bytes_that_drain_waits_for(api, looked_at, pair):
    assert looked_at(writing(api, pair, drains=True), 0, 1, 2) == []


def test_lock_of_another_loop(kind, api, new_loop, lints):
    if kind == "asyncio":
        pytest.skip("asyncio's own classes tell nobody")
    import aioxide

    lock = api.Lock()

    async def use():
        await lock.acquire()
        waiter = asyncio.get_running_loop().create_task(lock.acquire())
        await api.sleep(0)
        waiter.cancel()
        await api.gather(waiter, return_exceptions=True)

    async def use_elsewhere():
        with pytest.raises(RuntimeError, match="bound to a different event loop"):
            await lock.acquire()

    new_loop().run_until_complete(use())
    aioxide.watch(1000)
    try:
        new_loop().run_until_complete(use_elsewhere())
    finally:
        aioxide.unwatch()
    (finding,) = lints.findings()
    assert finding.lint == "other-loop"
    assert finding.sentence.startswith("a Lock that belongs to one event loop")
    assert (finding.place.file, finding.place.function.rpartition(".")[2]) == (
        __file__,
        "use_elsewhere",
    )


def test_lock_of_the_same_loop(kind, api, new_loop, lints):
    import aioxide

    async def use():
        lock = api.Lock()
        async with lock:
            pass

    if kind == "aioxide":
        aioxide.watch(1000)
    try:
        new_loop().run_until_complete(use())
        new_loop().run_until_complete(use())
    finally:
        if kind == "aioxide":
            aioxide.unwatch()
    assert lints.findings() == []


def test_shutdown_that_waits_for_a_thread(api, lints):
    from aioxide.lints._patrol import Patrol

    release, found = threading.Event(), []

    def block():
        release.wait(20)

    async def main():
        asyncio.get_running_loop().run_in_executor(None, block)

    def watch():
        patrol = Patrol()
        for now in range(2000):
            found.extend(patrol.look(now / 10))
            if found or release.wait(0.005):
                break
        release.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    api.run(main())
    release.set()
    watcher.join(10)
    (finding,) = found
    assert finding.lint == "slow-shutdown"
    assert f"a thread at {__file__}" in finding.sentence


def test_shutdown_that_waits_for_a_task(api, lints):
    from aioxide.lints._patrol import Patrol

    found, going = [], []

    async def slow():
        try:
            await api.sleep(50)
        finally:
            while not found:
                await api.sleep(0.001)

    async def main():
        going.append(asyncio.get_running_loop().create_task(slow(), name="slow"))
        await api.sleep(0)

    def watch():
        patrol = Patrol()
        for now in range(2000):
            found.extend(patrol.look(now / 10))
            if found:
                break
            threading.Event().wait(0.005)

    other_loop = api.new_event_loop()
    elsewhere = other_loop.create_task(api.sleep(0), name="elsewhere")
    watcher = threading.Thread(target=watch)
    watcher.start()
    api.run(main())
    watcher.join(10)
    other_loop.run_until_complete(elsewhere)
    other_loop.close()
    assert found[0].lint == "slow-shutdown"
    assert "task 'slow' at" in found[0].sentence
    assert found[0].victims == ("slow",)


def test_a_quick_shutdown(api, lints):
    from aioxide.lints._patrol import Patrol

    patrol = Patrol()

    async def main():
        return patrol.look(0.0)

    assert api.run(main()) == []
    assert patrol.look(6.0) == []
    assert patrol.look(12.0) == []
