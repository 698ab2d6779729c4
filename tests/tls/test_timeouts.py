"""Handshakes that never end: the timeout of either side, and what is left of the attempt."""

import asyncio
import socket

import pytest
from network.peers import Recorder, tcp_pair

from .peers import opposite, secure, turns

TEXT = "SSL handshake is taking longer than {} seconds: aborting the connection"


@pytest.mark.parametrize("timeout", [0.02, 0.05])
def test_a_peer_that_never_speaks(
    run, loop, contexts, side, reported, count_descriptors, timeout, remembered
):
    async def main():
        before = count_descriptors()
        near, far = tcp_pair()
        with far:
            with pytest.raises(ConnectionAbortedError) as info:
                await secure(loop, near, remembered, contexts, side, ssl_handshake_timeout=timeout)
            assert str(info.value) == TEXT.format(timeout)
            await turns(1)
            assert near.fileno() == -1
        assert [protocol.calls for protocol in remembered] == [[]]
        assert count_descriptors() == before

    run(main())


def test_a_peer_that_stops_in_the_middle(run, loop, contexts, side, reported, count_descriptors):
    async def main():
        before = count_descriptors()
        near, far = tcp_pair()
        with far:
            peer = opposite(loop, far, contexts, side)
            connecting = asyncio.ensure_future(
                secure(loop, near, Recorder, contexts, side, ssl_handshake_timeout=0.02)
            )
            if side == "client":
                peer._incoming.write(await loop.sock_recv(far, 64 * 1024))
            with pytest.raises(Exception, match="want read|operation did not complete"):
                peer.object.do_handshake()
            flight = peer._outgoing.read()
            await loop.sock_sendall(far, flight[: len(flight) // 2])
            with pytest.raises(ConnectionAbortedError):
                await connecting
            await turns(1)
        assert count_descriptors() == before

    run(main())


def test_a_timeout_that_is_long_enough_does_nothing(run, wired, side):
    async def main():
        async with wired(side, ssl_handshake_timeout=20) as (transport, protocol, peer):
            await peer.send(b"x")
            assert await protocol.receive(1) == b"x"
            assert not transport.is_closing()

    run(main())


def test_a_server_drops_clients_that_never_speak(run, loop, contexts, reported, remembered):
    async def main():
        server = await loop.create_server(
            remembered, "127.0.0.1", 0, ssl=contexts[0], ssl_handshake_timeout=0.02
        )
        with socket.create_connection(server.sockets[0].getsockname()) as client:
            client.setblocking(False)
            assert await loop.sock_recv(client, 1) == b""
        # The protocol exists and never hears of the connection; nobody is told, either.
        assert [protocol.calls for protocol in remembered] == [[]]
        server.close()
        await server.wait_closed()

    run(main())


def test_in_debug_mode_a_server_reports_them(run, loop, contexts, reported, remembered):
    async def main():
        loop.set_debug(True)
        loop.slow_callback_duration = 60
        server = await loop.create_server(
            remembered, "127.0.0.1", 0, ssl=contexts[0], ssl_handshake_timeout=0.02
        )
        with socket.create_connection(server.sockets[0].getsockname()) as client:
            client.setblocking(False)
            assert await loop.sock_recv(client, 1) == b""
        await turns(3)
        context = reported.take_one()
        assert context["message"] == "Error on transport creation for incoming connection"
        assert type(context["exception"]) is ConnectionAbortedError
        assert str(context["exception"]) == TEXT.format(0.02)
        assert context["protocol"] is remembered[0]
        assert "transport" in context
        loop.set_debug(False)
        server.close()
        await server.wait_closed()

    run(main())


def test_one_silent_client_does_not_hold_up_the_others(run, loop, contexts):
    async def echo(reader, writer):
        writer.write(await reader.readexactly(1))
        await reader.read()
        writer.close()
        await writer.wait_closed()

    async def main():
        server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=contexts[0])
        address = server.sockets[0].getsockname()
        with socket.create_connection(address):
            reader, writer = await asyncio.open_connection(
                *address, ssl=contexts[1], server_hostname="localhost"
            )
            writer.write(b"x")
            assert await reader.readexactly(1) == b"x"
            writer.close()
            await writer.wait_closed()
        server.close()
        await server.wait_closed()

    run(main())
