"""Cancelling a connection at any point of its handshake leaves nothing behind."""

import asyncio
import gc
import socket
import weakref

import pytest
from network.peers import Recorder, tcp_pair

from .peers import opposite, secure, turns


def test_waiting_for_a_peer_that_never_speaks(
    run, loop, contexts, side, reported, count_descriptors
):
    async def main():
        before = count_descriptors()
        near, far = tcp_pair()
        with far:
            connecting = asyncio.ensure_future(secure(loop, near, Recorder, contexts, side))
            await turns(5)
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting
            await turns(2)
            assert near.fileno() == -1
            if side == "client":
                assert await loop.sock_recv(far, 1) == b"\x16"
        assert count_descriptors() == before

    run(main())


def test_at_every_turn_of_the_handshake(
    run, loop, contexts, side, reported, remembered, count_descriptors
):
    async def attempt(patience):
        """Cancel after so many iterations; return whether the connection was there first."""
        remembered.clear()
        near, far = tcp_pair()
        with far:
            peer = opposite(loop, far, contexts, side)
            shaking = asyncio.ensure_future(peer.handshake())
            connecting = asyncio.ensure_future(secure(loop, near, remembered, contexts, side))
            await turns(patience)
            finished = connecting.done()
            connecting.cancel()
            outcome = await asyncio.gather(connecting, return_exceptions=True)
            shaking.cancel()
            await asyncio.gather(shaking, return_exceptions=True)
            if finished:
                assert outcome == [connecting.result()]
                remembered[0].transport.abort()
            else:
                assert type(outcome[0]) is asyncio.CancelledError
        # A transport that had told its protocol says goodbye first: far has hung up on it.
        for protocol in remembered:
            if protocol.calls:
                await protocol.lost
                assert protocol.calls[0] == "connection_made"
        await turns(3)
        # Cancelled before it began, it left the socket to the caller.
        if near.fileno() != -1:
            assert not remembered
            near.close()
        return finished

    async def main():
        before = count_descriptors()
        patience = 0
        while not await attempt(patience):
            patience += 1
            assert count_descriptors() == before
            assert patience < 1000
        # Several turns went by before: there was something to cancel.
        assert patience > 2

    run(main(), deadline=25)


def test_start_tls(run, loop, contexts, reported, count_descriptors):
    async def main():
        before = count_descriptors()
        near, far = tcp_pair()
        with far:
            transport, protocol = await loop.create_connection(Recorder, sock=near)
            upgrading = asyncio.ensure_future(
                loop.start_tls(transport, protocol, contexts[1], server_hostname="localhost")
            )
            await turns(5)
            upgrading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await upgrading
            assert transport.is_closing()
            await turns(3)
            assert near.fileno() == -1
        assert count_descriptors() == before

    run(main())


def test_start_tls_before_it_began(run, loop, contexts, count_descriptors):
    async def main():
        before = count_descriptors()
        near, far = tcp_pair()
        with far:
            transport, protocol = await loop.create_connection(Recorder, sock=near)
            upgrading = asyncio.ensure_future(
                loop.start_tls(transport, protocol, contexts[1], server_hostname="localhost")
            )
            # One iteration: the upgrade has been asked for, and the handshake not begun.
            await turns(1)
            upgrading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await upgrading
            assert transport.is_closing()
            await turns(3)
            assert near.fileno() == -1
        assert count_descriptors() == before

    run(main())


def test_a_deadline_around_open_connection(run, loop, contexts, count_descriptors):
    async def main():
        before = count_descriptors()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await asyncio.open_connection(
                        *listener.getsockname(), ssl=contexts[1], server_hostname="localhost"
                    )
            await turns(3)
        assert count_descriptors() == before

    run(main())


def test_closing_a_server_during_a_handshake(run, loop, contexts, reported):
    async def main():
        server = await loop.create_server(Recorder, "127.0.0.1", 0, ssl=contexts[0])
        with socket.create_connection(server.sockets[0].getsockname()) as client:
            client.setblocking(False)
            await turns(10)
            server.close()
            # Those who have begun may finish.
            client.sendall(b"\x16\x03\x01")
            await turns(5)
            with pytest.raises(BlockingIOError):
                client.recv(1)
        await server.wait_closed()

    run(main())


def test_a_cancelled_handshake_lets_the_context_go(run, loop, certificates, side):
    async def main():
        contexts = [certificates.server_context(), certificates.client_context()]
        weak = [weakref.ref(context) for context in contexts]
        near, far = tcp_pair()
        with far:
            connecting = asyncio.ensure_future(secure(loop, near, Recorder, contexts, side))
            await turns(5)
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
            await turns(3)
        del connecting, near, far
        contexts.clear()
        gc.collect()
        assert [reference() for reference in weak] == [None, None]

    run(main())
