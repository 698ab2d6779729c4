"""Servers of TLS: their connections when the server closes, and its own methods."""

import asyncio
import contextlib
import socket
import ssl
import sys

import pytest
from network.peers import Recorder

from .peers import turns

since_3_13 = pytest.mark.skipif(
    sys.version_info < (3, 13), reason="close_clients() and abort_clients() are new in 3.13"
)


@pytest.fixture
def connected(loop, contexts, remembered):
    """``server, client, served = await connected()``: Recorders of one connection."""

    async def connect(**options):
        server = await loop.create_server(remembered, "127.0.0.1", 0, ssl=contexts[0], **options)
        _, client = await loop.create_connection(
            Recorder,
            *server.sockets[0].getsockname(),
            ssl=contexts[1],
            server_hostname="localhost",
        )
        await remembered[0].made
        return server, client, remembered[0]

    return connect


def test_closing_a_server_leaves_its_connections(run, connected):
    async def main():
        server, client, served = await connected()
        server.close()
        client.transport.write(b"still there?")
        assert await served.receive(12) == b"still there?"
        client.transport.close()
        assert await served.lost is None
        assert await client.lost is None
        await server.wait_closed()

    run(main())


@pytest.mark.skipif(
    sys.version_info < (3, 12, 1), reason="wait_closed() waits for connections since 3.12.1"
)
def test_wait_closed_waits_for_the_connections(run, connected):
    async def main():
        server, client, served = await connected()
        server.close()
        waiting = asyncio.ensure_future(server.wait_closed())
        await turns(5)
        assert not waiting.done()
        client.transport.close()
        await waiting
        await turns(2)
        assert served.calls == ["connection_made", "eof_received", "connection_lost"]
        await client.lost

    run(main())


@since_3_13
def test_close_clients(run, connected):
    async def main():
        server, client, served = await connected()
        server.close()
        server.close_clients()
        # asyncio closes the socket below TLS: nobody says goodbye.
        assert await served.lost is None
        assert served.calls == ["connection_made", "connection_lost"]
        assert await client.lost is None
        assert client.calls == ["connection_made", "eof_received", "connection_lost"]
        await server.wait_closed()

    run(main())


@since_3_13
def test_abort_clients(run, connected):
    async def main():
        server, client, served = await connected()
        server.close()
        server.abort_clients()
        assert await served.lost is None
        assert served.calls == ["connection_made", "connection_lost"]
        await client.lost
        await server.wait_closed()

    run(main())


@since_3_13
def test_closing_clients_in_the_middle_of_their_handshake(run, loop, contexts, remembered):
    async def main():
        server = await loop.create_server(remembered, "127.0.0.1", 0, ssl=contexts[0])
        with socket.create_connection(server.sockets[0].getsockname()) as client:
            client.setblocking(False)
            while not remembered:
                await asyncio.sleep(0)
            await turns(3)
            server.close()
            server.close_clients()
            assert await loop.sock_recv(client, 1) == b""
            await server.wait_closed()
        assert [protocol.calls for protocol in remembered] == [[]]

    run(main())


def test_a_server_that_starts_later(run, loop, contexts, remembered):
    async def main():
        server = await loop.create_server(
            remembered, "127.0.0.1", 0, ssl=contexts[0], start_serving=False
        )
        assert not server.is_serving()
        await server.start_serving()
        transport, client = await loop.create_connection(
            Recorder,
            *server.sockets[0].getsockname(),
            ssl=contexts[1],
            server_hostname="localhost",
        )
        transport.close()
        await client.lost
        await remembered[0].lost
        server.close()
        await server.wait_closed()

    run(main())


def test_handshakes_that_fail_are_not_reported(run, loop, contexts, reported, remembered):
    async def main():
        server = await loop.create_server(remembered, "127.0.0.1", 0, ssl=contexts[0])
        for _ in range(3):
            with socket.create_connection(server.sockets[0].getsockname()) as client:
                client.sendall(b"no TLS at all\r\n\r\n")
                client.setblocking(False)
                # A reset, when the kernel finds bytes that nobody read; else an end of file.
                with contextlib.suppress(ConnectionResetError):
                    assert await loop.sock_recv(client, 1) == b""
        server.close()
        await server.wait_closed()
        assert [protocol.calls for protocol in remembered] == [[]] * 3

    run(main())


def test_handshakes_that_fail_are_reported_in_debug_mode(run, loop, contexts, reported, remembered):
    async def main():
        loop.set_debug(True)
        loop.slow_callback_duration = 60
        server = await loop.create_server(remembered, "127.0.0.1", 0, ssl=contexts[0])
        with socket.create_connection(server.sockets[0].getsockname()) as client:
            client.sendall(b"no TLS at all\r\n\r\n")
            while not reported:
                await asyncio.sleep(0)
        context = reported.take_one()
        assert context["message"] == "Error on transport creation for incoming connection"
        assert isinstance(context["exception"], ssl.SSLError)
        assert context["protocol"] is remembered[0]
        assert context["transport"].is_closing()
        loop.set_debug(False)
        server.close()
        await server.wait_closed()

    run(main())


def test_accepted_sockets_of_another_listener(run, loop, contexts):
    async def main():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            connecting = asyncio.ensure_future(
                loop.create_connection(
                    Recorder,
                    *listener.getsockname(),
                    ssl=contexts[1],
                    server_hostname="localhost",
                )
            )
            accepted, address = await loop.sock_accept(listener)
            _, served = await loop.connect_accepted_socket(Recorder, accepted, ssl=contexts[0])
            transport, client = await connecting
            assert served.transport.get_extra_info("peername") == address
            served.transport.write(b"hello")
            assert await client.receive(5) == b"hello"
            transport.close()
            await client.lost
            await served.lost

    run(main())


def test_many_at_once(run, loop, contexts, remembered):
    async def main():
        server = await loop.create_server(remembered, "127.0.0.1", 0, ssl=contexts[0])
        address = server.sockets[0].getsockname()
        clients = await asyncio.gather(
            *(
                loop.create_connection(
                    Recorder, *address, ssl=contexts[1], server_hostname="localhost"
                )
                for _ in range(50)
            )
        )
        for number, (transport, _) in enumerate(clients):
            transport.write(b"%02d" % number)
        for transport, _ in clients:
            transport.close()
        for _, protocol in clients:
            await protocol.lost
        for protocol in remembered:
            await protocol.lost
        assert sorted(int(protocol.received) for protocol in remembered) == list(range(50))
        server.close()
        await server.wait_closed()

    run(main(), deadline=25)
