"""datagram_received: what arrives, in which order, and between what."""

import asyncio
import errno
import socket
import sys

import pytest

from .peers import Recorder, bare, endpoint, unused_address


@pytest.mark.parametrize(
    ("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)]
)
def test_data_and_sender(run, loop, host, family):
    async def main():
        async with endpoint(loop, local_addr=(host, 0)) as (transport, protocol):
            with bare((host, 0), family) as peer, bare((host, 0), family) as other:
                address = transport.get_extra_info("sockname")
                peer.sendto(b"first", address)
                other.sendto(b"second", address)
                peer.sendto(b"third", address)
                await protocol.receive(3)
                assert protocol.received == [
                    (b"first", peer.getsockname()),
                    (b"second", other.getsockname()),
                    (b"third", peer.getsockname()),
                ]
                for data, sender in protocol.received:
                    assert type(data) is bytes
                    assert type(sender) is tuple

    run(main())


def test_ipv4_sender_at_an_ipv6_socket(run, loop):
    async def main():
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("::", 0))
        async with endpoint(loop, sock=sock) as (transport, protocol):
            with bare() as peer:
                port = peer.getsockname()[1]
                peer.sendto(b"x", ("127.0.0.1", transport.get_extra_info("sockname")[1]))
                await protocol.receive()
                assert protocol.received == [(b"x", ("::ffff:127.0.0.1", port, 0, 0))]
                transport.sendto(b"y", protocol.received[0][1])
                assert peer.recv(10) == b"y"

    run(main())


def test_unix_sender_without_a_name(run, loop, tmp_path):
    async def main():
        path = str(tmp_path / "socket")
        async with endpoint(loop, family=socket.AF_UNIX, local_addr=path) as (_, protocol):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
                peer.sendto(b"x", path)
                await protocol.receive()
                assert protocol.received == [(b"x", None)]

    run(main())


def test_unix_sender_with_a_name_that_is_no_text(run, loop, tmp_path):
    async def main():
        path = str(tmp_path / "socket")
        async with endpoint(loop, family=socket.AF_UNIX, local_addr=path) as (transport, protocol):
            name = str(tmp_path / "\udcff")
            with bare(name, socket.AF_UNIX) as peer:
                peer.sendto(b"x", path)
                await protocol.receive()
                assert protocol.received == [(b"x", name)]
                transport.sendto(b"y", name)
                assert peer.recv(10) == b"y"

    run(main())


def test_socket_of_another_family(run, loop):
    # Netlink: only the socket object knows how its addresses look.
    if not hasattr(socket, "AF_NETLINK"):
        pytest.skip("netlink is Linux's")

    async def main():
        kind = socket.SOCK_RAW if sys.version_info >= (3, 13) else socket.SOCK_DGRAM
        sock = socket.socket(socket.AF_NETLINK, kind, 0)
        sock.bind((0, 0))
        async with endpoint(loop, sock=sock) as (transport, protocol):
            # NLMSG_NOOP, of which an acknowledgement is wanted.
            request = (16).to_bytes(4, sys.byteorder) + b"\1\0\5\0" + bytes(8)
            transport.sendto(request, (0, 0))
            (answer,) = await protocol.receive()
            assert int.from_bytes(answer[4:6], sys.byteorder) == 2  # NLMSG_ERROR
            assert protocol.received[0][1] == (0, 0)

    run(main())


def test_empty_datagram(run, loop):
    async def main():
        async with endpoint(loop) as (transport, protocol):
            with bare() as peer:
                peer.sendto(b"", transport.get_extra_info("sockname"))
                assert await protocol.receive() == [b""]
                assert not transport.is_closing()

    run(main())


def test_largest_datagram(run, loop):
    async def main():
        async with endpoint(loop) as (transport, protocol):
            with bare() as peer:
                data = bytes(range(256)) * 255
                peer.sendto(data, transport.get_extra_info("sockname"))
                assert await protocol.receive() == [data]

    run(main())


def test_many_datagrams_keep_their_order(run, loop):
    async def main():
        async with endpoint(loop) as (transport, protocol):
            with bare() as peer:
                peer.connect(transport.get_extra_info("sockname"))
                expected = []
                for start in range(0, 1000, 100):
                    for number in range(start, start + 100):
                        expected.append(b"%d" % number)
                        peer.send(expected[-1])
                    await protocol.receive(len(expected))
                assert [data for data, _ in protocol.received] == expected

    run(main())


