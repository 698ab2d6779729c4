"""From connection_made to connection_lost, and what a transport tells about itself."""

import asyncio
import contextvars
import gc
import re
import socket
import sys
import warnings
import weakref

import pytest

from .peers import Recorder, bare, endpoint, everything_logged

variable = contextvars.ContextVar("variable", default="unset")


def test_is_an_asyncio_transport(run, loop, kind):
    async def main():
        async with endpoint(loop) as (transport, _):
            assert isinstance(transport, asyncio.Transport)
            assert isinstance(transport, asyncio.BaseTransport)
            # The standard library's own is none before Python 3.12.
            if kind == "aioxide" or sys.version_info >= (3, 12):
                assert isinstance(transport, asyncio.DatagramTransport)

    run(main())


@pytest.mark.parametrize("how", ["close", "abort"])
def test_end_is_told_in_a_later_turn(run, loop, how):
    async def main():
        async with endpoint(loop) as (transport, protocol):
            sock = transport.get_extra_info("socket")
            assert not transport.is_closing()
            getattr(transport, how)()
            assert transport.is_closing()
            assert protocol.calls == ["connection_made"]
            assert sock.fileno() != -1
            assert await protocol.lost is None
            await asyncio.sleep(0)
            assert sock.fileno() == -1
            assert protocol.calls == ["connection_made", "connection_lost"]

    run(main())


def test_ending_twice(run, loop):
    async def main():
        async with endpoint(loop) as (transport, protocol):
            transport.close()
            transport.close()
            transport.abort()
            await protocol.lost
            transport.close()
            transport.abort()
            await asyncio.sleep(0)
            assert protocol.calls == ["connection_made", "connection_lost"]

    run(main())


