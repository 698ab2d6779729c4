"""transport.close(): what is buffered is sent, goodbyes are exchanged, timeouts end waiting."""

import ssl

import pytest
from network.peers import MORE_THAN_THE_KERNEL_TAKES, Recorder, patterned, reset

from .peers import ALERT, turns


@pytest.fixture
def contexts(certificates, version):
    return certificates.server_context(version=version), certificates.client_context(version)


def test_goodbyes_are_exchanged(run, wired, side):
    async def main():
        async with wired(side) as (transport, protocol, peer):
            assert not transport.is_closing()
            transport.close()
            assert transport.is_closing()
            assert await peer.read_to_end() == b""
            # The transport waits for the answer.
            await turns(10)
            assert protocol.calls == ["connection_made"]
            await peer.say_goodbye()
            assert await protocol.lost is None
            # asyncio calls eof_received for the peer's answer, too.
            assert protocol.calls == ["connection_made", "eof_received", "connection_lost"]
            assert await peer.loop.sock_recv(peer.sock, 1) == b""

    run(main())


def test_closing_both_ends_at_once(run, paired):
    async def main():
        async with paired() as (client, server):
            client.transport.close()
            server.transport.close()
            assert await client.lost is None
            assert await server.lost is None

    run(main())


def test_the_other_end_closes_by_itself(run, paired):
    async def main():
        async with paired() as (client, server):
            client.transport.close()
            assert await server.lost is None
            assert await client.lost is None
            assert server.calls == ["connection_made", "eof_received", "connection_lost"]
            assert server.transport.is_closing()

    run(main())


def test_what_is_buffered_arrives_before_the_goodbye(run, wired, side):
    data = patterned(MORE_THAN_THE_KERNEL_TAKES)

    async def main():
        async with wired(side) as (transport, protocol, peer):
            transport.write(data)
            transport.write(b"the end")
            transport.close()
            assert await peer.read_to_end() == data + b"the end"
            await peer.say_goodbye()
            assert await protocol.lost is None

    run(main(), deadline=25)


def test_data_and_goodbye_leave_together(run, wired):
    async def main():
        async with wired() as (transport, protocol, peer):
            transport.write(b"bye")
            transport.close()
            assert await peer.read_to_end() == b"bye"
            await peer.say_goodbye()
            assert await protocol.lost is None

    run(main())


def test_what_is_written_after_close_is_dropped(run, wired, logged):
    async def main():
        async with wired() as (transport, protocol, peer):
            transport.write(b"before")
            transport.close()
            for _ in range(5):
                transport.write(b"too late")
            assert logged.take() == []
            transport.write(b"too late")
            assert logged.take_one().getMessage() == "SSL connection is closed"
            transport.writelines([b"too late"])
            assert logged.take_one().levelname == "WARNING"
            assert await peer.read_to_end() == b"before"
            await peer.say_goodbye()
            assert await protocol.lost is None

    run(main())


def test_writing_to_a_lost_connection_warns_from_the_fifth_write_on(run, wired, logged):
    async def main():
        async with wired() as (transport, protocol, _):
            transport.abort()
            await protocol.lost
            for _ in range(4):
                transport.write(b"x")
            assert logged.take() == []
            transport.write(b"x")
            assert logged.take_one().getMessage() == "SSL connection is closed"

    run(main())


def test_closing_again_is_harmless(run, wired):
    async def main():
        async with wired() as (transport, protocol, peer):
            transport.close()
            transport.close()
            await peer.unwrap()
            assert await protocol.lost is None
            transport.close()
            transport.abort()
            await turns(5)
            assert protocol.calls.count("connection_lost") == 1

    run(main())


def test_closing_a_lost_connection(run, wired):
    async def main():
        async with wired() as (transport, protocol, _):
            transport.abort()
            await protocol.lost
            transport.close()
            transport.close()
            await turns(5)
            assert protocol.calls == ["connection_made", "connection_lost"]

    run(main())


