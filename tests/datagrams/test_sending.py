"""sendto: what may be sent where, and whom its failures are told."""

import array
import asyncio
import errno
import socket
import sys

import pytest

from .peers import Recorder, bare, endpoint, unused_address


@pytest.mark.parametrize(
    "data",
    [
        b"abcd",
        bytearray(b"abcd"),
        memoryview(b"abcd"),
        memoryview(bytearray(b"xabcdx"))[1:5],
        memoryview(array.array("H", b"abcd")),
    ],
    ids=["bytes", "bytearray", "memoryview", "slice", "two-byte items"],
)
def test_kinds_of_data(run, loop, data):
    async def main():
        with bare() as peer:
            async with endpoint(loop) as (transport, _):
                transport.sendto(data, peer.getsockname())
                assert peer.recv(10) == b"abcd"

    run(main())


@pytest.mark.parametrize("data", ["text", 1, None, [b"x"], array.array("b", b"x")])
def test_other_data_is_refused(run, loop, data):
    async def main():
        async with endpoint(loop) as (transport, _):
            with pytest.raises(TypeError) as caught:
                transport.sendto(data, ("127.0.0.1", 1))
            assert str(caught.value) == (
                f"data argument must be a bytes-like object, not {type(data).__name__!r}"
            )
            assert not transport.is_closing()

    run(main())


@pytest.mark.parametrize("data", [b"", bytearray(), memoryview(b"")])
def test_empty_datagram(run, loop, data):
    async def main():
        with bare() as peer:
            async with endpoint(loop) as (transport, _):
                transport.sendto(data, peer.getsockname())
                transport.sendto(b"next", peer.getsockname())
                # Before 3.13 an empty datagram is nothing to send.
                if sys.version_info >= (3, 13):
                    assert peer.recv(10) == b""
                assert peer.recv(10) == b"next"

    run(main())


def test_subclass_of_bytes(run, loop):
    class Named(bytes):
        pass

    async def main():
        with bare() as peer:
            async with endpoint(loop) as (transport, _):
                transport.sendto(Named(b"x"), peer.getsockname())
                assert peer.recv(10) == b"x"

    run(main())


@pytest.mark.parametrize(
    ("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)]
)
def test_answer_to_the_sender(run, loop, host, family):
    class Echoes(Recorder):
        def datagram_received(self, data, addr):
            self.transport.sendto(data, addr)

    async def main():
        async with endpoint(loop, Echoes, local_addr=(host, 0)) as (transport, _):
            address = transport.get_extra_info("sockname")

            def ask(count):
                with bare((host, 0), family) as peer, bare((host, 0), family) as other:
                    for number in range(count):
                        for sock in (peer, other):
                            sock.sendto(b"%d" % number, address)
                            assert sock.recvfrom(10) == (b"%d" % number, address)

            await loop.run_in_executor(None, ask, 20)

    run(main())


@pytest.mark.parametrize(
    "spelled",
    [
        lambda host, port, *_: (host, port),
        lambda host, port, *_: (host, port, 0),
        lambda host, port, *_: (host, port, 0, 0),
        lambda host, port, *_: ("0:0:0:0:0:0:0:1", port),
        lambda host, port, *_: (b"::1", port),
    ],
)
def test_spellings_of_an_ipv6_address(run, loop, spelled):
    async def main():
        with bare(("::1", 0), socket.AF_INET6) as peer:
            async with endpoint(loop, local_addr=("::1", 0)) as (transport, _):
                transport.sendto(b"x", spelled(*peer.getsockname()))
                assert peer.recv(10) == b"x"

    run(main())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", b"127.0.0.1", "127.1"])
def test_spellings_of_an_ipv4_address(run, loop, host):
    async def main():
        with bare() as peer:
            async with endpoint(loop) as (transport, _):
                transport.sendto(b"x", (host, peer.getsockname()[1]))
                assert peer.recv(10) == b"x"

    run(main())


def test_connected_endpoint_takes_its_own_address(run, loop):
    async def main():
        with bare() as peer:
            async with endpoint(loop, remote_addr=peer.getsockname()) as (transport, _):
                transport.sendto(b"1")
                transport.sendto(b"2", None)
                transport.sendto(b"3", peer.getsockname())
                transport.sendto(data=b"4", addr=peer.getsockname())
                assert [peer.recv(10) for _ in range(4)] == [b"1", b"2", b"3", b"4"]

    run(main())


def test_connected_endpoint_refuses_another_address(run, loop):
    async def main():
        with bare() as peer:
            address = peer.getsockname()
            async with endpoint(loop, remote_addr=address) as (transport, protocol):
                with pytest.raises(ValueError) as caught:
                    transport.sendto(b"x", ("127.0.0.1", 1))
                assert str(caught.value) == f"Invalid address: must be None or {address}"
                assert not transport.is_closing()

    run(main())


def test_connected_socket_of_the_callers_ignores_addresses(run, loop):
    async def main():
        with bare() as peer:
            sock = bare()
            sock.connect(peer.getsockname())
            async with endpoint(loop, sock=sock) as (transport, _):
                transport.sendto(b"x", ("127.0.0.1", 1))
                assert peer.recv(10) == b"x"

    run(main())


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (None, TypeError),
        ("127.0.0.1", TypeError),
        (("127.0.0.1",), TypeError),
        (("127.0.0.1", 1, 2, 3, 4), TypeError),
        (("127.0.0.1", "1"), TypeError),
        ((127, 1), TypeError),
        (("127.0.0.1", 65536), OverflowError),
        (("127.0.0.1", -1), OverflowError),
    ],
)
def test_impossible_address_is_fatal(run, loop, reported, address, expected):
    async def main():
        async with endpoint(loop) as (transport, protocol):
            transport.sendto(b"x", address)
            assert transport.is_closing()
            lost = await protocol.lost
            assert type(lost) is expected
            context = reported.take_one()
            assert context["message"] == "Fatal write error on datagram transport"
            assert context["exception"] is lost
            assert context["transport"] is transport
            assert context["protocol"] is protocol
            assert protocol.calls == ["connection_made", "connection_lost"]

    run(main())


