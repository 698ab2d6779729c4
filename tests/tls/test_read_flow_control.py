"""pause_reading and resume_reading: what arrives meanwhile waits, and no more than so much."""

import asyncio
import ssl

import pytest
from network.peers import MORE_THAN_THE_KERNEL_TAKES, Recorder, patterned

from .peers import facing_peer, stuck, turns


@pytest.fixture
def contexts(certificates, version):
    return certificates.server_context(version=version), certificates.client_context(version)


def test_nothing_is_received_while_paused(run, wired, side):
    async def main():
        async with wired(side) as (transport, protocol, peer):
            assert transport.is_reading()
            transport.pause_reading()
            assert not transport.is_reading()
            await peer.send(b"held back")
            await turns(20)
            assert protocol.calls == ["connection_made"]
            transport.resume_reading()
            assert transport.is_reading()
            # Never inside resume_reading itself.
            assert protocol.calls == ["connection_made"]
            assert await protocol.receive(9) == b"held back"

    run(main())


def test_pausing_and_resuming_twice_is_harmless(run, wired):
    async def main():
        async with wired() as (transport, protocol, peer):
            transport.pause_reading()
            transport.pause_reading()
            transport.resume_reading()
            transport.resume_reading()
            await peer.send(b"x")
            assert await protocol.receive(1) == b"x"

    run(main())


def test_pausing_in_data_received(run, wired):
    class OneAtATime(Recorder):
        def data_received(self, data):
            super().data_received(data)
            self.transport.pause_reading()

    async def main():
        async with wired("client", OneAtATime) as (transport, protocol, peer):
            await peer.send(b"one")
            await protocol.receive(3)
            await peer.send(b"two")
            await turns(10)
            assert protocol.received == b"one"
            transport.resume_reading()
            assert await protocol.receive(6) == b"onetwo"
            assert not transport.is_reading()

    run(main())


@pytest.mark.parametrize(
    ("only", "side"),
    [
        # Where the last flight is the loop's own, asyncio sends it only when reading resumes.
        pytest.param(ssl.TLSVersion.TLSv1_2, "client", id="client of TLS 1.2"),
        pytest.param(ssl.TLSVersion.TLSv1_3, "server", id="server of TLS 1.3"),
    ],
)
def test_pausing_in_connection_made(run, loop, certificates, only, side):
    class Later(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.pause_reading()

    contexts = certificates.server_context(version=only), certificates.client_context(only)

    async def main():
        async with facing_peer(loop, contexts, side, Later) as (transport, protocol, peer):
            await peer.send(b"x")
            await turns(10)
            assert protocol.calls == ["connection_made"]
            transport.resume_reading()
            assert await protocol.receive(1) == b"x"

    run(main())


def test_resuming_and_pausing_again_at_once(run, wired):
    async def main():
        async with wired() as (transport, protocol, peer):
            transport.pause_reading()
            await peer.send(b"x")
            await turns(10)
            transport.resume_reading()
            transport.pause_reading()
            await turns(10)
            assert protocol.calls == ["connection_made"]
            transport.resume_reading()
            assert await protocol.receive(1) == b"x"

    run(main())


def test_a_paused_transport_holds_its_peer_back(run, wired, loop):
    data = patterned(2 * MORE_THAN_THE_KERNEL_TAKES)

    async def main():
        async with wired() as (transport, protocol, peer):
            transport.pause_reading()
            sending = asyncio.ensure_future(peer.send(data))
            await stuck(peer.sock)
            assert not sending.done()
            assert protocol.received == b""
            transport.resume_reading()
            assert await protocol.receive(len(data)) == data
            await sending

    run(main(), deadline=25)


def test_the_goodbye_waits_too(run, wired):
    async def main():
        async with wired() as (transport, protocol, peer):
            transport.pause_reading()
            await peer.send(b"last words")
            await peer.say_goodbye()
            await turns(20)
            assert protocol.calls == ["connection_made"]
            transport.resume_reading()
            assert await protocol.lost is None
            assert protocol.received == b"last words"
            assert protocol.calls == [
                "connection_made",
                "data_received",
                "eof_received",
                "connection_lost",
            ]

    run(main())


def test_the_end_of_the_socket_waits_too(run, wired):
    async def main():
        async with wired() as (transport, protocol, peer):
            transport.pause_reading()
            await peer.send(b"last words")
            peer.sock.shutdown(1)
            await turns(20)
            assert protocol.calls == ["connection_made"]
            transport.resume_reading()
            assert await protocol.lost is None
            assert protocol.received == b"last words"
            assert protocol.calls == [
                "connection_made",
                "data_received",
                "eof_received",
                "connection_lost",
            ]

    run(main())


def test_writing_goes_on_while_reading_is_paused(run, wired):
    data = patterned(1024 * 1024)

    async def main():
        async with wired() as (transport, _, peer):
            transport.pause_reading()
            transport.write(data)
            assert await peer.receive(len(data)) == data

    run(main())


def test_read_buffer_limits(run, wired):
    async def main():
        async with wired() as (transport, _, _):
            assert transport.get_read_buffer_limits() == (64 * 1024, 256 * 1024)
            transport.set_read_buffer_limits(high=1000)
            assert transport.get_read_buffer_limits() == (250, 1000)
            transport.set_read_buffer_limits(low=1000)
            assert transport.get_read_buffer_limits() == (1000, 4000)
            with pytest.raises(ValueError, match=r"^high \(1\) must be >= low \(2\) must be >= 0$"):
                transport.set_read_buffer_limits(1, 2)

    run(main())


def test_what_waits_is_in_the_read_buffer(run, wired):
    async def main():
        async with wired() as (transport, protocol, peer):
            # What TLS 1.3 sends of its own accord after the handshake is read before.
            await peer.send(b"x")
            await protocol.receive(1)
            assert transport.get_read_buffer_size() == 0
            transport.pause_reading()
            record = peer.encrypt(b"x" * 1000)
            await peer.loop.sock_sendall(peer.sock, record)
            await turns(20)
            assert transport.get_read_buffer_size() == len(record)
            transport.resume_reading()
            await protocol.receive(1001)
            assert transport.get_read_buffer_size() == 0

    run(main())
