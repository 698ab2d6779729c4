"""What libraries read of a stream transport, and write, beside its documented methods."""

import asyncio
import collections
import sys

import pytest

from .peers import MORE_THAN_THE_KERNEL_TAKES, Recorder, tcp_pair


@pytest.fixture
def connected(run, loop):
    """Runs ``test(transport, protocol, far)`` on a connection; ``far`` is the bare peer."""

    def run_connected(test):
        async def main():
            near, far = tcp_pair()
            with far:
                transport, protocol = await loop.create_connection(Recorder, sock=near)
                await test(transport, protocol, far)
                transport.abort()
                await protocol.lost

        run(main())

    return run_connected


def test_a_fresh_transport_shows_how_it_stands(connected, loop):
    async def test(transport, protocol, far):
        assert transport._loop is loop
        assert transport._protocol is protocol
        assert transport._sock.fileno() == transport._sock_fd
        assert transport._extra["socket"] is transport.get_extra_info("socket")
        assert transport._server is None
        assert transport._empty_waiter is None
        assert transport._protocol_connected is True
        assert transport.max_size == 256 * 1024
        assert (transport._closing, transport._paused, transport._eof) == (False, False, False)
        assert (transport._conn_lost, transport._protocol_paused) == (0, False)
        assert (transport._low_water, transport._high_water) == (16 * 1024, 64 * 1024)
        assert not transport._buffer

    connected(test)


def test_the_buffer_shows_what_waits(connected):
    async def test(transport, protocol, far):
        transport.write(b"x" * MORE_THAN_THE_KERNEL_TAKES)
        transport.write(bytearray(b"more"))
        kind = collections.deque if sys.version_info >= (3, 12) else bytearray
        assert type(transport._buffer) is kind
        waiting = b"".join(transport._buffer) if kind is collections.deque else transport._buffer
        assert len(waiting) == transport.get_write_buffer_size()
        assert waiting.endswith(b"xmore")

    connected(test)


def test_a_protocol_that_is_written_is_called(connected, loop):
    async def test(transport, protocol, far):
        other = Recorder()
        other.connection_made(transport)
        transport._protocol = other
        far.send(b"hello")
        assert await other.receive(5) == b"hello"
        transport._protocol = protocol

    connected(test)


def test_a_lost_mark_that_is_written_drops_what_is_sent(connected, loop, logged):
    async def test(transport, protocol, far):
        transport._conn_lost = 1
        transport.write(b"dropped")
        assert transport._conn_lost == 2
        transport._conn_lost = 0
        transport.write(b"sent")
        assert await loop.sock_recv(far, 100) == b"sent"

    connected(test)


def test_a_closing_mark_that_is_written_is_seen(connected):
    async def test(transport, protocol, far):
        transport._closing = True
        assert transport.is_closing()
        assert not transport.is_reading()
        transport.close()
        await asyncio.sleep(0)
        assert not protocol.lost.done()

    connected(test)


def test_an_eof_mark_that_is_written_refuses_writes(connected):
    async def test(transport, protocol, far):
        transport._eof = True
        with pytest.raises(RuntimeError, match=r"Cannot call write\(\) after write_eof\(\)"):
            transport.write(b"x")

    connected(test)


def test_water_marks_that_are_written_count(connected):
    async def test(transport, protocol, far):
        transport._high_water = 10.5
        assert transport.get_write_buffer_limits() == (16 * 1024, 10.5)
        transport.write(b"x" * MORE_THAN_THE_KERNEL_TAKES)
        assert transport._protocol_paused
        assert protocol.calls[-1] == "pause_writing"

    connected(test)


def test_fatal_error_reports_and_ends_the_connection(run, loop, reported):
    async def main():
        near, far = tcp_pair()
        with far:
            transport, protocol = await loop.create_connection(Recorder, sock=near)
            failure = LookupError("no more")
            transport._fatal_error(failure, "Gave up")
            assert await protocol.lost is failure
        context = reported.take_one()
        assert context["message"] == "Gave up"
        assert context["exception"] is failure

    run(main())


@pytest.mark.parametrize("name", ["nothing", 1, None, ("a", "b")])
def test_an_unknown_name_has_the_default_as_its_info(connected, name):
    async def test(transport, protocol, far):
        assert transport.get_extra_info(name, "default") == "default"

    connected(test)


def test_an_unhashable_name_is_refused(connected):
    async def test(transport, protocol, far):
        with pytest.raises(TypeError, match="unhashable type: 'list'"):
            transport.get_extra_info([])

    connected(test)
