"""A protocol that raises: what is reported, what the peer and the protocol then see."""

import asyncio
import socket

import pytest

from .peers import Recorder, patterned, read_to_end, tcp_pair, wired


class FailsInDataReceived(Recorder):
    def data_received(self, data):
        super().data_received(data)
        raise ArithmeticError("in data_received")


class FailsInConnectionMade(Recorder):
    def connection_made(self, transport):
        super().connection_made(transport)
        raise ArithmeticError("in connection_made")


def test_exception_in_data_received_drops_the_connection(run, loop, reported):
    async def main():
        async with wired(loop, FailsInDataReceived) as (transport, protocol, peer):
            peer.send(b"x")
            lost = await protocol.lost
            assert str(lost) == "in data_received"
            context = reported.take_one()
            assert context["message"] == "Fatal error: protocol.data_received() call failed."
            assert context["exception"] is lost
            assert context["transport"] is transport
            assert context["protocol"] is protocol
            assert await read_to_end(loop, peer) == b""

    run(main())


def test_fatal_error_throws_away_what_is_buffered(run, loop, reported):
    async def main():
        async with wired(loop, FailsInDataReceived) as (transport, protocol, peer):
            transport.write(patterned(4 * 1024 * 1024))
            peer.send(b"x")
            await protocol.lost
            assert transport.get_write_buffer_size() == 0
            reported.take_one()

    run(main())


def test_exception_in_connection_made_is_reported_and_the_transport_lives(run, loop, reported):
    async def main():
        async with wired(loop, FailsInConnectionMade) as (transport, protocol, peer):
            context = reported.take_one()
            assert str(context["exception"]) == "in connection_made"
            assert context["message"].startswith("Exception in callback ")
            assert not transport.is_closing()
            peer.send(b"still reading")
            assert await protocol.receive(13) == b"still reading"

    run(main())


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_interrupts_in_data_received_leave_the_loop(loop, error):
    class Interrupts(Recorder):
        def data_received(self, data):
            super().data_received(data)
            raise error

    near, far = tcp_pair()
    with far:
        transport, protocol = loop.run_until_complete(loop.create_connection(Interrupts, sock=near))
        far.send(b"x")
        with pytest.raises(error):
            loop.run_forever()
        transport.close()
        loop.run_until_complete(protocol.lost)


def test_failing_connection_does_not_disturb_the_others(run, loop, reported):
    async def main():
        async with (
            wired(loop, FailsInDataReceived) as (_, failing, failing_peer),
            wired(loop) as (_, healthy, healthy_peer),
        ):
            failing_peer.send(b"x")
            healthy_peer.send(b"one")
            await failing.lost
            reported.take_one()
            healthy_peer.send(b"two")
            assert await healthy.receive(6) == b"onetwo"

    run(main())


def test_system_error_while_reading_is_not_reported_outside_debug_mode(run, loop, reported):
    async def main():
        near, far = tcp_pair()
        transport, protocol = await loop.create_connection(Recorder, sock=near)
        far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        far.close()
        assert isinstance(await protocol.lost, ConnectionResetError)
        assert reported == []
        assert transport.is_closing()

    run(main())


def test_protocol_without_methods_of_its_own_is_enough(run, loop):
    async def main():
        near, far = tcp_pair()
        with far:
            transport, protocol = await loop.create_connection(asyncio.Protocol, sock=near)
            assert type(protocol) is asyncio.Protocol
            far.send(b"ignored")
            far.shutdown(socket.SHUT_WR)
            assert await read_to_end(loop, far) == b""
            assert transport.is_closing()

    run(main())


def test_protocol_need_not_derive_from_asyncio(run, loop):
    class Foreign:
        def __init__(self):
            self.calls = []
            self.lost = asyncio.get_running_loop().create_future()

        def connection_made(self, transport):
            self.calls.append("connection_made")

        def data_received(self, data):
            self.calls.append(data)

        def eof_received(self):
            self.calls.append("eof_received")

        def connection_lost(self, exc):
            self.lost.set_result(exc)

    async def main():
        near, far = tcp_pair()
        _, protocol = await loop.create_connection(Foreign, sock=near)
        far.send(b"hello")
        far.close()
        assert await protocol.lost is None
        assert protocol.calls == ["connection_made", b"hello", "eof_received"]

    run(main())


def test_exit_in_data_received_ends_the_run_and_loses_nothing(loop):
    class Exits(Recorder):
        def data_received(self, data):
            super().data_received(data)
            raise SystemExit(3)

    near, far = tcp_pair()

    async def connect():
        return await loop.create_connection(Exits, sock=near)

    transport, protocol = loop.run_until_complete(connect())
    far.send(b"x")
    far.close()
    with pytest.raises(SystemExit):
        loop.run_forever()
    # The end came with the data; nobody will say so again.
    assert protocol.received == b"x"
    assert loop.run_until_complete(protocol.lost) is None
    assert "eof_received" in protocol.calls