def test_data_that_was_waiting_is_still_received(run, wired):
    async def main():
        async with wired() as (transport, protocol, peer):
            transport.pause_reading()
            await peer.send(b"waiting")
            await turns(20)
            transport.resume_reading()
            transport.close()
            assert protocol.received == b"waiting"
            assert await peer.read_to_end() == b""
            await peer.say_goodbye()
            assert await protocol.lost is None

    run(main())


def test_data_that_comes_instead_of_the_goodbye(run, wired):
    async def main():
        async with wired() as (transport, protocol, peer):
            transport.close()
            await peer.send(b"I was not finished")
            lost = await protocol.lost
            assert isinstance(lost, ssl.SSLError)
            assert lost.reason == "APPLICATION_DATA_AFTER_CLOSE_NOTIFY"
            assert protocol.calls == ["connection_made", "connection_lost"]

    run(main())


def test_a_peer_that_ends_the_socket_instead_of_saying_goodbye(run, wired):
    async def main():
        async with wired() as (transport, protocol, peer):
            transport.close()
            assert await peer.read_to_end() == b""
            peer.sock.shutdown(1)
            assert await protocol.lost is None
            assert protocol.calls[-1] == "connection_lost"

    run(main())


def test_a_peer_that_never_says_goodbye(run, wired, side):
    async def main():
        async with wired(side, ssl_shutdown_timeout=0.05) as (transport, protocol, peer):
            transport.close()
            lost = await protocol.lost
            assert type(lost) is TimeoutError
            assert str(lost) == "SSL shutdown timed out"
            assert protocol.calls == ["connection_made", "connection_lost"]
            assert await peer.read_to_end() == b""

    run(main())


def test_a_peer_that_never_reads(run, wired):
    async def main():
        async with wired(ssl_shutdown_timeout=0.05) as (transport, protocol, _):
            transport.write(patterned(2 * MORE_THAN_THE_KERNEL_TAKES))
            transport.close()
            assert str(await protocol.lost) == "SSL shutdown timed out"

    run(main())


def test_a_peer_that_answers_in_time_ends_the_wait(run, wired):
    async def main():
        async with wired(ssl_shutdown_timeout=20) as (transport, protocol, peer):
            transport.close()
            await peer.unwrap()
            assert await protocol.lost is None
            assert protocol.calls == ["connection_made", "eof_received", "connection_lost"]

    run(main())


def test_aborting_cuts_the_wait_short(run, wired):
    async def main():
        async with wired() as (transport, protocol, _):
            transport.close()
            await turns(3)
            transport.abort()
            assert await protocol.lost is None

    run(main())


def test_a_reset_instead_of_the_goodbye(run, wired):
    async def main():
        async with wired() as (transport, protocol, peer):
            transport.close()
            reset(peer.sock)
            lost = await protocol.lost
            assert isinstance(lost, ConnectionResetError)
            assert protocol.calls == ["connection_made", "connection_lost"]

    run(main())


def test_the_goodbye_is_an_alert(run, wired, version):
    async def main():
        async with wired() as (transport, _, peer):
            transport.close()
            record = await peer.loop.sock_recv(peer.sock, 1000)
            # TLS 1.3 disguises its alerts as data.
            assert record[:1] == (ALERT if version is ssl.TLSVersion.TLSv1_2 else b"\x17")
            assert len(record) < 64

    run(main())


def test_closing_in_data_received(run, wired):
    class Closes(Recorder):
        def data_received(self, data):
            super().data_received(data)
            self.transport.write(b"enough")
            self.transport.close()

    async def main():
        async with wired("client", Closes) as (_, protocol, peer):
            await peer.send(b"one")
            assert await peer.read_to_end() == b"enough"
            await peer.say_goodbye()
            assert await protocol.lost is None
            assert protocol.received == b"one"

    run(main())


def test_closing_while_reading_is_paused(run, wired):
    async def main():
        async with wired() as (transport, protocol, peer):
            transport.pause_reading()
            transport.close()
            assert await peer.read_to_end() == b""
            await peer.say_goodbye()
            assert await protocol.lost is None

    run(main())
