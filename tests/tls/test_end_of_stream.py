"""The end that the peer makes: with a goodbye, without one; and no half-closing over TLS."""

import ssl

import pytest
from network.peers import MORE_THAN_THE_KERNEL_TAKES, Recorder, patterned, reset

from .peers import turns


@pytest.fixture
def contexts(certificates, version):
    return certificates.server_context(version=version), certificates.client_context(version)


def test_tls_cannot_be_half_closed(run, wired, side):
    async def main():
        async with wired(side) as (transport, _, peer):
            assert transport.can_write_eof() is False
            with pytest.raises(NotImplementedError):
                transport.write_eof()
            transport.write(b"unharmed")
            assert await peer.receive(8) == b"unharmed"

    run(main())


def test_a_goodbye_is_answered(run, wired, side):
    async def main():
        async with wired(side) as (transport, protocol, peer):
            await peer.say_goodbye()
            await protocol.ended
            assert transport.is_closing()
            # Raises unless the other side's goodbye comes next.
            await peer.unwrap()
            assert await protocol.lost is None
            assert protocol.calls == ["connection_made", "eof_received", "connection_lost"]

    run(main())


@pytest.mark.parametrize("answer", [None, False, 0])
def test_what_eof_received_returns_makes_no_difference(run, wired, answer):
    class Answers(Recorder):
        def eof_received(self):
            super().eof_received()
            return answer

    async def main():
        async with wired("client", Answers) as (_, protocol, peer):
            await peer.say_goodbye()
            assert await protocol.lost is None

    run(main())


@pytest.mark.parametrize("goodbye", [True, False])
def test_asking_to_stay_open_is_warned_about(run, wired, logged, goodbye):
    class StaysOpen(Recorder):
        def eof_received(self):
            super().eof_received()
            return True

    async def main():
        async with wired("client", StaysOpen) as (transport, protocol, peer):
            if goodbye:
                await peer.say_goodbye()
            else:
                peer.sock.shutdown(1)
            assert await protocol.lost is None
            assert transport.is_closing()
            record = logged.take_one()
            assert record.levelname == "WARNING"
            assert record.getMessage() == (
                "returning true from eof_received() has no effect when using ssl"
            )

    run(main())


def test_a_stream_that_ends_without_a_goodbye(run, wired, side):
    async def main():
        async with wired(side) as (transport, protocol, peer):
            await peer.send(b"cut")
            peer.sock.shutdown(1)
            assert await protocol.lost is None
            assert protocol.received == b"cut"
            assert protocol.calls == [
                "connection_made",
                "data_received",
                "eof_received",
                "connection_lost",
            ]
            assert transport.is_closing()
            # asyncio does not say goodbye to a peer that did not.
            with pytest.raises(ssl.SSLEOFError):
                await peer.read_to_end()

    run(main())


def test_a_stream_that_ends_in_the_middle_of_a_record(run, wired, reported):
    async def main():
        async with wired() as (_, protocol, peer):
            record = peer.encrypt(b"never seen whole")
            await peer.loop.sock_sendall(peer.sock, record[:-1])
            peer.sock.shutdown(1)
            assert await protocol.lost is None
            assert protocol.received == b""
            assert protocol.calls == ["connection_made", "eof_received", "connection_lost"]

    run(main())


def test_a_goodbye_does_not_drop_what_is_still_buffered(run, wired):
    data = patterned(MORE_THAN_THE_KERNEL_TAKES)

    async def main():
        async with wired() as (transport, protocol, peer):
            transport.write(data)
            await peer.say_goodbye()
            await protocol.ended
            assert await peer.read_to_end() == data
            assert await protocol.lost is None

    run(main(), deadline=25)


def test_writing_in_eof_received(run, wired):
    class LastWords(Recorder):
        def eof_received(self):
            super().eof_received()
            self.transport.write(b"last words")

    async def main():
        async with wired("client", LastWords) as (_, protocol, peer):
            await peer.say_goodbye()
            assert await peer.read_to_end() == b"last words"
            assert await protocol.lost is None

    run(main())


def test_closing_in_eof_received(run, wired):
    class Closes(Recorder):
        def eof_received(self):
            super().eof_received()
            self.transport.close()

    async def main():
        async with wired("client", Closes) as (_, protocol, peer):
            await peer.say_goodbye()
            assert await peer.read_to_end() == b""
            assert await protocol.lost is None
            assert protocol.calls == ["connection_made", "eof_received", "connection_lost"]

    run(main())


def test_aborting_in_eof_received(run, wired, reported):
    class Aborts(Recorder):
        def eof_received(self):
            super().eof_received()
            self.transport.abort()

    async def main():
        async with wired("client", Aborts) as (_, protocol, peer):
            await peer.say_goodbye()
            assert await protocol.lost is None
            assert protocol.calls == ["connection_made", "eof_received", "connection_lost"]

    run(main())


def test_a_reset(run, wired, side):
    async def main():
        async with wired(side) as (transport, protocol, peer):
            reset(peer.sock)
            lost = await protocol.lost
            assert type(lost) is ConnectionResetError
            assert protocol.calls == ["connection_made", "connection_lost"]
            assert transport.is_closing()

    run(main())


def test_data_before_a_reset_is_received(run, wired):
    async def main():
        async with wired() as (_, protocol, peer):
            await peer.send(b"last words")
            await protocol.receive(10)
            reset(peer.sock)
            assert type(await protocol.lost) is ConnectionResetError

    run(main())


def test_abort_sends_no_goodbye(run, wired, side):
    async def main():
        async with wired(side) as (transport, protocol, peer):
            transport.abort()
            assert transport.is_closing()
            assert await protocol.lost is None
            assert protocol.calls == ["connection_made", "connection_lost"]
            with pytest.raises((ssl.SSLEOFError, ConnectionResetError)):
                await peer.read_to_end()

    run(main())


def test_abort_throws_away_what_is_buffered(run, wired):
    data = patterned(MORE_THAN_THE_KERNEL_TAKES)

    async def main():
        async with wired() as (transport, protocol, peer):
            transport.write(data)
            transport.write(data)
            transport.abort()
            assert await protocol.lost is None
            assert transport.get_write_buffer_size() == 0
            with pytest.raises((ssl.SSLEOFError, ConnectionResetError)):
                await peer.receive(2 * len(data))

    run(main())


def test_aborting_again_is_harmless(run, wired):
    async def main():
        async with wired() as (transport, protocol, _):
            transport.abort()
            transport.abort()
            await protocol.lost
            transport.abort()
            await turns(5)
            assert protocol.calls == ["connection_made", "connection_lost"]

    run(main())
