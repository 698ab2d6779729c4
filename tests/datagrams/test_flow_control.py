"""What happens to datagrams that the kernel does not take at once."""

import asyncio
import errno
import socket

import pytest

from .peers import HEADER, Recorder, endpoint, send_until_refused, to_a_slow_reader


def drain(reader, count):
    """Read count datagrams from a bare socket."""
    return [reader.recv(100) for _ in range(count)]


async def drained_by_thread(loop, reader, count):
    """Read count datagrams in a thread, so that the loop can send meanwhile."""
    return await loop.run_in_executor(None, drain, reader, count)


def test_refused_datagrams_are_kept_and_sent_in_order(run, loop, tmp_path):
    async def main():
        async with to_a_slow_reader(loop, tmp_path) as (transport, protocol, reader):
            sent = send_until_refused(transport, b"0")
            for number in range(1, 50):
                transport.sendto(b"%d" % number)
            expected = [b"0"] * (sent + 1) + [b"%d" % number for number in range(1, 50)]
            assert await drained_by_thread(loop, reader, len(expected)) == expected
            assert protocol.errors == []

    run(main())


def test_what_waits_is_counted_with_a_header_for_each(run, loop, tmp_path):
    async def main():
        async with to_a_slow_reader(loop, tmp_path) as (transport, _, _reader):
            send_until_refused(transport, b"12345")
            assert transport.get_write_buffer_size() == 5 + HEADER
            transport.sendto(b"123")
            assert transport.get_write_buffer_size() == 8 + 2 * HEADER

    run(main())


@pytest.mark.parametrize("kind_of_data", [bytearray, lambda data: memoryview(bytearray(data))])
def test_what_waits_is_a_copy(run, loop, tmp_path, kind_of_data):
    async def main():
        async with to_a_slow_reader(loop, tmp_path) as (transport, _, reader):
            sent = send_until_refused(transport, b"first")
            data = kind_of_data(b"abcd")
            transport.sendto(data)
            data[:] = b"xxxx"
            received = await drained_by_thread(loop, reader, sent + 2)
            assert received[-1] == b"abcd"

    run(main())


def test_default_water_marks(run, loop):
    async def main():
        async with endpoint(loop) as (transport, _):
            assert transport.get_write_buffer_limits() == (16 * 1024, 64 * 1024)
            assert transport.get_write_buffer_size() == 0
            transport.set_write_buffer_limits(high=100)
            assert transport.get_write_buffer_limits() == (25, 100)
            transport.set_write_buffer_limits(low=10)
            assert transport.get_write_buffer_limits() == (10, 40)
            with pytest.raises(ValueError, match=r"^high \(1\) must be >= low \(2\) must be >= 0$"):
                transport.set_write_buffer_limits(high=1, low=2)

    run(main())


def test_protocol_pauses_above_the_high_mark_and_resumes_at_the_low_one(run, loop, tmp_path):
    async def main():
        async with to_a_slow_reader(loop, tmp_path) as (transport, protocol, reader):
            transport.set_write_buffer_limits(high=100, low=40)
            sent = send_until_refused(transport, bytes(50))
            assert protocol.calls == ["connection_made"]
            transport.sendto(bytes(50))
            transport.sendto(bytes(50))
            assert protocol.calls == ["connection_made", "pause_writing"]
            transport.sendto(bytes(50))
            assert protocol.calls == ["connection_made", "pause_writing"]
            await drained_by_thread(loop, reader, sent + 4)
            await protocol.until(lambda: "resume_writing" in protocol.calls)
            assert protocol.calls == ["connection_made", "pause_writing", "resume_writing"]

    run(main())


def test_lower_marks_pause_at_once(run, loop, tmp_path):
    async def main():
        async with to_a_slow_reader(loop, tmp_path) as (transport, protocol, _):
            send_until_refused(transport, bytes(50))
            transport.set_write_buffer_limits(high=0)
            assert protocol.calls == ["connection_made", "pause_writing"]

    run(main())


