"""What each task waits for, in words."""

import asyncio
import json
import socket
import sys
import threading

import pytest


def one(waiting, function):
    infos, _, _ = waiting(subject=function)
    return infos["subject"]


def test_sleep(api, waiting):
    info = one(waiting, lambda: api.sleep(50))
    assert (info.state, info.waits_for.kind, info.waits_for.text) == (
        "waiting",
        "sleep",
        "a sleep of 50 s",
    )


def test_sleep_inside_wait_for(api, waiting):
    async def patient():
        await api.wait_for(api.sleep(50), 100)

    info = one(waiting, patient)
    # Before 3.12 what is waited for is a task of its own, and the caller waits for a future.
    assert info.waits_for.kind == ("sleep" if sys.version_info >= (3, 12) else "future")
    assert info.stack[0].function.endswith("patient")


def test_future_with_its_source(waiting):
    async def patient():
        await asyncio.get_running_loop().create_future()

    wait = one(waiting, patient).waits_for
    assert wait.kind == "future"
    assert wait.text == "a future: asyncio.get_running_loop().create_future()"


def test_lock(api, waiting):
    async def patient():
        lock = api.Lock()
        await lock.acquire()
        await lock.acquire()

    assert one(waiting, patient).waits_for.kind == "lock"


def test_semaphore(api, waiting):
    async def patient():
        async with api.Semaphore(0):
            pass

    wait = one(waiting, patient).waits_for
    assert (wait.kind, wait.text) == ("semaphore", "a semaphore")


def test_event(api, waiting):
    assert one(waiting, lambda: api.Event().wait()).waits_for.kind == "event"


def test_condition(api, waiting):
    async def patient():
        condition = api.Condition()
        async with condition:
            await condition.wait()

    assert one(waiting, patient).waits_for.kind == "condition"


def test_barrier(api, waiting):
    wait = one(waiting, lambda: api.Barrier(3).wait()).waits_for
    assert wait.text == "a barrier at which 1 of 3 have arrived"


def test_queue_get(api, waiting):
    wait = one(waiting, lambda: api.Queue().get()).waits_for
    assert (wait.kind, wait.text) == ("queue get", "an item of a queue of 0 items")


def test_queue_put(api, waiting):
    async def patient():
        queue = api.Queue(1)
        await queue.put(1)
        await queue.put(2)

    wait = one(waiting, patient).waits_for
    assert (wait.kind, wait.text) == ("queue put", "room in a queue of 1 items, at most 1")


def test_queue_join(api, waiting):
    async def patient():
        queue = api.Queue()
        await queue.put(1)
        await queue.join()

    assert one(waiting, patient).waits_for.kind == "queue join"


def test_task(api, waiting):
    async def patient():
        await asyncio.get_running_loop().create_task(api.sleep(50), name="inner")

    infos, graph, _ = waiting(subject=patient)
    wait = infos["subject"].waits_for
    assert (wait.kind, wait.text) == ("task", "task 'inner'")
    assert wait.tasks == (infos["inner"].id,)
    assert [(edge.waiter.name, edge.holder.name) for edge in graph.edges] == [("subject", "inner")]


def test_gather(api, waiting):
    async def patient():
        await api.gather(api.sleep(50), api.sleep(60), asyncio.get_running_loop().create_future())

    wait = one(waiting, patient).waits_for
    assert wait.kind == "gather"
    assert len(wait.tasks) == 2
    assert wait.text.startswith("gather() of 3: 2 tasks: ")


def test_wait(api, waiting):
    async def patient():
        await api.wait([asyncio.get_running_loop().create_task(api.sleep(50), name="inner")])

    wait = one(waiting, patient).waits_for
    assert (wait.kind, wait.text) == ("wait", "task 'inner'")


def test_task_group(api, waiting):
    async def patient():
        async with api.TaskGroup() as group:
            group.create_task(api.sleep(50), name="inner")

    wait = one(waiting, patient).waits_for
    assert (wait.kind, wait.text) == ("task group", "task 'inner' of its task group")


def test_as_completed(api, waiting):
    async def patient():
        for each in api.as_completed([api.sleep(50)]):
            await each

    assert one(waiting, patient).waits_for.kind == "wait"


@pytest.mark.parametrize("way", ["to_thread", "run_in_executor"])
def test_thread(api, waiting, way):
    release = threading.Event()

    def block():
        release.wait(10)

    async def patient():
        if way == "to_thread":
            await api.to_thread(block)
        else:
            await asyncio.get_running_loop().run_in_executor(None, block)

    try:
        wait = one(waiting, patient).waits_for
    finally:
        release.set()
    assert wait.kind == "thread"
    assert "block" in wait.text


def test_thread_of_anyio(waiting):
    run_sync = pytest.importorskip("anyio.to_thread").run_sync
    release = threading.Event()

    async def handler():
        await run_sync(release.wait, 10)

    try:
        wait = one(waiting, handler).waits_for
    finally:
        release.set()
    assert (wait.kind, wait.text) == ("thread", "a call in a thread of anyio's")