def test_what_a_datagram_schedules_runs_before_the_next_datagram(run, loop):
    order = []

    class Schedules(Recorder):
        def datagram_received(self, data, addr):
            order.append(data)
            loop.call_soon(order.append, b"after " + data)
            super().datagram_received(data, addr)

    async def main():
        async with endpoint(loop, Schedules) as (transport, protocol):
            with bare() as peer:
                for data in (b"1", b"2", b"3"):
                    peer.sendto(data, transport.get_extra_info("sockname"))
                await protocol.receive(3)
                await asyncio.sleep(0)

    run(main())
    assert order == [b"1", b"after 1", b"2", b"after 2", b"3", b"after 3"]


def test_future_for_one_datagram_after_the_other(run, loop):
    class Awaited(Recorder):
        waiter = None

        def datagram_received(self, data, addr):
            self.waiter.set_result(data)

    async def main():
        async with endpoint(loop, Awaited) as (transport, protocol):
            with bare() as peer:
                for number in range(10):
                    peer.sendto(b"%d" % number, transport.get_extra_info("sockname"))
                for number in range(10):
                    protocol.waiter = loop.create_future()
                    assert await protocol.waiter == b"%d" % number
                protocol.waiter = loop.create_future()

    run(main())


def test_stopped_loop_reads_no_further(loop):
    class Stops(Recorder):
        def datagram_received(self, data, addr):
            super().datagram_received(data, addr)
            loop.stop()

    async def open_endpoint():
        return await loop.create_datagram_endpoint(Stops, local_addr=("127.0.0.1", 0))

    transport, protocol = loop.run_until_complete(open_endpoint())
    with bare() as peer:
        for data in (b"1", b"2", b"3"):
            peer.sendto(data, transport.get_extra_info("sockname"))
        for count in (1, 2, 3):
            loop.run_forever()
            assert len(protocol.received) == count
    transport.close()
    loop.run_until_complete(protocol.lost)


def test_fast_sender_does_not_starve_the_loop(run, loop):
    class Echoes(Recorder):
        def datagram_received(self, data, addr):
            # There is always one more to read.
            self.transport.sendto(data, addr)

    async def main():
        async with endpoint(loop, Echoes) as (transport, _):
            transport.sendto(b"x", transport.get_extra_info("sockname"))
            for _ in range(100):
                await asyncio.sleep(0)
            await asyncio.wait_for(loop.run_in_executor(None, int), 10)

    run(main())


def test_paused_transport_receives_nothing(run, loop):
    async def main():
        async with endpoint(loop) as (transport, protocol):
            assert transport.is_reading()
            transport.pause_reading()
            assert not transport.is_reading()
            with bare() as peer:
                peer.sendto(b"1", transport.get_extra_info("sockname"))
                peer.sendto(b"2", transport.get_extra_info("sockname"))
                for _ in range(5):
                    await asyncio.sleep(0)
                assert protocol.received == []
                transport.resume_reading()
                assert transport.is_reading()
                assert await protocol.receive(2) == [b"1", b"2"]

    run(main())


def test_pausing_between_two_datagrams(run, loop):
    class Pauses(Recorder):
        def datagram_received(self, data, addr):
            super().datagram_received(data, addr)
            self.transport.pause_reading()

    async def main():
        async with endpoint(loop, Pauses) as (transport, protocol):
            with bare() as peer:
                for data in (b"1", b"2"):
                    peer.sendto(data, transport.get_extra_info("sockname"))
                assert await protocol.receive() == [b"1"]
                for _ in range(5):
                    await asyncio.sleep(0)
                assert len(protocol.received) == 1
                transport.resume_reading()
                assert await protocol.receive(2) == [b"1", b"2"]

    run(main())


def test_pausing_twice_and_resuming_twice(run, loop):
    async def main():
        async with endpoint(loop) as (transport, protocol):
            transport.pause_reading()
            transport.pause_reading()
            transport.resume_reading()
            transport.resume_reading()
            with bare() as peer:
                peer.sendto(b"x", transport.get_extra_info("sockname"))
                assert await protocol.receive() == [b"x"]

    run(main())


