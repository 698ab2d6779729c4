"""Time that a test does not spend."""

import asyncio
import math
import os
import signal
import socket
import sys
import threading
import time

import aioxide
import pytest
from aioxide.testing import DeadlockError, VirtualLoop, run

HOUR = 3600.0


def test_an_hour_takes_no_time():
    async def main():
        loop = asyncio.get_running_loop()
        before = loop.time()
        await asyncio.sleep(HOUR)
        return loop.time() - before

    before = time.monotonic()
    assert run(main()) == HOUR
    assert time.monotonic() - before < HOUR


def test_the_clock_starts_where_it_is_told_and_stands_still_while_anything_is_ready():
    async def main():
        loop = asyncio.get_running_loop()
        seen = {loop.time()}
        for _ in range(1000):
            await asyncio.sleep(0)
            seen.add(loop.time())
        return seen

    assert run(main()) == {0.0}
    assert run(main(), start=-7.5) == {-7.5}


def test_deadlines_come_in_order_and_at_their_time():
    order = []

    async def sleeper(delay):
        await asyncio.sleep(delay)
        order.append((delay, asyncio.get_running_loop().time()))

    async def main():
        await asyncio.gather(*map(sleeper, (30, 10, 20, 1e6, 0.001)))

    run(main())
    assert order == [(d, float(d)) for d in (0.001, 10, 20, 30, 1e6)]


def test_timeouts_are_those_of_the_virtual_clock():
    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(HOUR):
                await asyncio.sleep(2 * HOUR)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(2 * HOUR), HOUR)
        return asyncio.get_running_loop().time()

    assert run(main()) == 2 * HOUR


def test_a_call_in_a_thread_is_waited_for_and_takes_no_virtual_time():
    async def main():
        loop = asyncio.get_running_loop()
        go_on = threading.Event()
        late = loop.call_later(HOUR, go_on.set)
        loop.call_soon(go_on.set)
        assert await asyncio.to_thread(go_on.wait, HOUR)
        assert await loop.run_in_executor(None, threading.get_ident) != threading.get_ident()
        late.cancel()
        at_the_end = loop.time()
        # Nothing runs in a thread any more: the clock jumps again.
        await asyncio.sleep(HOUR)
        return at_the_end, loop.time()

    assert run(main()) == (0.0, HOUR)


def test_a_timeout_ends_a_call_in_a_thread_that_is_slower_in_real_time():
    async def main():
        loop = asyncio.get_running_loop()
        released = threading.Event()
        before = time.monotonic()
        try:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await asyncio.to_thread(released.wait)
            assert time.monotonic() - before >= 0.05
            return loop.time()
        finally:
            released.set()

    assert run(main()) == 0.05


def test_a_thread_of_the_programs_own_is_waited_for():
    async def main():
        loop = asyncio.get_running_loop()
        arrived = loop.create_future()
        start = threading.Event()

        def send():
            start.wait()
            loop.call_soon_threadsafe(arrived.set_result, "sent")

        thread = threading.Thread(target=send)
        thread.start()
        loop.call_soon(start.set)
        result = await arrived
        thread.join()
        return result, loop.time()

    assert run(main()) == ("sent", 0.0)


def test_sockets_are_waited_for():
    async def main():
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            reading = loop.create_task(loop.sock_recv(ours, 10))
            thread = threading.Timer(0.01, theirs.send, (b"late",))
            thread.start()
            timer = loop.call_later(HOUR, reading.cancel)
            data = await reading
            timer.cancel()
            thread.join()
        return data, loop.time()

    assert run(main()) == (b"late", 0.0)


def test_a_deadline_comes_in_real_time_while_a_socket_is_watched():
    async def main():
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            loop.add_reader(ours, lambda: None)
            before = time.monotonic()
            await asyncio.sleep(0.05)
            assert time.monotonic() - before >= 0.05
            loop.remove_reader(ours)
        return loop.time()

    assert run(main()) == 0.05


def test_with_patience_a_silent_socket_does_not_hold_the_clock():
    async def main():
        async def echo(reader, writer):
            writer.write(await reader.readline())
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await asyncio.sleep(HOUR)
        writer.write(b"after an hour\n")
        line = await reader.readline()
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return line, asyncio.get_running_loop().time()

    assert run(main(), patience=0.01) == (b"after an hour\n", HOUR)


