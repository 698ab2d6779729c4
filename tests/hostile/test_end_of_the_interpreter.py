"""Programs that end while a loop has work: the exit status is theirs, and nothing crashes."""

import textwrap

import pytest

PROGRAMS = {
    "a task waits": (
        0,
        """
        loop = asyncio.new_event_loop()
        async def main():
            await asyncio.wait_for(asyncio.Event().wait(), 50)
        task = loop.create_task(main())
        loop.run_until_complete(asyncio.sleep(0))
        """,
    ),
    "a callback exits": (
        3,
        """
        import sys
        async def main():
            await asyncio.wait_for(asyncio.sleep(50), 60)
        loop = asyncio.new_event_loop()
        task = loop.create_task(main())
        loop.call_later(0.001, sys.exit, 3)
        loop.run_forever()
        """,
    ),
    "Ctrl-C ends run_forever": (
        0,
        """
        import os, signal
        async def main():
            condition = asyncio.Condition()
            async with condition:
                await condition.wait()
        loop = asyncio.new_event_loop()
        task = loop.create_task(main())
        loop.call_soon(os.kill, os.getpid(), signal.SIGINT)
        try:
            loop.run_forever()
        except KeyboardInterrupt:
            pass
        """,
    ),
    "a finalizer uses what is left": (
        0,
        """
        class Last:
            def __del__(self):
                for use in (
                    self.task.cancel, self.handle.cancel, lambda: self.coroutine.send(None),
                    lambda: self.queue.put_nowait(1), lambda: self.loop.call_soon(int),
                    lambda: self.future.set_result(1), self.lock.release, self.loop.close,
                ):
                    try:
                        use()
                    except BaseException:
                        pass
        last = Last()
        async def main():
            last.loop = asyncio.get_running_loop()
            last.task = last.loop.create_task(asyncio.sleep(9))
            last.queue, last.lock = asyncio.Queue(), asyncio.Lock()
            await last.lock.acquire()
            last.future = last.loop.create_future()
            last.coroutine = asyncio.sleep(1)
            last.handle = last.loop.call_later(1, int)
        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
        """,
    ),
    "tasks break the rules while the interpreter goes": (
        0,
        """
        import gc
        loop, other = asyncio.new_event_loop(), asyncio.new_event_loop()
        class Bare:
            def __await__(self):
                yield from (other.create_future(), loop.create_future(), 5)
        async def of_another_loop():
            await other.create_future()
        async def bare():
            await Bare()
        # Called by the last collections, when the interpreter counts as ended.
        def use(phase, information):
            if phase == "start":
                gc.callbacks.remove(use)
                for body in (of_another_loop, bare):
                    try:
                        loop.run_until_complete(body())
                    except BaseException:
                        pass
        import atexit
        atexit.register(gc.callbacks.append, use)
        """,
    ),
    "everything waits": (
        0,
        """
        loop = asyncio.new_event_loop()
        async def main():
            queue, event, lock = asyncio.Queue(), asyncio.Event(), asyncio.Lock()
            await lock.acquire()
            barrier, semaphore = asyncio.Barrier(2), asyncio.Semaphore(0)
            reader = asyncio.StreamReader()
            async def group():
                async with asyncio.TaskGroup() as group:
                    group.create_task(asyncio.sleep(50))
            async def in_time():
                async with asyncio.timeout(50):
                    await event.wait()
            for made in (
                queue.get(), event.wait(), lock.acquire(), barrier.wait(), semaphore.acquire(),
                reader.read(), group(), in_time(), asyncio.shield(event.wait()),
                asyncio.gather(event.wait(), queue.get()), asyncio.wait([loop.create_future()]),
                queue.join(), asyncio.to_thread(int),
            ):
                kept.append(asyncio.ensure_future(made))
            for _ in range(3):
                await asyncio.sleep(0)
        kept = []
        loop.run_until_complete(main())
        """,
    ),
    "connections are open": (
        0,
        """
        loop = asyncio.new_event_loop()
        kept = []
        async def serve(reader, writer):
            kept.append(writer)
            await reader.read()
        async def main():
            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            kept.append(server)
            kept.append(await asyncio.open_connection(*server.sockets[0].getsockname()))
            await asyncio.sleep(0.01)
        loop.run_until_complete(main())
        """,
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_ends_with_work_left_keeps_its_exit_status(name, kind, run_script):
    status, source = PROGRAMS[name]
    source = f"import {kind} as asyncio\n" + textwrap.dedent(source)
    run = run_script(source, options=("-W", "ignore"))
    assert run.returncode == status, run.stderr
    assert "panicked" not in run.stderr
    assert "Fatal" not in run.stderr


@pytest.mark.parametrize(
    "work",
    [
        "await asyncio.sleep(0)",
        "await asyncio.gather(*(asyncio.sleep(0) for _ in range(3)))",
        "queue.put_nowait(1); await queue.get()",
        "loop.call_soon(int); await asyncio.sleep(0)",
        "await asyncio.to_thread(int)",
    ],
)
def test_a_loop_busy_in_a_daemon_thread_does_not_spoil_the_exit(work, kind, run_script):
    script = f"""
        import threading, time
        import {kind} as asyncio
        def work():
            async def main():
                loop, queue = asyncio.get_running_loop(), asyncio.Queue()
                while True:
                    {work}
                    started.set()
            asyncio.run(main())
        started = threading.Event()
        threading.Thread(target=work, daemon=True).start()
        started.wait()
    """
    for _ in range(2):
        run = run_script(script)
        assert run.returncode == 0, run.stderr
        assert "panicked" not in run.stderr


IN_A_SUB_INTERPRETER = """
import sys
try:
    import _interpreters
except ImportError:
    sys.exit(0)  # CPython 3.12 and older
code = '''
import KIND as asyncio
async def main():
    queue = asyncio.Queue()
    await asyncio.gather(*[asyncio.sleep(0, number) for number in range(100)])
    async with asyncio.timeout(5):
        await asyncio.sleep(0)
    async with asyncio.TaskGroup() as group:
        for number in range(50):
            group.create_task(asyncio.sleep(0.001, str(number)))
    return [1]
assert asyncio.run(main()) == [1]
'''
def elsewhere():
    made = _interpreters.create("FORM")
    result = _interpreters.exec(made, code)
    _interpreters.destroy(made)
    assert result is None or "ImportError" in str(result), result
for _ in range(3):
    elsewhere()
exec(code)
elsewhere()
exec(code)
"""


@pytest.mark.parametrize("form", ["legacy", "isolated"])
def test_a_sub_interpreter_is_refused_or_works_and_the_main_one_goes_on(form, kind, run_script):
    run = run_script(IN_A_SUB_INTERPRETER.replace("KIND", kind).replace("FORM", form))
    assert run.returncode == 0, run.stderr


#: Everything is called with wrong arguments in the last collection, when the interpreter counts as
#: ended and PyO3 may still have to make the exceptions.
CALLS_AT_THE_END = """
import atexit
import gc
import os
import socket

import KIND as asyncio

loop, other = asyncio.new_event_loop(), asyncio.new_event_loop()
panics = []


def attempt(call, *arguments):
    try:
        result = call(*arguments)
        if hasattr(type(result), "__await__"):
            loop.run_until_complete(asyncio.wait_for(wait(result), 0.01))
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            panics.append((call, arguments))


async def wait(awaitable):
    return await awaitable


async def body():
    await asyncio.sleep(0.01)


async def make():
    def ended(end, *arguments):
        future = loop.create_future()
        getattr(future, end)(*arguments)
        return future

    near, far = socket.socketpair()
    near.setblocking(False)
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=near)
    read_end, write_end = os.pipe()
    datagrams, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
    )
    return [
        loop, loop.create_future(), ended("set_result", 1), ended("cancel"),
        ended("set_exception", OSError()),
        loop.create_task(body()), asyncio.Queue(1), asyncio.PriorityQueue(), asyncio.Lock(),
        asyncio.Event(), asyncio.Condition(), asyncio.Semaphore(1), asyncio.Barrier(2),
        asyncio.TaskGroup(), asyncio.timeout(1), asyncio.StreamReader(), asyncio.sleep(1),
        loop.call_soon(int), loop.call_later(1, int), transport, datagrams,
        *await asyncio.open_connection(sock=far),
        (await loop.connect_read_pipe(asyncio.Protocol, open(read_end, "rb", 0)))[0],
        (await loop.connect_write_pipe(asyncio.Protocol, open(write_end, "wb", 0)))[0],
        await loop.create_server(asyncio.Protocol, "127.0.0.1", 0),
    ]


def call_everything(phase, information):
    if phase != "start":
        return
    gc.callbacks.remove(call_everything)
    values = (None, 5, "x", b"y", other, ValueError(), StopIteration(1), body, 2**70, object())
    pairs = [(one, two) for one in values[:6] for two in values[:6]]
    lists = [(), *((value,) for value in values), *pairs]
    functions = [getattr(asyncio, name) for name in asyncio.__all__]
    left_out = {"run_forever", "__class__", "__init_subclass__", "__new__", "__reduce__"}
    for thing in objects:
        names = [name for name in dir(type(thing)) if name not in left_out]
        functions += [getattr(thing, name) for name in names if hasattr(thing, name)]
    for function in functions:
        if callable(function) and not isinstance(function, type):
            for arguments in lists:
                attempt(function, *arguments)
    os.write(1, b"done" if not panics else repr(panics).encode())


objects = loop.run_until_complete(make())
atexit.register(gc.callbacks.append, call_everything)
"""


def test_nothing_panics_while_the_interpreter_goes(kind, run_script):
    source = CALLS_AT_THE_END.replace("KIND", kind)
    run = run_script(source, options=("-W", "ignore"))
    assert run.stdout.endswith("done"), run.stdout
    assert run.returncode == 0, run.stderr
