"""loop.start_tls: a connection of plain text becomes one of TLS."""

import asyncio
import ssl

import pytest
from network.peers import MORE_THAN_THE_KERNEL_TAKES, Recorder, patterned, tcp_pair

from .peers import BarePeer, finish, opposite, turns


@pytest.fixture
def contexts(certificates, version):
    return certificates.server_context(version=version), certificates.client_context(version)


async def upgrade(loop, transport, protocol, contexts, side, **options):
    """start_tls for one side of a connection."""
    if side == "server":
        return await loop.start_tls(transport, protocol, contexts[0], server_side=True, **options)
    options.setdefault("server_hostname", "localhost")
    return await loop.start_tls(transport, protocol, contexts[1], **options)


async def plain(loop, sock, protocol_factory=Recorder):
    """A transport of plain text over sock."""
    return await loop.create_connection(protocol_factory, sock=sock)


def test_in_the_middle_of_a_conversation(run, loop, contexts, side):
    async def main():
        near, far = tcp_pair()
        with far:
            transport, protocol = await plain(loop, near)
            transport.write(b"upgrade?")
            assert await loop.sock_recv(far, 100) == b"upgrade?"
            await loop.sock_sendall(far, b"go")
            await protocol.receive(2)
            peer = opposite(loop, far, contexts, side)
            shaking = asyncio.ensure_future(peer.handshake())
            secured = await upgrade(loop, transport, protocol, contexts, side)
            await shaking
            assert secured is not transport
            assert secured.get_protocol() is protocol
            secured.write(b"over TLS")
            assert await peer.receive(8) == b"over TLS"
            await peer.send(b"too")
            assert await protocol.receive(5) == b"gotoo"
            # connection_made is for connections, not for transports.
            assert protocol.calls == ["connection_made", "data_received"]
            secured.close()
            assert transport.is_closing() is False
            await peer.unwrap()
            assert await protocol.lost is None
            assert transport.is_closing()

    run(main())


def test_both_ends(run, loop, contexts):
    async def main():
        near, far = tcp_pair()
        ends = [await plain(loop, near), await plain(loop, far)]
        client, server = await asyncio.gather(
            upgrade(loop, *ends[0], contexts, "client"),
            upgrade(loop, *ends[1], contexts, "server"),
        )
        data = patterned(MORE_THAN_THE_KERNEL_TAKES)
        client.write(data)
        server.write(data)
        for _, protocol in ends:
            assert await protocol.receive(len(data)) == data
        client.close()
        for _, protocol in ends:
            assert await protocol.lost is None

    run(main(), deadline=25)


def test_plain_text_written_just_before_leaves_before_the_handshake(run, loop, contexts):
    async def main():
        near, far = tcp_pair()
        with far:
            transport, protocol = await plain(loop, near)
            transport.write(b"STARTTLS\n")
            upgrading = asyncio.ensure_future(
                upgrade(loop, transport, protocol, contexts, "client")
            )
            assert await loop.sock_recv(far, 9) == b"STARTTLS\n"
            peer = BarePeer(loop, far, contexts[0], server_side=True)
            await peer.handshake()
            (await upgrading).abort()
            await protocol.lost

    run(main())


def test_much_plain_text_that_is_still_buffered(run, loop, contexts):
    data = patterned(MORE_THAN_THE_KERNEL_TAKES)

    async def main():
        near, far = tcp_pair()
        with far:
            transport, protocol = await plain(loop, near)
            transport.set_write_buffer_limits(high=2 * len(data))
            transport.write(data)
            upgrading = asyncio.ensure_future(
                upgrade(loop, transport, protocol, contexts, "client")
            )
            received = bytearray()
            while len(received) < len(data):
                received += await loop.sock_recv(far, min(65536, len(data) - len(received)))
            assert received == data
            peer = BarePeer(loop, far, contexts[0], server_side=True)
            await peer.handshake()
            (await upgrading).abort()
            await protocol.lost

    run(main(), deadline=25)


def test_what_the_peer_sent_before_the_upgrade_and_nobody_read(run, loop, contexts):
    async def main():
        near, far = tcp_pair()
        with far:
            transport, protocol = await plain(loop, near)
            transport.pause_reading()
            # The client is ahead: it shakes hands before the server upgrades.
            peer = BarePeer(loop, far, contexts[1], server_hostname="localhost")
            shaking = asyncio.ensure_future(peer.handshake())
            await turns(10)
            assert not shaking.done()
            assert protocol.received == b""
            secured = await upgrade(loop, transport, protocol, contexts, "server")
            await shaking
            await peer.send(b"hello")
            assert await protocol.receive(5) == b"hello"
            await finish(protocol)
            assert secured.is_closing()

    run(main())


def test_upgrading_inside_data_received(run, loop, contexts):
    class Upgrades(Recorder):
        def data_received(self, data):
            super().data_received(data)
            if data == b"STARTTLS\n":
                self.upgrading = loop.create_task(
                    upgrade(loop, self.transport, self, contexts, "server")
                )
                self.transport.write(b"go\n")

    async def main():
        near, far = tcp_pair()
        with far:
            _, protocol = await plain(loop, near, Upgrades)
            await loop.sock_sendall(far, b"STARTTLS\n")
            assert await loop.sock_recv(far, 100) == b"go\n"
            peer = BarePeer(loop, far, contexts[1], server_hostname="localhost")
            await peer.handshake()
            secured = await protocol.upgrading
            await peer.send(b"secret")
            assert await protocol.receive(15) == b"STARTTLS\nsecret"
            secured.abort()
            await protocol.lost

    run(main())


