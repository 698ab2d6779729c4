"""start_tls over a TLS transport: one connection of TLS inside another."""

import asyncio
import contextlib
import sys

import pytest
from network.peers import MORE_THAN_THE_KERNEL_TAKES, patterned

from .peers import BarePeer, turns


@pytest.fixture
def nested(loop, contexts, paired):
    """``async with nested() as (client, server)``: Recorders whose ``inner`` is a transport."""

    @contextlib.asynccontextmanager
    async def nest(**options):
        async with paired(**options) as (client, server):
            client.inner, server.inner = await asyncio.gather(
                loop.start_tls(client.transport, client, contexts[1], server_hostname="localhost"),
                loop.start_tls(server.transport, server, contexts[0], server_side=True),
            )
            try:
                yield client, server
            finally:
                for end in (client, server):
                    if not end.lost.done():
                        end.inner.abort()
                        await end.lost

    return nest


def test_data_both_ways(run, nested):
    data = patterned(MORE_THAN_THE_KERNEL_TAKES)

    async def main():
        async with nested() as (client, server):
            assert client.inner is not client.transport
            client.inner.write(data)
            server.inner.write(data)
            assert await server.receive(len(data)) == data
            assert await client.receive(len(data)) == data
            for end in (client, server):
                assert end.calls == ["connection_made", "data_received"] or end.calls == [
                    "connection_made",
                    "pause_writing",
                    "resume_writing",
                    "data_received",
                ]

    run(main(), deadline=25)


def test_each_layer_has_its_own_object(run, nested, contexts):
    async def main():
        async with nested() as (client, _):
            outer = client.transport.get_extra_info("ssl_object")
            inner = client.inner.get_extra_info("ssl_object")
            assert outer is not inner
            assert outer.version() == inner.version() == "TLSv1.3"
            assert client.inner.get_extra_info("sslcontext") is contexts[1]
            for name in ("sockname", "peername"):
                assert client.inner.get_extra_info(name) == client.transport.get_extra_info(name)

    run(main())


def test_closing_the_inner_one_closes_both(run, nested):
    async def main():
        async with nested() as (client, server):
            client.inner.write(b"last words")
            client.inner.close()
            assert await server.receive(10) == b"last words"
            assert await server.lost is None
            assert await client.lost is None
            await turns(10)
            assert client.transport.is_closing()
            assert server.transport.is_closing()
            assert server.calls == [
                "connection_made",
                "data_received",
                "eof_received",
                "connection_lost",
            ]

    run(main())


def test_aborting_the_inner_one(run, nested):
    async def main():
        async with nested() as (client, server):
            client.inner.abort()
            assert await client.lost is None
            assert await server.lost is None
            assert client.transport.is_closing()

    run(main())


def test_backpressure_goes_through_both_layers(run, nested):
    async def main():
        async with nested() as (client, server):
            server.inner.pause_reading()
            piece = patterned(256 * 1024)
            written = 0
            while client.calls[-1] != "pause_writing":
                client.inner.write(piece)
                written += len(piece)
                assert written < 64 * 1024 * 1024, "never asked to pause"
            server.inner.resume_reading()
            await server.receive(written)
            await client.writable()
            assert server.received == piece * (written // len(piece))

    run(main(), deadline=25)


@pytest.mark.skipif(
    sys.version_info < (3, 13), reason="TypeError before 3.13: asyncio calls itself wrongly"
)
def test_an_inner_handshake_that_fails(run, loop, contexts, certificates, paired, reported):
    other = certificates.server_context("unknown")

    async def main():
        async with paired() as (client, server):
            outcomes = await asyncio.gather(
                loop.start_tls(client.transport, client, contexts[1], server_hostname="localhost"),
                loop.start_tls(server.transport, server, other, server_side=True),
                return_exceptions=True,
            )
            assert type(outcomes[0]).__name__ == "SSLCertVerificationError"
            assert isinstance(outcomes[1], ConnectionResetError)
            assert await client.lost is outcomes[0]
            assert client.transport.is_closing()

    run(main())


def test_to_a_peer_of_another_implementation(run, loop, contexts, wired):
    class Inside:
        """What a BarePeer calls socket and loop, over another BarePeer."""

        def __init__(self, peer):
            self.peer = peer
            self.family = peer.sock.family

        def setsockopt(self, *_):
            pass

        async def sock_recv(self, _, size):
            return await self.peer._drive(lambda: self.peer._read(size))

        async def sock_sendall(self, _, data):
            await self.peer.send(data)

    async def main():
        async with wired("client") as (transport, protocol, outer):
            inside = Inside(outer)
            inner = BarePeer(inside, inside, contexts[0], server_side=True)
            shaking = asyncio.ensure_future(inner.handshake())
            secured = await loop.start_tls(
                transport, protocol, contexts[1], server_hostname="localhost"
            )
            await shaking
            secured.write(b"deep inside")
            assert await inner.receive(11) == b"deep inside"
            await inner.send(b"answer")
            assert await protocol.receive(6) == b"answer"
            secured.abort()
            await protocol.lost

    run(main())
