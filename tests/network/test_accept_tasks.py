"""Each accepted connection begins as a task, which others see and may cancel."""

import asyncio
import gc
import socket

import pytest

from .peers import Recorder


async def server_with(loop, factory, **options):
    server = await loop.create_server(factory, "127.0.0.1", 0, **options)
    return server, socket.create_connection(server.sockets[0].getsockname())


async def accepting_task(loop):
    """Return the task that the accepted connection begins with, before its first step."""
    known = asyncio.all_tasks(loop)
    while True:
        await asyncio.sleep(0)
        if new := asyncio.all_tasks(loop) - known:
            return new.pop()


def test_the_protocol_factory_runs_in_a_task_of_its_own(run, loop):
    tasks = []

    def factory():
        tasks.append(asyncio.current_task())
        return Recorder()

    async def main():
        server, client = await server_with(loop, factory)
        with client:
            while not tasks:
                await asyncio.sleep(0)
            assert tasks[0] is not asyncio.current_task()
            assert tasks[0].get_coro().__name__ == "_accept_connection2"
            await tasks[0]
        server.close()
        await asyncio.sleep(0)

    run(main())


def test_a_task_factory_makes_the_task_of_an_accepted_connection(run, loop):
    names = []

    def make_task(loop, coro, **options):
        names.append(coro.__qualname__)
        return asyncio.Task(coro, loop=loop, **options)

    async def main():
        loop.set_task_factory(make_task)
        made = loop.create_future()

        def factory():
            made.set_result(None)
            return asyncio.Protocol()

        server, client = await server_with(loop, factory)
        with client:
            await made
        server.close()

    run(main())
    assert names[-1] == "BaseSelectorEventLoop._accept_connection2"


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_cancelled_before_its_start_it_asks_for_no_protocol(run, loop):
    made = []

    async def main():
        server, client = await server_with(loop, lambda: made.append(1) or asyncio.Protocol())
        with client:
            task = await accepting_task(loop)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            del task
            gc.collect()
            client.setblocking(False)
            assert await loop.sock_recv(client, 1) == b""
        server.close()
        await server.wait_closed()

    run(main())
    assert not made


def test_cancelled_while_the_transport_starts_it_closes_the_connection(run, loop):
    protocols = []

    def factory():
        protocols.append(Recorder())
        loop.call_soon(asyncio.current_task().cancel)
        return protocols[-1]

    async def main():
        server, client = await server_with(loop, factory)
        with client:
            while not protocols:
                await asyncio.sleep(0)
            await protocols[0].lost
            assert protocols[0].calls == ["connection_made", "connection_lost"]
            client.setblocking(False)
            assert await loop.sock_recv(client, 1) == b""
        server.close()
        await server.wait_closed()

    run(main())


# asyncio leaves its half-made transport to the collector, and stumbles over it then.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_server_closed_meanwhile_takes_no_connection(run, loop, reported):
    loop.set_debug(True)
    server = None

    def factory():
        server.close()
        return asyncio.Protocol()

    async def main():
        nonlocal server
        server, client = await server_with(loop, factory)
        with client:
            while not reported:
                await asyncio.sleep(0)
        context = reported.take_one()
        assert context["message"] == "Error on transport creation for incoming connection"
        assert type(context["exception"]) is AssertionError
        del context
        await server.wait_closed()
        gc.collect()

    run(main())


def test_connections_accepted_when_the_loop_stops_begin_when_it_goes_on(loop, turn):
    made = []
    server = loop.run_until_complete(
        loop.create_server(lambda: made.append(1) or asyncio.Protocol(), "127.0.0.1", 0)
    )
    with socket.create_connection(server.sockets[0].getsockname()):
        while len(asyncio.all_tasks(loop)) == 0:
            turn()
        assert not made
        turn()
        assert made == [1]
        turn(3)
    turn(3)
    server.close()
    loop.run_until_complete(server.wait_closed())


def test_a_listening_socket_of_a_class_of_its_own_accepts_in_its_own_way(run, loop):
    class Listener(socket.socket):
        accepted = 0

        def accept(self):
            connection = super().accept()
            Listener.accepted += 1
            return connection

    async def main():
        listener = Listener()
        listener.bind(("127.0.0.1", 0))
        protocol = Recorder()
        server = await loop.create_server(lambda: protocol, sock=listener)
        with socket.create_connection(listener.getsockname()) as client:
            client.send(b"hello")
            assert await protocol.receive(5) == b"hello"
            assert protocol.transport.get_extra_info("peername") == client.getsockname()
        await protocol.lost
        assert Listener.accepted == 1
        server.close()
        await server.wait_closed()

    run(main())