@pytest.mark.parametrize("how", ["close", "abort"])
def test_closing_between_two_datagrams(run, loop, how):
    class Closes(Recorder):
        def datagram_received(self, data, addr):
            super().datagram_received(data, addr)
            getattr(self.transport, how)()

    async def main():
        async with endpoint(loop, Closes) as (transport, protocol):
            with bare() as peer:
                for data in (b"1", b"2"):
                    peer.sendto(data, transport.get_extra_info("sockname"))
                assert await protocol.lost is None
                assert [data for data, _ in protocol.received] == [b"1"]

    run(main())


def test_exception_in_datagram_received_is_reported_and_receiving_goes_on(run, loop, reported):
    class Fails(Recorder):
        def datagram_received(self, data, addr):
            super().datagram_received(data, addr)
            if data == b"bad":
                raise ArithmeticError("in datagram_received")

    async def main():
        async with endpoint(loop, Fails) as (transport, protocol):
            with bare() as peer:
                for data in (b"bad", b"good"):
                    peer.sendto(data, transport.get_extra_info("sockname"))
                assert await protocol.receive(2) == [b"bad", b"good"]
                context = reported.take_one()
                assert str(context["exception"]) == "in datagram_received"
                assert context["message"].startswith("Exception in callback ")
                assert not transport.is_closing()

    run(main())


def test_exit_in_datagram_received_ends_the_run_and_loses_nothing(loop):
    class Exits(Recorder):
        def datagram_received(self, data, addr):
            super().datagram_received(data, addr)
            if data == b"exit":
                raise SystemExit(3)

    async def open_endpoint():
        return await loop.create_datagram_endpoint(Exits, local_addr=("127.0.0.1", 0))

    transport, protocol = loop.run_until_complete(open_endpoint())
    with bare() as peer:
        for data in (b"exit", b"next"):
            peer.sendto(data, transport.get_extra_info("sockname"))
        with pytest.raises(SystemExit):
            loop.run_forever()
        loop.run_until_complete(protocol.receive(2))
    transport.close()
    loop.run_until_complete(protocol.lost)


def test_refused_datagram_is_an_error_of_the_next_call(run, loop):
    async def main():
        async with endpoint(loop, remote_addr=unused_address()) as (transport, protocol):
            transport.sendto(b"x")
            error = await protocol.fail()
            assert type(error) is ConnectionRefusedError
            assert error.errno == errno.ECONNREFUSED
            assert error.strerror == "Connection refused"
            assert not transport.is_closing()

    run(main())


def test_datagrams_arrive_after_an_error(run, loop):
    async def main():
        peer = bare()
        address = peer.getsockname()
        async with endpoint(loop, remote_addr=address) as (transport, protocol):
            peer.close()
            transport.sendto(b"refused")
            await protocol.fail()
            with bare(address) as peer:
                peer.sendto(b"x", transport.get_extra_info("sockname"))
                assert await protocol.receive() == [b"x"]

    run(main())


def test_exception_in_error_received_is_reported(run, loop, reported):
    class Fails(Recorder):
        def error_received(self, exc):
            super().error_received(exc)
            raise ArithmeticError("in error_received")

    async def main():
        async with endpoint(loop, Fails, remote_addr=unused_address()) as (transport, protocol):
            transport.sendto(b"x")
            await protocol.fail()
            context = reported.take_one()
            assert str(context["exception"]) == "in error_received"
            assert not transport.is_closing()

    run(main())


def test_protocol_without_the_methods_is_reported_and_the_loop_goes_on(run, loop, reported):
    class Bare(asyncio.BaseProtocol):
        def __init__(self):
            self.lost = loop.create_future()

        def connection_lost(self, exc):
            self.lost.set_result(exc)

    async def main():
        async with endpoint(loop, Bare) as (transport, _):
            with bare() as peer:
                peer.sendto(b"x", transport.get_extra_info("sockname"))
                while not reported:
                    await asyncio.sleep(0)
            error = reported.take_one()["exception"]
            assert type(error) is AttributeError
            assert error.name == "datagram_received"
            assert not transport.is_closing()

    run(main())


def test_another_protocol_receives_from_then_on(run, loop):
    async def main():
        async with endpoint(loop) as (transport, first):
            second = Recorder()
            second.lost = first.lost
            assert transport.get_protocol() is first
            transport.set_protocol(second)
            assert transport.get_protocol() is second
            with bare() as peer:
                peer.sendto(b"x", transport.get_extra_info("sockname"))
                assert await second.receive() == [b"x"]
            assert first.received == []

    run(main())
