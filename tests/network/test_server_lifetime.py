"""The Server object: serving, closing, waiting for its connections to end."""

import asyncio
import gc
import socket
import sys

import pytest

from .peers import Recorder, reset

waits_for_connections = pytest.mark.skipif(
    sys.version_info < (3, 12),
    reason="until Python 3.11 Server.wait_closed() did not wait for the connections",
)
has_close_clients = pytest.mark.skipif(
    sys.version_info < (3, 13),
    reason="Server.close_clients() and abort_clients() came with Python 3.13",
)


@pytest.fixture
def serve(loop):
    """Starts a server on loopback: returns it and the list of its protocols so far."""

    async def start(**options):
        protocols = []

        def factory():
            protocols.append(Recorder())
            return protocols[-1]

        return await loop.create_server(factory, "127.0.0.1", 0, **options), protocols

    return start


async def client_of(loop, server):
    return await loop.create_connection(Recorder, *server.sockets[0].getsockname())


def test_server_attributes(run, loop, serve):
    async def main():
        server, _ = await serve()
        assert isinstance(server, asyncio.AbstractServer)
        assert server.get_loop() is loop
        assert server.is_serving()
        assert isinstance(server.sockets, tuple)
        assert [type(sock).__name__ for sock in server.sockets] == ["TransportSocket"]
        server.close()
        assert not server.is_serving()
        assert server.sockets == ()
        await server.wait_closed()

    run(main())


def test_repr_shows_the_sockets(run, loop, serve):
    async def main():
        server, _ = await serve()
        assert repr(server) == f"<Server sockets={server.sockets!r}>"
        server.close()
        assert repr(server) == "<Server sockets=()>"
        await server.wait_closed()

    run(main())


def test_each_connection_gets_a_protocol_of_its_own(run, loop, serve):
    async def main():
        server, protocols = await serve()
        clients = [await client_of(loop, server) for _ in range(3)]
        for number, (transport, _) in enumerate(clients):
            transport.write(b"%d" % number)
            transport.close()
        for _, protocol in clients:
            await protocol.lost
        for protocol in protocols:
            await protocol.lost
        assert sorted(bytes(protocol.received) for protocol in protocols) == [b"0", b"1", b"2"]
        server.close()
        await server.wait_closed()

    run(main())


def test_server_waits_when_not_told_to_start(run, loop, serve):
    async def main():
        server, _ = await serve(start_serving=False)
        assert not server.is_serving()
        with pytest.raises(ConnectionRefusedError):
            await client_of(loop, server)
        await server.start_serving()
        await server.start_serving()
        assert server.is_serving()
        transport, protocol = await client_of(loop, server)
        transport.close()
        await protocol.lost
        server.close()
        await server.wait_closed()

    run(main())


def test_closing_refuses_new_connections_and_keeps_the_old(run, loop, serve):
    async def main():
        server, protocols = await serve()
        address = server.sockets[0].getsockname()
        transport, protocol = await client_of(loop, server)
        transport.write(b"hello")
        while not protocols:
            await asyncio.sleep(0)
        server.close()
        with pytest.raises(ConnectionRefusedError):
            await loop.create_connection(Recorder, *address)
        await protocols[0].receive(5)
        protocols[0].transport.write(b"still here")
        assert await protocol.receive(10) == b"still here"
        transport.close()
        await protocol.lost
        await protocols[0].lost
        await server.wait_closed()

    run(main())


def test_closing_twice_is_harmless(run, loop, serve):
    async def main():
        server, _ = await serve()
        server.close()
        server.close()
        await server.wait_closed()
        await server.wait_closed()

    run(main())


@waits_for_connections
def test_wait_closed_waits_for_the_last_connection(run, loop, serve):
    async def main():
        server, protocols = await serve()
        clients = [await client_of(loop, server) for _ in range(2)]
        while len(protocols) < 2:
            await asyncio.sleep(0)
        server.close()
        waiter = asyncio.ensure_future(server.wait_closed())
        for transport, protocol in clients:
            await asyncio.sleep(0)
            assert not waiter.done()
            transport.close()
            await protocol.lost
            await protocols[clients.index((transport, protocol))].lost
        await waiter

    run(main())


@waits_for_connections
def test_wait_closed_waits_for_close(run, loop, serve):
    async def main():
        server, _ = await serve()
        waiter = asyncio.ensure_future(server.wait_closed())
        await asyncio.sleep(0)
        assert not waiter.done()
        server.close()
        await waiter

    run(main())


@waits_for_connections
def test_cancelled_wait_closed_leaves_the_server_usable(run, loop, serve):
    async def main():
        server, _ = await serve()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(server.wait_closed(), 0.001)
        transport, protocol = await client_of(loop, server)
        transport.close()
        await protocol.lost
        server.close()
        await server.wait_closed()

    run(main())


@has_close_clients
def test_close_clients_flushes_and_closes_each_connection(run, loop, serve):
    async def main():
        server, protocols = await serve()
        _, client = await client_of(loop, server)
        while not protocols:
            await asyncio.sleep(0)
        await protocols[0].made
        protocols[0].transport.write(b"last words")
        server.close()
        server.close_clients()
        assert await client.receive(10) == b"last words"
        assert await client.lost is None
        assert await protocols[0].lost is None
        await server.wait_closed()

    run(main())