def test_child_processes_are_waited_for():
    async def main():
        loop = asyncio.get_running_loop()
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "print('done')", stdout=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(HOUR):
            output, _ = await child.communicate()
        assert loop.time() == 0.0
        await asyncio.sleep(HOUR)
        return output, child.returncode

    assert run(main()) == (b"done\n", 0)


def test_a_signal_is_waited_for():
    async def main():
        loop = asyncio.get_running_loop()
        arrived = loop.create_future()
        loop.add_signal_handler(signal.SIGALRM, arrived.set_result, "rang")
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        result = await arrived
        loop.remove_signal_handler(signal.SIGALRM)
        return result

    assert run(main()) == "rang"


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"start": math.inf}, ValueError, "a clock starts at a finite number of seconds, not inf"),
        ({"patience": -1}, ValueError, "patience is a number of seconds from 0 on, not -1"),
        ({"patience": math.nan}, ValueError, "patience is a number of seconds from 0 on, not NaN"),
        ({"seed": -1}, ValueError, "a seed is from 0 to 2**64 - 1, not -1"),
        ({"seed": 2**64}, ValueError, f"a seed is from 0 to 2**64 - 1, not {2**64}"),
        ({"seed": "x"}, TypeError, "a seed is a whole number, not 'x'"),
    ],
)
def test_wrong_arguments_are_named(options, error, message):
    with pytest.raises(error) as caught:
        VirtualLoop(**options)
    assert str(caught.value) == message


def test_a_deadlock_is_reported_with_the_tasks_that_wait_and_where():
    async def locked(lock):
        async with lock:
            await asyncio.Event().wait()

    async def blocked(lock):
        await lock.acquire()

    async def on_future():
        await asyncio.get_running_loop().create_future()

    async def main():
        lock = asyncio.Lock()
        first = asyncio.create_task(locked(lock), name="a")
        asyncio.create_task(blocked(lock), name="b")
        asyncio.create_task(on_future(), name="c")
        asyncio.current_task().set_name("main")
        await first

    with pytest.raises(DeadlockError) as caught:
        run(main())
    lines = str(caught.value).splitlines()

    def place(function, offset):
        return f"{__file__}:{function.__code__.co_firstlineno + offset} in {function.__qualname__}"

    assert lines[0] == "nothing can happen any more, and these tasks wait:"
    assert lines[1] == f"  task 'a' waits for Event.wait(), {place(locked, 2)}"
    assert lines[2] == f"  task 'b' waits for Lock.acquire(), {place(blocked, 1)}"
    assert lines[3].startswith("  task 'c' waits for <Future pending")
    assert lines[3].endswith(place(on_future, 1))
    assert lines[4] == f"  task 'main' waits for task 'a', {place(main, 6)}"
    assert [task.get_name() for task in caught.value.tasks] == ["a", "b", "c", "main"]


def test_deadlock_in_aioxides_own_classes_names_the_programs_line():
    async def waiting():
        await aioxide.Event().wait()

    with pytest.raises(DeadlockError, match=r"waits for Event\.wait\(\), .*test_virtual_time\.py:"):
        run(waiting())


def test_a_loop_can_be_run_again_after_a_deadlock(descriptors_stay_constant):
    loop = VirtualLoop()
    with pytest.raises(DeadlockError, match="no task is left to wait"):
        loop.run_forever()
    future = loop.create_future()
    with pytest.raises(DeadlockError):
        loop.run_until_complete(future)
    loop.call_later(HOUR, future.set_result, "later")
    assert loop.run_until_complete(future) == "later"
    loop.close()


def test_silent_sockets_and_no_deadline_are_a_deadlock_when_patience_ends():
    async def main():
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            await loop.sock_recv(ours, 1)

    with pytest.raises(DeadlockError, match="sock_recv"):
        run(main(), patience=0.01)


def test_a_call_that_was_cancelled_is_not_waited_for():
    async def main():
        released = threading.Event()
        try:
            call = asyncio.get_running_loop().run_in_executor(None, released.wait)
            await asyncio.sleep(0)
            call.cancel()
            await asyncio.sleep(HOUR)
        finally:
            released.set()

    run(main())


def test_a_forked_child_does_not_disturb_its_parents_clock():
    loop = VirtualLoop()
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    loop.run_until_complete(asyncio.sleep(HOUR))
    assert loop.time() == HOUR
    loop.close()