def test_socket(waiting):
    reader, writer = socket.socketpair()
    with reader, writer:
        reader.setblocking(False)

        async def patient():
            await asyncio.get_running_loop().sock_recv(reader, 100)

        wait = one(waiting, patient).waits_for
    assert (wait.kind, wait.text) == ("read", "data (BaseSelectorEventLoop.sock_recv)")


def listening():
    """A listening socket of the loopback interface."""
    listener = socket.create_server(("127.0.0.1", 0))
    return listener, listener.getsockname()


@pytest.mark.parametrize("by", ["read", "readexactly", "readline", "sock_recv"])
def test_the_peer_of_a_read(api, waiting, by):
    listener, address = listening()

    async def patient():
        if by == "sock_recv":
            near = socket.create_connection(address)
            near.setblocking(False)
            with near:
                await asyncio.get_running_loop().sock_recv(near, 1)
            return
        reader, writer = await api.open_connection(*address)
        try:
            await (reader.readexactly(3) if by == "readexactly" else getattr(reader, by)())
        finally:
            writer.close()

    with listener:
        wait = one(waiting, patient).waits_for
    assert wait.kind == "read"
    assert wait.text.startswith(f"data from 127.0.0.1:{address[1]} (")


def test_stream(api, waiting):
    ours, theirs = socket.socketpair()

    async def patient():
        reader, writer = await api.open_connection(sock=ours)
        try:
            await reader.readline()
        finally:
            writer.close()

    with theirs:
        wait = one(waiting, patient).waits_for
    assert wait.kind == "read"


def test_process(api, run, introspect):
    async def main():
        process = await api.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE)
        task = asyncio.get_running_loop().create_task(process.wait(), name="subject")
        for _ in range(3):
            await api.sleep(0)
        infos = {each.name: each for each in introspect.tasks(asyncio.get_running_loop())}
        process.stdin.close()
        await task
        return infos["subject"].waits_for, process.pid

    wait, pid = run(main())
    assert (wait.kind, wait.text) == ("process", f"the end of process {pid}")


def test_asynchronous_generator(api, waiting):
    async def numbers():
        await api.sleep(50)
        yield 1

    async def patient():
        async for _ in numbers():
            pass

    info = one(waiting, patient)
    assert info.waits_for.kind == "sleep"
    functions = [place.function.rpartition(".")[2] for place in info.stack]
    assert functions == ["patient", "numbers", "sleep"]


def test_foreign_awaitable_that_raises_when_it_is_asked(api, waiting):
    class Hostile:
        def __getattr__(self, name):
            raise ValueError(name)

        def __await__(self):
            yield from api.sleep(50).__await__()

    async def patient():
        await Hostile()

    assert one(waiting, patient).state == "waiting"


def test_states(api, run, introspect):
    async def main():
        new = asyncio.get_running_loop().create_task(api.sleep(0), name="new")
        infos = {each.name: each for each in introspect.tasks(asyncio.get_running_loop())}
        await new
        return infos, asyncio.current_task().get_name()

    infos, main_name = run(main())
    assert infos["new"].state == "ready"
    assert infos["new"].stack == ()
    assert infos[main_name].state == "running"
    assert infos[main_name].waits_for is None


def test_tasks_that_are_done_are_left_out(api, run, introspect):
    async def main():
        task = asyncio.get_running_loop().create_task(api.sleep(0), name="over")
        await task
        return [each.name for each in introspect.tasks()]

    assert "over" not in run(main())


def test_creation_place_in_debug_mode(api, loop, run, introspect):
    async def main():
        task = asyncio.get_running_loop().create_task(api.sleep(50), name="subject")
        await api.sleep(0)
        infos = {each.name: each for each in introspect.tasks(asyncio.get_running_loop())}
        task.cancel()
        return infos["subject"].created

    loop.set_debug(True)
    created = run(main())
    assert created.file == __file__
    assert created.function.endswith("main")


def test_another_thread_sees_every_loop(api, loop_factory, introspect):
    started, release = threading.Event(), threading.Event()

    async def main():
        started.set()
        while not release.is_set():
            await api.sleep(0.01)

    def thread():
        made = loop_factory()
        made.run_until_complete(made.create_task(main(), name="far away"))
        made.close()
        kept.append(made)

    kept = []
    runner = threading.Thread(target=thread)
    runner.start()
    try:
        assert started.wait(10)
        names = [each.name for each in introspect.tasks()]
    finally:
        release.set()
        runner.join(10)
    if sys.version_info < (3, 14) or api.__name__ == "aioxide":
        assert "far away" in names


def test_snapshot_is_plain_data(api, run, introspect):
    async def main():
        lock = api.Lock()

        async def patient():
            async with lock:
                async with lock:
                    pass

        task = asyncio.get_running_loop().create_task(patient(), name="subject")
        await api.sleep(0)
        await api.sleep(0)
        taken = introspect.snapshot(asyncio.get_running_loop())
        task.cancel()
        return taken

    taken = json.loads(json.dumps(run(main())))
    subject = next(each for each in taken["tasks"] if each["name"] == "subject")
    assert taken["version"] == 1
    assert taken["cycles"] == [[subject["id"]]]
    assert subject["waits_for"]["kind"] == "lock"
    assert subject["stack"][0]["file"] == __file__
    assert taken["edges"][0]["holder"] == subject["id"]
