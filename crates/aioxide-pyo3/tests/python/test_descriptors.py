"""Descriptors, on loops that watch them and on one that does not."""

import asyncio
import os
import socket

import pytest


def test_many_at_once(probe, run):
    async def main():
        pairs = [socket.socketpair() for _ in range(50)]
        tasks = [
            asyncio.get_running_loop().create_task(probe.readable(ours.fileno()))
            for ours, _ in pairs
        ]
        await asyncio.sleep(0)
        for index in (7, 49, 0):
            pairs[index][1].send(b"x")
            await tasks[index]
            assert sum(task.done() for task in tasks) == (7, 49, 0).index(index) + 1
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert sum(task.cancelled() for task in tasks) == 47
        for pair in pairs:
            for end in pair:
                end.close()

    run(main)


def test_the_end_of_a_connection_is_an_event(probe, run):
    async def main():
        ours, theirs = socket.socketpair()
        with ours:
            task = asyncio.get_running_loop().create_task(probe.readable(ours.fileno()))
            await asyncio.sleep(0)
            theirs.close()
            await task
            assert ours.recv(1) == b""

    run(main)


def test_a_number_that_is_used_again_is_another_descriptor(probe, run):
    async def main():
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        number = ours.fileno()
        task = loop.create_task(probe.readable(number))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        ours.close()
        # The peer is told, although the descriptor was being watched.
        theirs.settimeout(30)
        assert await loop.run_in_executor(None, theirs.recv, 1) == b""
        theirs.close()
        reader, writer = os.pipe()
        os.dup2(reader, number)
        try:
            task = loop.create_task(probe.readable(number))
            await asyncio.sleep(0)
            assert not task.done()
            os.write(writer, b"x")
            await task
        finally:
            for descriptor in {reader, writer, number}:
                os.close(descriptor)

    run(main)


@pytest.mark.parametrize("descriptor", [-1, 2**31 - 1])
def test_what_is_not_open_is_an_error(probe, run, descriptor):
    async def main():
        with pytest.raises((OSError, ValueError)):
            await probe.readable(descriptor)

    run(main)


def test_connections_in_several_threads_and_in_a_child(program):
    assert (
        program("""
        import socket, threading

        async def main():
            pairs = [socket.socketpair() for _ in range(5)]
            for index, (ours, theirs) in enumerate(pairs):
                task = asyncio.get_running_loop().create_task(probe.readable(ours.fileno()))
                await asyncio.sleep(0)
                theirs.send(b"x")
                await task
            return len(pairs)

        async def parent():
            await main()
            reader, writer = os.pipe()
            # It is being watched when the child is made, and dropped there.
            task = asyncio.get_running_loop().create_task(probe.readable(reader))
            await asyncio.sleep(0)
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    asyncio.events._set_running_loop(None)
                    asyncio.set_event_loop(None)
                    task.cancel()
                    del task
                    status = run(main)
                finally:
                    os._exit(status)
            _, status = os.waitpid(child, 0)
            assert os.waitstatus_to_exitcode(status) == 5, status
            os.write(writer, b"x")
            await task
            return await main()

        threads = [threading.Thread(target=run, args=(main,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        import warnings
        warnings.simplefilter("ignore")
        print(run(parent))
    """).output()
        == "5\n"
    )


def test_a_loop_that_does_not_have_the_methods_at_all(program):
    assert (
        program("""
        class Without(asyncio.SelectorEventLoop):
            @property
            def add_reader(self):
                raise AttributeError("add_reader")
            add_writer = remove_reader = remove_writer = add_reader

        async def main():
            assert await probe.woken_by_threads(8) == 8
            reader, writer = os.pipe()
            task = asyncio.get_running_loop().create_task(probe.readable(reader))
            await asyncio.sleep(0)
            os.write(writer, b"x")
            await task
            print("readable")

        with asyncio.Runner(loop_factory=Without) as runner:
            runner.run(main())
    """).output()
        == "readable\n"
    )