def test_closing_in_connection_made(run, loop):
    class Refuses(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.close()

    async def main():
        async with endpoint(loop, Refuses) as (transport, protocol):
            assert transport.is_closing()
            assert await protocol.lost is None

    run(main())


@pytest.mark.parametrize("method", ["connection_made", "connection_lost"])
def test_exception_in_the_protocol_is_reported(run, loop, reported, method):
    class Fails(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            if method == "connection_made":
                raise ArithmeticError("in connection_made")

        def connection_lost(self, exc):
            super().connection_lost(exc)
            if method == "connection_lost":
                raise ArithmeticError("in connection_lost")

    async def main():
        async with endpoint(loop, Fails) as (transport, protocol):
            sock = transport.get_extra_info("socket")
            assert not transport.is_closing()
            transport.close()
            await protocol.lost
            await asyncio.sleep(0)
            assert sock.fileno() == -1
            context = reported.take_one()
            assert str(context["exception"]) == f"in {method}"
            assert context["message"].startswith("Exception in callback ")

    run(main())


def test_extra_info(run, loop):
    async def main():
        with bare() as peer:
            async with endpoint(loop, remote_addr=peer.getsockname()) as (transport, protocol):
                sock = transport.get_extra_info("socket")
                assert type(sock).__module__ == "asyncio.trsock"
                assert transport.get_extra_info("sockname") == sock.getsockname()
                assert transport.get_extra_info("peername") == peer.getsockname()
                assert transport.get_extra_info("other") is None
                assert transport.get_extra_info("other", default=7) == 7
                name = sock.getsockname()
                transport.close()
                await protocol.lost
                assert transport.get_extra_info("sockname") == name

    run(main())


def test_repr(run, loop):
    async def main():
        async with endpoint(loop) as (transport, protocol):
            number = transport.get_extra_info("socket").fileno()
            pattern = rf"^<\w*DatagramTransport{{}}fd={number}{{}}>$"
            idle = r" write=<idle, bufsize=0>"
            assert re.match(pattern.format(" ", f" read=polling{idle}"), repr(transport))
            transport.pause_reading()
            assert re.match(pattern.format(" ", f" read=idle{idle}"), repr(transport))
            transport.close()
            assert re.match(pattern.format(" closing ", f" read=idle{idle}"), repr(transport))
            await protocol.lost
            await asyncio.sleep(0)
            assert re.match(pattern.format(" closed ", ""), repr(transport))

    run(main())


def test_descriptor_belongs_to_the_transport(run, loop):
    async def main():
        async with endpoint(loop) as (transport, _):
            number = transport.get_extra_info("socket").fileno()
            with pytest.raises(RuntimeError, match=rf"^File descriptor {number} is used by tran"):
                loop.add_reader(number, pytest.fail)
            with pytest.raises(RuntimeError, match=rf"^File descriptor {number} is used by tran"):
                loop.remove_writer(number)

    run(main())


def test_debug_mode_tells_of_pausing(run, loop):
    async def main():
        loop.set_debug(True)
        async with endpoint(loop) as (transport, _):
            with everything_logged() as messages:
                transport.pause_reading()
                transport.resume_reading()
        levels, texts = zip(*messages, strict=True)
        assert levels == ("DEBUG", "DEBUG")
        assert texts[0].endswith("> pauses reading")
        assert texts[1].endswith("> resumes reading")

    run(main())


def test_protocol_runs_in_the_context_that_opened_the_endpoint(run, loop):
    seen = {}

    class Witness(Recorder):
        def connection_made(self, transport):
            seen["made"] = variable.get()
            super().connection_made(transport)

        def datagram_received(self, data, addr):
            seen["received"] = variable.get()
            super().datagram_received(data, addr)

    async def main():
        variable.set("opening")
        async with endpoint(loop, Witness) as (transport, protocol):
            variable.set("opened")
            with bare() as peer:
                peer.sendto(b"x", transport.get_extra_info("sockname"))
                await protocol.receive()

    run(main())
    assert seen == {"made": "opening", "received": "opening"}


def test_forgotten_transport_warns_and_closes_its_socket(loop_factory):
    other = loop_factory()
    sock = bare()
    transport, protocol = other.run_until_complete(
        other.create_datagram_endpoint(asyncio.DatagramProtocol, sock=sock)
    )
    # A closed loop no longer holds the transport, so nothing but the test does.
    other.close()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del transport, protocol
        gc.collect()
    (warning,) = caught
    assert warning.category is ResourceWarning
    assert re.match(r"^unclosed transport <\w*DatagramTransport fd=", str(warning.message))
    assert sock.fileno() == -1


def test_live_transport_needs_no_outside_reference(run, loop):
    async def main():
        transport, protocol = await loop.create_datagram_endpoint(
            Recorder, local_addr=("127.0.0.1", 0)
        )
        address = transport.get_extra_info("sockname")
        protocol.transport = None
        weak = weakref.ref(transport)
        del transport
        gc.collect()
        with bare() as peer:
            peer.sendto(b"x", address)
            assert await protocol.receive() == [b"x"]
        weak().close()
        await protocol.lost

    run(main())


def test_closed_transport_lets_its_protocol_go(run, loop):
    async def main():
        async with endpoint(loop) as (transport, protocol):
            transport.close()
            await protocol.lost
            await asyncio.sleep(0)
            weak = weakref.ref(protocol)
            keep = protocol.lost
        protocol.transport = None
        return transport, weak, keep, protocol

    transport, weak, keep, protocol = run(main())
    del protocol, keep
    gc.collect()
    assert weak() is None
    assert transport.is_closing()


def test_loop_that_is_closed_refuses_the_end(loop_factory):
    other = loop_factory()
    sock = bare()
    transport, _ = other.run_until_complete(
        other.create_datagram_endpoint(asyncio.DatagramProtocol, sock=sock)
    )
    other.close()
    with pytest.raises(RuntimeError, match="^Event loop is closed$"):
        transport.close()
    with pytest.warns(ResourceWarning, match="^unclosed transport <"):
        del transport
        gc.collect()
    assert sock.fileno() == -1


def test_socket_closed_behind_the_back(run, loop):
    async def main():
        sock = bare()
        async with endpoint(loop, sock=sock) as (transport, protocol):
            sock.close()
            transport.sendto(b"x", ("127.0.0.1", 9))
            assert isinstance(protocol.errors[0], OSError)
            for _ in range(10):
                await asyncio.sleep(0)
            assert len(protocol.errors) == 1
            transport.close()
            assert await protocol.lost is None

    run(main())


def test_pair_of_unix_sockets(run, loop):
    async def main():
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with far:
            async with endpoint(loop, sock=near) as (transport, protocol):
                assert transport.get_extra_info("sockname") == ""
                assert transport.get_extra_info("peername") == ""
                far.send(b"x")
                assert await protocol.receive() == [b"x"]

    run(main())


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("write", {"data": b"x"}),
        ("writelines", {"list_of_data": [b"x"]}),
        ("write_eof", {}),
        ("can_write_eof", {}),
    ],
)
def test_a_datagram_transport_is_no_stream(run, loop, method, arguments):
    async def main():
        async with endpoint(loop) as (transport, _):
            with pytest.raises(NotImplementedError):
                getattr(transport, method)(*arguments.values())
            with pytest.raises(NotImplementedError):
                getattr(transport, method)(**arguments)

    run(main())


def test_a_datagram_transport_joins_lines_before_it_refuses_them(run, loop):
    async def main():
        async with endpoint(loop) as (transport, _):
            with pytest.raises(TypeError, match="can only join an iterable"):
                transport.writelines(7)
            with pytest.raises(TypeError, match="expected a bytes-like object, int found"):
                transport.writelines([7])

    run(main())