@has_close_clients
def test_abort_clients_drops_each_connection_at_once(run, loop, serve):
    async def main():
        server, protocols = await serve()
        _, client = await client_of(loop, server)
        while not protocols:
            await asyncio.sleep(0)
        transport = await protocols[0].made
        transport.write(b"x" * 16 * 1024 * 1024)
        assert transport.get_write_buffer_size() > 0
        server.close()
        server.abort_clients()
        assert await protocols[0].lost is None
        await client.lost
        assert len(client.received) < 16 * 1024 * 1024
        await server.wait_closed()

    run(main())


def test_serve_forever_starts_serving_and_closes_when_cancelled(run, loop, serve):
    async def main():
        server, _ = await serve(start_serving=False)
        task = asyncio.ensure_future(server.serve_forever())
        await asyncio.sleep(0)
        assert server.is_serving()
        transport, protocol = await client_of(loop, server)
        transport.close()
        await protocol.lost
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not server.is_serving()
        assert server.sockets == ()

    run(main())


@pytest.mark.skipif(
    "close_clients" not in asyncio.base_events.Server.serve_forever.__code__.co_names,
    reason="this asyncio's serve_forever() leaves the connections open when it is cancelled",
)
def test_a_cancelled_serve_forever_closes_the_connections(run, loop, serve):
    async def main():
        server, protocols = await serve()
        task = asyncio.ensure_future(server.serve_forever())
        transport, client = await client_of(loop, server)
        transport.write(b"x")
        while not protocols:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await protocols[0].lost
        await client.lost

    run(main())


def test_serve_forever_ends_when_the_server_is_closed(run, loop, serve):
    async def main():
        server, _ = await serve()
        task = asyncio.ensure_future(server.serve_forever())
        await asyncio.sleep(0)
        server.close()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.wait_closed()

    run(main())


def test_serve_forever_twice_is_an_error(run, loop, serve):
    async def main():
        server, _ = await serve()
        task = asyncio.ensure_future(server.serve_forever())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError) as info:
            await server.serve_forever()
        assert str(info.value) == (f"server {server!r} is already being awaited on serve_forever()")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())


def test_serve_forever_on_a_closed_server_is_an_error(run, loop, serve):
    async def main():
        server, _ = await serve()
        server.close()
        with pytest.raises(RuntimeError, match=r"^server <Server sockets=\(\)> is closed$"):
            await server.serve_forever()
        await server.wait_closed()

    run(main())


def test_async_with_closes_the_server(run, loop, serve):
    async def main():
        server, _ = await serve()
        async with server as entered:
            assert entered is server
            assert server.is_serving()
        assert not server.is_serving()

    run(main())


def test_server_may_be_closed_from_a_connection(run, loop):
    async def main():
        class ClosesItsServer(Recorder):
            def connection_made(self, transport):
                super().connection_made(transport)
                server.close()
                transport.close()

        server = await loop.create_server(ClosesItsServer, "127.0.0.1", 0)
        _, client = await client_of(loop, server)
        await client.lost
        await server.wait_closed()
        assert server.sockets == ()

    run(main())


def test_client_that_resets_before_it_is_accepted_does_no_harm(run, loop, serve):
    async def main():
        server, protocols = await serve()
        reset(socket.create_connection(server.sockets[0].getsockname()))
        transport, client = await client_of(loop, server)
        transport.write(b"next")
        transport.close()
        await client.lost
        while not any(protocol.received for protocol in protocols):
            await asyncio.sleep(0)
        for protocol in protocols:
            await protocol.lost
        server.close()
        await server.wait_closed()

    run(main())


def test_many_connections_in_the_backlog_are_all_accepted(run, loop, serve):
    async def main():
        server, protocols = await serve(backlog=50)
        address = server.sockets[0].getsockname()
        clients = [socket.create_connection(address) for _ in range(40)]
        while len(protocols) < len(clients):
            await asyncio.sleep(0)
        for client in clients:
            client.close()
        for protocol in protocols:
            await protocol.lost
        server.close()
        await server.wait_closed()

    run(main())


# The standard library leaves closing the refused connection to the garbage collector,
# which warns; a loop that closes it itself is as good.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.parametrize("debug", [False, True])
def test_failing_protocol_factory_drops_that_connection_only(run, loop, reported, debug):
    loop.set_debug(debug)
    made = []

    def factory():
        made.append(Recorder())
        if len(made) == 1:
            raise LookupError("no protocol today")
        return made[-1]

    async def main():
        server = await loop.create_server(factory, "127.0.0.1", 0)
        first, second = (socket.create_connection(server.sockets[0].getsockname()) for _ in "12")
        with first, second:
            while len(made) < 2:
                await asyncio.sleep(0)
            if debug:
                context = reported.take_one()
                assert context["message"] == "Error on transport creation for incoming connection"
                assert str(context["exception"]) == "no protocol today"
                del context
            gc.collect()
            first.setblocking(False)
            assert await loop.sock_recv(first, 1) == b""
            second.send(b"welcome")
            assert await made[1].receive(7) == b"welcome"
        await made[1].lost
        server.close()
        await server.wait_closed()

    run(main())
