"""In which order, and in which turn, a protocol is called."""

import asyncio

import pytest
from network.peers import Recorder, tcp_pair

from .peers import opposite, secure


@pytest.fixture
def contexts(certificates, version):
    return certificates.server_context(version=version), certificates.client_context(version)


def test_connection_made_comes_before_create_connection_returns(run, loop, contexts, side):
    order = []

    class Notes(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            order.append("made")

    async def main():
        near, far = tcp_pair()
        with far:
            peer = opposite(loop, far, contexts, side)
            shaking = asyncio.ensure_future(peer.handshake())
            transport, protocol = await secure(loop, near, Notes, contexts, side)
            order.append("returned")
            await shaking
            assert order == ["made", "returned"]
            transport.abort()
            await protocol.lost

    run(main())


def test_the_factory_is_called_before_the_handshake(run, loop, contexts):
    async def main():
        near, far = tcp_pair()
        with far:
            made = loop.create_future()

            def factory():
                made.set_result(Recorder())
                return made.result()

            connecting = asyncio.ensure_future(secure(loop, near, factory, contexts, "client"))
            protocol = await made
            assert protocol.calls == []
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting

    run(main())


def test_a_whole_life(run, wired, side):
    async def main():
        async with wired(side) as (transport, protocol, peer):
            await peer.send(b"one")
            await protocol.receive(3)
            await peer.send(b"two")
            await peer.say_goodbye()
            assert await protocol.lost is None
            assert protocol.calls == [
                "connection_made",
                "data_received",
                "eof_received",
                "connection_lost",
            ]
            assert protocol.received == b"onetwo"

    run(main())


def test_data_and_goodbye_in_one_segment(run, wired):
    async def main():
        async with wired() as (_, protocol, peer):
            record = peer.encrypt(b"last words")
            await peer.loop.sock_sendall(peer.sock, record)
            await peer.say_goodbye()
            peer.sock.shutdown(1)
            assert await protocol.lost is None
            assert protocol.received == b"last words"
            assert protocol.calls == [
                "connection_made",
                "data_received",
                "eof_received",
                "connection_lost",
            ]

    run(main())


def test_connection_lost_comes_in_a_later_turn_than_abort(run, wired):
    async def main():
        async with wired() as (transport, protocol, _):
            transport.abort()
            assert protocol.calls == ["connection_made"]
            assert await protocol.lost is None
            assert protocol.calls == ["connection_made", "connection_lost"]

    run(main())


def test_connection_lost_comes_in_a_later_turn_than_eof_received(run, wired, loop):
    class Notes(Recorder):
        def eof_received(self):
            super().eof_received()
            loop.call_soon(self.calls.append, "the iteration after")

    async def main():
        async with wired("client", Notes) as (_, protocol, peer):
            await peer.say_goodbye()
            assert await protocol.lost is None
            assert protocol.calls == [
                "connection_made",
                "eof_received",
                "the iteration after",
                "connection_lost",
            ]

    run(main())


def test_closing_in_connection_made(run, loop, contexts, side):
    class Refuses(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.close()
            assert transport.is_closing()

    async def main():
        near, far = tcp_pair()
        with far:
            peer = opposite(loop, far, contexts, side)
            shaking = asyncio.ensure_future(peer.handshake())
            transport, protocol = await secure(loop, near, Refuses, contexts, side)
            assert transport.is_closing()
            await shaking
            assert await peer.read_to_end() == b""
            await peer.say_goodbye()
            assert await protocol.lost is None
            assert protocol.calls[0] == "connection_made"
            assert protocol.calls[-1] == "connection_lost"

    run(main())


def test_aborting_in_connection_made(run, loop, contexts, side):
    class Refuses(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.abort()

    async def main():
        near, far = tcp_pair()
        with far:
            peer = opposite(loop, far, contexts, side)
            shaking = asyncio.ensure_future(peer.handshake())
            transport, protocol = await secure(loop, near, Refuses, contexts, side)
            assert transport.is_closing()
            assert await protocol.lost is None
            assert protocol.calls == ["connection_made", "connection_lost"]
            shaking.cancel()
            await asyncio.gather(shaking, return_exceptions=True)

    run(main())


def test_exception_in_connection_made(run, loop, contexts, reported, side, count_descriptors):
    made = []

    class Fails(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            made.append(self)
            raise ArithmeticError("in connection_made")

    async def main():
        before = count_descriptors()
        near, far = tcp_pair()
        with far:
            peer = opposite(loop, far, contexts, side)
            shaking = asyncio.ensure_future(peer.handshake())
            with pytest.raises(ArithmeticError, match="in connection_made"):
                await secure(loop, near, Fails, contexts, side)
            await asyncio.gather(shaking, return_exceptions=True)
            (protocol,) = made
            assert str(await protocol.lost) == "in connection_made"
            assert protocol.calls == ["connection_made", "connection_lost"]
            context = reported.take_one()
            assert str(context["exception"]) == "in connection_made"
            assert context["message"] == ("Fatal error: protocol.buffer_updated() call failed.")
        assert count_descriptors() == before

    run(main())


def test_exception_in_connection_lost(run, wired, reported):
    class Fails(Recorder):
        def connection_lost(self, exc):
            super().connection_lost(exc)
            raise ArithmeticError("in connection_lost")

    async def main():
        async with wired("client", Fails) as (transport, protocol, _):
            transport.abort()
            await protocol.lost
            context = reported.take_one()
            assert str(context["exception"]) == "in connection_lost"
            assert context["message"].startswith("Exception in callback ")

    run(main())


def test_exception_in_eof_received(run, wired, reported):
    class Fails(Recorder):
        def eof_received(self):
            super().eof_received()
            raise ArithmeticError("in eof_received")

    async def main():
        async with wired("client", Fails) as (_, protocol, peer):
            await peer.say_goodbye()
            lost = await protocol.lost
            assert str(lost) == "in eof_received"
            context = reported.take_one()
            assert context["message"] == "Error calling eof_received()"
            assert context["exception"] is lost
            assert protocol.calls == ["connection_made", "eof_received", "connection_lost"]

    run(main())