@pytest.mark.parametrize("method", ["pause_writing", "resume_writing"])
def test_exception_in_flow_control_is_reported(run, loop, tmp_path, reported, method):
    async def main():
        async with to_a_slow_reader(loop, tmp_path) as (transport, protocol, reader):

            def fail():
                raise ArithmeticError(f"in {method}")

            setattr(protocol, method, fail)
            transport.set_write_buffer_limits(high=90, low=45)
            sent = send_until_refused(transport, bytes(100))
            await drained_by_thread(loop, reader, sent + 1)
            while not reported:
                await asyncio.sleep(0)
            context = reported.take_one()
            assert context["message"] == f"protocol.{method}() failed"
            assert str(context["exception"]) == f"in {method}"
            assert context["transport"] is transport
            assert context["protocol"] is protocol
            assert not transport.is_closing()

    run(main())


def test_close_sends_what_waits(run, loop, tmp_path):
    async def main():
        async with to_a_slow_reader(loop, tmp_path) as (transport, protocol, reader):
            sent = send_until_refused(transport)
            transport.sendto(b"last")
            transport.close()
            assert transport.is_closing()
            await asyncio.sleep(0)
            assert not protocol.lost.done()
            assert (await drained_by_thread(loop, reader, sent + 2))[-1] == b"last"
            assert await protocol.lost is None

    run(main())


def test_abort_drops_what_waits(run, loop, tmp_path):
    async def main():
        async with to_a_slow_reader(loop, tmp_path) as (transport, protocol, reader):
            sent = send_until_refused(transport)
            transport.sendto(b"last")
            transport.abort()
            assert await protocol.lost is None
            drain(reader, sent)
            reader.setblocking(False)
            with pytest.raises(BlockingIOError):
                reader.recv(10)

    run(main())


def test_abort_cuts_a_pending_close_short(run, loop, tmp_path):
    async def main():
        async with to_a_slow_reader(loop, tmp_path) as (transport, protocol, _):
            send_until_refused(transport)
            transport.close()
            transport.abort()
            assert await protocol.lost is None
            assert protocol.calls == ["connection_made", "connection_lost"]

    run(main())


def test_receiver_that_goes_away_is_an_error_for_each_datagram_that_waits(run, loop, tmp_path):
    async def main():
        async with to_a_slow_reader(loop, tmp_path) as (transport, protocol, reader):
            send_until_refused(transport)
            transport.sendto(b"second")
            reader.close()
            await protocol.fail(2)
            assert {error.errno for error in protocol.errors} <= {
                errno.ECONNREFUSED,
                errno.ECONNRESET,
                errno.ENOTCONN,
            }
            # The standard library's abort() fails before it has seen that nothing waits.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert not transport.is_closing()

    run(main())


def test_datagrams_for_a_full_receiver_by_address(run, loop, tmp_path):
    async def main():
        async with to_a_slow_reader(loop, tmp_path) as (_, _, reader):
            path = str(tmp_path / "reader")
            async with endpoint(
                loop, family=socket.AF_UNIX, local_addr=str(tmp_path / "unconnected")
            ) as (transport, protocol):
                sent = send_until_refused(transport, addr=path)
                transport.sendto(b"last", path)
                received = await drained_by_thread(loop, reader, sent + 2)
                assert received[-1] == b"last"
                assert protocol.errors == []

    run(main())


def test_sending_from_resume_writing(run, loop, tmp_path):
    class Continues(Recorder):
        def resume_writing(self):
            super().resume_writing()
            self.transport.sendto(b"resumed")

    async def main():
        async with to_a_slow_reader(loop, tmp_path, Continues) as (transport, _, reader):
            transport.set_write_buffer_limits(high=90, low=45)
            sent = send_until_refused(transport, bytes(100))
            assert (await drained_by_thread(loop, reader, sent + 2))[-1] == b"resumed"

    run(main())