@pytest.mark.parametrize("address", [("::1", 1, 0x100000), ("::1", 1, -1)])
def test_impossible_ipv6_address_is_fatal(run, loop, reported, address):
    async def main():
        async with endpoint(loop, local_addr=("::1", 0)) as (transport, protocol):
            transport.sendto(b"x", address)
            assert type(await protocol.lost) is OverflowError
            reported.take_one()

    run(main())


@pytest.mark.parametrize("address", [("::1", 1), ("no.such.name.invalid", 1)])
def test_address_that_cannot_be_resolved(run, loop, address):
    async def main():
        async with endpoint(loop) as (transport, protocol):
            transport.sendto(b"x", address)
            assert isinstance(protocol.errors[0], socket.gaierror)
            assert not transport.is_closing()

    run(main())


def test_datagram_that_is_too_large(run, loop):
    async def main():
        with bare() as peer:
            async with endpoint(loop) as (transport, protocol):
                transport.sendto(bytes(70_000), peer.getsockname())
                # Told at once, in sendto().
                (error,) = protocol.errors
                assert type(error) is OSError
                assert error.errno == errno.EMSGSIZE
                assert error.strerror == "Message too long"
                assert transport.get_write_buffer_size() == 0
                transport.sendto(b"fits", peer.getsockname())
                assert peer.recv(10) == b"fits"

    run(main())


def test_broadcast_without_leave(run, loop):
    async def main():
        async with endpoint(loop, local_addr=("0.0.0.0", 0)) as (transport, protocol):
            transport.sendto(b"x", ("255.255.255.255", 9))
            assert type(protocol.errors[0]) is PermissionError

    run(main())


def test_unix_receiver_that_is_not_there(run, loop, tmp_path):
    async def main():
        async with endpoint(loop, family=socket.AF_UNIX, local_addr=str(tmp_path / "socket")) as (
            transport,
            protocol,
        ):
            transport.sendto(b"x", str(tmp_path / "nobody"))
            assert type(protocol.errors[0]) is FileNotFoundError
            assert not transport.is_closing()

    run(main())


def test_error_of_the_receiver_before_is_told_in_sendto(run, loop):
    async def main():
        async with endpoint(loop, remote_addr=unused_address()) as (transport, protocol):
            transport.sendto(b"refused")
            transport.pause_reading()
            for _ in range(1000):
                if protocol.errors:
                    break
                transport.sendto(b"x")
            assert type(protocol.errors[0]) is ConnectionRefusedError

    run(main())


def test_exception_in_error_received_comes_out_of_sendto(run, loop):
    class Fails(Recorder):
        def error_received(self, exc):
            raise ArithmeticError("in error_received")

    async def main():
        async with endpoint(loop, Fails) as (transport, _):
            with pytest.raises(ArithmeticError, match="^in error_received$"):
                transport.sendto(bytes(70_000), ("127.0.0.1", 9))
            assert not transport.is_closing()

    run(main())


def test_sending_from_connection_made(run, loop):
    async def main():
        with bare() as peer:

            class Greets(Recorder):
                def connection_made(self, transport):
                    super().connection_made(transport)
                    transport.sendto(b"hello", peer.getsockname())

            async with endpoint(loop, Greets):
                assert peer.recv(10) == b"hello"

    run(main())


def test_sending_to_a_closed_connected_transport_warns_from_the_fifth_on(run, loop, logged):
    async def main():
        with bare() as peer:
            async with endpoint(loop, remote_addr=peer.getsockname()) as (transport, protocol):
                transport.close()
                for _ in range(4):
                    transport.sendto(b"too late")
                await protocol.lost
                assert logged.take() == []
                transport.sendto(b"too late")
                assert logged.take_one().getMessage() == "socket.send() raised exception."
                peer.setblocking(False)
                with pytest.raises(BlockingIOError):
                    peer.recv(10)

    run(main())


def test_closing_transport_without_a_peer_still_sends(run, loop):
    async def main():
        with bare() as peer:
            async with endpoint(loop) as (transport, protocol):
                transport.close()
                transport.sendto(b"just in time", peer.getsockname())
                assert peer.recv(100) == b"just in time"
                await protocol.lost

    run(main())


def test_subclass_of_socket_sends_by_its_own_methods(run, loop):
    class Counting(socket.socket):
        calls = 0

        def sendto(self, *args):
            Counting.calls += 1
            return super().sendto(*args)

        def recvfrom(self, *args):
            Counting.calls += 100
            return super().recvfrom(*args)

    async def main():
        sock = Counting(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        with bare() as peer:
            async with endpoint(loop, sock=sock) as (transport, protocol):
                transport.sendto(b"x", peer.getsockname())
                assert peer.recv(10) == b"x"
                assert Counting.calls == 1
                peer.sendto(b"y", transport.get_extra_info("sockname"))
                assert await protocol.receive() == [b"y"]
                assert Counting.calls >= 101

    run(main())


def test_loop_can_be_closed_with_an_error_pending(new_loop):
    loop = new_loop()

    async def main():
        transport, protocol = await loop.create_datagram_endpoint(
            Recorder, remote_addr=unused_address()
        )
        transport.sendto(b"x")
        transport.abort()
        await protocol.lost
        await asyncio.sleep(0)

    loop.run_until_complete(main())
    loop.close()
