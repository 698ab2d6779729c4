"""Times, descriptors, sockets, threads; and their cancellation."""

import asyncio
import os
import socket

import pytest


def test_sleeping(probe, run):
    async def main():
        loop = asyncio.get_running_loop()
        begin = loop.time()
        assert await probe.later(0.01, "value") == "value"
        assert loop.time() >= begin + 0.009
        assert await probe.at(begin) >= begin
        assert await probe.clock() >= begin
        assert await probe.gives_way(5) == 5

    run(main)


def test_a_deadline_that_is_no_number_is_refused(probe, run):
    async def main():
        with pytest.raises(SystemError, match="panicked: a deadline that is no number"):
            await asyncio.wait_for(probe.at(float("nan")), 10)

    run(main)


def test_giving_way_lets_others_run(probe, run):
    async def main():
        order = []
        task = asyncio.get_running_loop().create_task(probe.gives_way(1))
        task.add_done_callback(lambda _: order.append("task"))
        await asyncio.sleep(0)
        order.append("main")
        await task
        await asyncio.sleep(0)
        assert order == ["main", "task"]

    run(main)


def test_futures_of_other_crates_wait_for_several_things(probe, run):
    async def main():
        assert await probe.join(0.005, 0.002) == (1, 2)
        assert await probe.race(30, 0.002) == 2
        assert await probe.race(0, 30) == 1

    run(main)


def test_a_descriptor(probe, run, is_minimal):
    async def main():
        reader, writer = os.pipe()
        try:
            for _ in range(2):  # It can be waited for again.
                task = asyncio.get_running_loop().create_task(probe.readable(reader))
                await asyncio.sleep(0.001)
                assert not task.done()
                os.write(writer, b"x")
                await task
                os.read(reader, 1)
            task = asyncio.get_running_loop().create_task(probe.readable(reader))
            await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            # Nobody watches it any more.
            if not is_minimal:
                assert not asyncio.get_running_loop().remove_reader(reader)
        finally:
            os.close(reader)
            os.close(writer)

    run(main)


def test_what_cannot_be_watched_is_an_error(probe, run, tmp_path):
    async def main():
        (tmp_path / "file").write_bytes(b"x")
        file = os.open(tmp_path / "file", os.O_RDONLY)
        try:
            with pytest.raises((PermissionError, OSError, ValueError, RuntimeError)):
                await probe.readable(file)
        finally:
            os.close(file)

    run(main)


async def echo(reader, writer):
    while data := await reader.read(100_000):
        writer.write(data)
        await writer.drain()
    writer.close()
    await writer.wait_closed()


def test_a_connection(probe, run):
    async def main():
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        data = os.urandom(3_000_000)
        assert await probe.connect_and_echo("127.0.0.1", port, data) == len(data)
        assert await probe.connect_and_echo("localhost", port, b"x") == 1
        server.close()
        await server.wait_closed()

    run(main)


def test_a_connection_that_is_refused(probe, run):
    async def main():
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        with pytest.raises(ConnectionRefusedError, match=f"cannot connect to 127.0.0.1:{port}"):
            await probe.connect_and_echo("127.0.0.1", port, b"")

    run(main)


def test_a_call_on_a_thread(probe, run):
    async def main():
        assert await probe.blocks(0.001) is True
        with pytest.raises(SystemError, match="a Rust future panicked: on a thread"):
            await probe.blocks(0, "on a thread")
        assert await asyncio.gather(*(probe.blocks(0.001) for _ in range(20))) == [True] * 20

    run(main)


def test_a_call_on_a_thread_is_abandoned(probe, run):
    async def main():
        task = asyncio.get_running_loop().create_task(probe.blocks(0.02))
        await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)


def test_wakes_of_threads(probe, run):
    async def main():
        assert await probe.woken_by_threads(16) == 16
        counts = await asyncio.gather(*(probe.woken_by_threads(4) for _ in range(20)))
        assert counts == [4] * 20

    run(main)


def test_a_body_need_not_be_send(probe, run):
    async def main():
        assert await probe.local() == 3

    run(main)


def test_cancellation_drops_the_future(probe, run, until):
    async def main():
        for make in (probe.forever, lambda: probe.later(1000)):
            dropped = probe.dropped()
            task = asyncio.get_running_loop().create_task(make())
            await asyncio.sleep(0)
            task.cancel("enough")
            with pytest.raises(asyncio.CancelledError) as cancelled:
                await task
            assert cancelled.value.args == ("enough",)
            assert probe.dropped() == dropped + 1

    run(main)


def test_timeouts_of_python(probe, run):
    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.002):
                await probe.forever()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(probe.later(1000), 0.002)

    run(main)


def test_many_at_once(probe, run):
    async def main():
        results = await asyncio.gather(*(probe.later(0.001, i) for i in range(2000)))
        assert results == list(range(2000))

    run(main)


def test_a_task_shows_the_function(probe, run):
    async def main():
        task = asyncio.get_running_loop().create_task(probe.forever(), name="mine")
        await asyncio.sleep(0)
        assert task in asyncio.all_tasks()
        assert task.get_coro().cr_await is not None
        assert task.get_coro().cr_suspended
        assert "forever" in repr(task)
        frames = task.get_stack()
        assert [frame.f_code.co_filename.rpartition("/")[2] for frame in frames] == ["leaves.rs"]
        task.cancel()
        await asyncio.wait([task])

    run(main)


def test_a_coroutine_made_on_another_thread_runs_here(probe, run):
    async def main():
        loop = asyncio.get_running_loop()

        def call():
            coroutine = probe.later(0.001, "from a thread")
            return asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)

        assert await asyncio.to_thread(call) == "from a thread"

    run(main)