def test_another_protocol_takes_over(run, loop, contexts):
    async def main():
        near, far = tcp_pair()
        with far:
            transport, first = await plain(loop, near)
            second = Recorder()
            second.calls.append("chosen")
            peer = opposite(loop, far, contexts, "client")
            shaking = asyncio.ensure_future(peer.handshake())
            secured = await upgrade(loop, transport, second, contexts, "client")
            await shaking
            await peer.send(b"hello")
            assert await second.receive(5) == b"hello"
            secured.abort()
            assert await second.lost is None
            assert second.calls == ["chosen", "data_received", "connection_lost"]
            assert first.calls == ["connection_made"]

    run(main())


def test_to_a_buffered_protocol(run, loop, contexts):
    class Buffered(Recorder, asyncio.BufferedProtocol):
        def get_buffer(self, sizehint):
            self.buffer = bytearray(100)
            return self.buffer

        def buffer_updated(self, nbytes):
            self.data_received(self.buffer[:nbytes])

    async def main():
        near, far = tcp_pair()
        with far:
            transport, protocol = await plain(loop, near, Buffered)
            await loop.sock_sendall(far, b"plain")
            await protocol.receive(5)
            peer = opposite(loop, far, contexts, "client")
            shaking = asyncio.ensure_future(peer.handshake())
            secured = await upgrade(loop, transport, protocol, contexts, "client")
            await shaking
            await peer.send(b"secret")
            assert await protocol.receive(11) == b"plainsecret"
            secured.abort()
            await protocol.lost

    run(main())


def test_extra_info_of_the_new_transport(run, loop, contexts, side):
    async def main():
        near, far = tcp_pair()
        with far:
            transport, protocol = await plain(loop, near)
            peer = opposite(loop, far, contexts, side)
            shaking = asyncio.ensure_future(peer.handshake())
            secured = await upgrade(loop, transport, protocol, contexts, side)
            await shaking
            assert secured.get_extra_info("sslcontext") is contexts[side == "client"]
            assert secured.get_extra_info("ssl_object").server_side is (side == "server")
            for name in ("sockname", "peername"):
                assert secured.get_extra_info(name) == transport.get_extra_info(name)
            assert transport.get_extra_info("sslcontext") is None
            secured.abort()
            await protocol.lost

    run(main())


def test_a_certificate_that_does_not_verify(
    run, loop, certificates, contexts, reported, count_descriptors
):
    contexts[0].load_cert_chain(certificates.unknown)

    async def main():
        before = count_descriptors()
        near, far = tcp_pair()
        with far:
            transport, protocol = await plain(loop, near)
            peer = opposite(loop, far, contexts, "client")
            shaking = asyncio.ensure_future(peer.handshake())
            with pytest.raises(ssl.SSLCertVerificationError) as info:
                await upgrade(loop, transport, protocol, contexts, "client")
            assert transport.is_closing()
            # Its connection is a real one, so the protocol learns of its end.
            assert await protocol.lost is info.value
            assert protocol.calls == ["connection_made", "connection_lost"]
            await asyncio.gather(shaking, return_exceptions=True)
        assert count_descriptors() == before

    run(main())


def test_a_peer_that_never_speaks(run, loop, contexts, side, count_descriptors):
    async def main():
        before = count_descriptors()
        near, far = tcp_pair()
        with far:
            transport, protocol = await plain(loop, near)
            with pytest.raises(ConnectionAbortedError) as info:
                await upgrade(loop, transport, protocol, contexts, side, ssl_handshake_timeout=0.02)
            assert str(info.value) == (
                "SSL handshake is taking longer than 0.02 seconds: aborting the connection"
            )
            await turns(3)
            assert transport.is_closing()
            assert near.fileno() == -1
        assert count_descriptors() == before

    run(main())


def test_a_peer_that_hangs_up(run, loop, contexts, side, reported, count_descriptors):
    async def main():
        before = count_descriptors()
        near, far = tcp_pair()
        with far:
            transport, protocol = await plain(loop, near)
            far.shutdown(1)
            with pytest.raises(ConnectionResetError):
                await upgrade(loop, transport, protocol, contexts, side)
            await turns(3)
            assert transport.is_closing()
        assert count_descriptors() == before

    run(main())


def test_the_shutdown_timeout_is_the_upgrades(run, loop, contexts):
    async def main():
        near, far = tcp_pair()
        with far:
            transport, protocol = await plain(loop, near)
            peer = opposite(loop, far, contexts, "client")
            shaking = asyncio.ensure_future(peer.handshake())
            secured = await upgrade(
                loop, transport, protocol, contexts, "client", ssl_shutdown_timeout=0.02
            )
            await shaking
            secured.close()
            assert str(await protocol.lost) == "SSL shutdown timed out"

    run(main())
