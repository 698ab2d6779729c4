"""create_datagram_endpoint: its arguments, what it opens, and what it says of mistakes."""

import asyncio
import gc
import os
import re
import socket
import sys

import pytest

from .peers import Recorder, bare, endpoint, everything_logged, unused_address


@pytest.mark.parametrize(
    ("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)]
)
def test_bound_endpoint(run, loop, host, family):
    async def main():
        async with endpoint(loop, local_addr=(host, 0)) as (transport, protocol):
            assert protocol.calls == ["connection_made"]
            assert protocol.transport is transport
            sock = transport.get_extra_info("socket")
            assert sock.family == family
            assert sock.type == socket.SOCK_DGRAM
            assert sock.gettimeout() == 0
            assert transport.get_extra_info("sockname")[0] == host
            assert transport.get_extra_info("peername") is None

    run(main())


def test_connected_endpoint(run, loop):
    async def main():
        with bare() as peer:
            async with endpoint(loop, remote_addr=peer.getsockname()) as (transport, _):
                assert transport.get_extra_info("peername") == peer.getsockname()
                transport.sendto(b"x")
                assert peer.recvfrom(10) == (b"x", transport.get_extra_info("sockname"))

    run(main())


def test_bound_and_connected_endpoint(run, loop):
    async def main():
        local = unused_address()
        with bare() as peer:
            async with endpoint(loop, local_addr=local, remote_addr=peer.getsockname()) as (
                transport,
                _,
            ):
                assert transport.get_extra_info("sockname") == local
                assert transport.get_extra_info("peername") == peer.getsockname()

    run(main())


def test_endpoint_that_is_not_bound(run, loop):
    async def main():
        async with endpoint(loop, family=socket.AF_INET) as (transport, _):
            assert transport.get_extra_info("sockname") == ("0.0.0.0", 0)
            with bare() as peer:
                transport.sendto(b"x", peer.getsockname())
                assert peer.recv(10) == b"x"

    run(main())


def test_name_is_resolved(run, loop):
    async def main():
        async with endpoint(loop, local_addr=("localhost", 0), family=socket.AF_INET) as (
            transport,
            _,
        ):
            assert transport.get_extra_info("sockname")[0] == "127.0.0.1"

    run(main())


def test_factory_is_called_once_the_socket_is_open(run, loop):
    async def main():
        with bare() as taken:
            with pytest.raises(OSError, match="Address already in use"):
                await loop.create_datagram_endpoint(
                    lambda: pytest.fail("called"), local_addr=taken.getsockname()
                )

    run(main())


def test_factory_that_raises_leaves_the_callers_socket_open(run, loop):
    def fail():
        raise ArithmeticError("in the factory")

    async def main():
        with bare() as sock:
            with pytest.raises(ArithmeticError, match="^in the factory$"):
                await loop.create_datagram_endpoint(fail, sock=sock)
            assert sock.fileno() != -1

    run(main())


# The standard library leaves it to the collector.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_factory_that_raises_leaves_no_socket_open(run, loop):
    def fail():
        raise ArithmeticError("in the factory")

    with pytest.raises(ArithmeticError, match="^in the factory$"):
        run(loop.create_datagram_endpoint(fail, local_addr=("127.0.0.1", 0)))
    gc.collect()


def test_socket_of_the_callers(run, loop):
    async def main():
        sock = bare()
        address = sock.getsockname()
        async with endpoint(loop, sock=sock) as (transport, protocol):
            assert sock.gettimeout() == 0
            assert transport.get_extra_info("sockname") == address
            with bare() as peer:
                peer.sendto(b"x", address)
                assert await protocol.receive() == [b"x"]
        assert sock.fileno() == -1

    run(main())


def test_connected_socket_of_the_callers(run, loop):
    async def main():
        with bare() as peer:
            sock = bare()
            sock.connect(peer.getsockname())
            async with endpoint(loop, sock=sock) as (transport, _):
                transport.sendto(b"x")
                assert peer.recv(10) == b"x"
                assert transport.get_extra_info("peername") == peer.getsockname()

    run(main())


def test_stream_socket_is_refused(run, loop):
    what = "A datagram socket" if sys.version_info >= (3, 13) else "A UDP Socket"

    async def main():
        with socket.socket() as sock:
            expected = re.escape(f"{what} was expected, got {sock!r}")
            with pytest.raises(ValueError, match=f"^{expected}$"):
                await loop.create_datagram_endpoint(Recorder, sock=sock)

    run(main())


@pytest.mark.parametrize(
    "modifier",
    [
        {"local_addr": ("127.0.0.1", 0)},
        {"remote_addr": ("127.0.0.1", 1)},
        {"family": socket.AF_INET},
        {"proto": 17},
        {"flags": 1},
        {"reuse_port": True},
        {"allow_broadcast": True},
    ],
    ids=lambda modifier: next(iter(modifier)),
)
def test_socket_and_modifier_exclude_each_other(run, loop, modifier):
    async def main():
        ((name, value),) = modifier.items()
        with bare() as sock:
            with pytest.raises(ValueError) as caught:
                await loop.create_datagram_endpoint(Recorder, sock=sock, **modifier)
            assert str(caught.value) == (
                "socket modifier keyword arguments can not be used when sock is specified. "
                f"({name}={value})"
            )
            assert sock.gettimeout() == 10

    run(main())


def test_all_modifiers_are_named(run, loop):
    async def main():
        with bare() as sock:
            with pytest.raises(ValueError, match=r"\(family=2, reuse_port=True\)$"):
                await loop.create_datagram_endpoint(Recorder, sock=sock, family=2, reuse_port=True)

    run(main())


def test_neither_address_nor_family(run, loop):
    with pytest.raises(ValueError, match="^unexpected address family$"):
        run(loop.create_datagram_endpoint(Recorder))


@pytest.mark.parametrize("name", ["local_addr", "remote_addr"])
@pytest.mark.parametrize(
    "address", ["127.0.0.1", ("127.0.0.1",), ["127.0.0.1", 0], ("::1", 0, 0, 0)]
)
def test_address_must_be_a_pair(run, loop, name, address):
    with pytest.raises(TypeError, match="^2-tuple is expected$"):
        run(loop.create_datagram_endpoint(Recorder, **{name: address}))


def test_addresses_of_different_families(run, loop):
    with pytest.raises(ValueError, match="^can not get address information$"):
        run(
            loop.create_datagram_endpoint(
                Recorder, local_addr=("127.0.0.1", 0), remote_addr=("::1", 1)
            )
        )


def test_name_without_an_address(run, loop):
    async def main():
        async def nothing(*args, **kwargs):
            return []

        loop.getaddrinfo = nothing
        with pytest.raises(OSError, match=r"^getaddrinfo\(\) returned empty list$"):
            await loop.create_datagram_endpoint(Recorder, local_addr=("nowhere", 0))

    run(main())


def test_addresses_are_tried_in_order(run, loop):
    async def main():
        with bare() as taken:
            port = taken.getsockname()[1]
            free = ("127.0.0.1", 0)

            async def several(host, *args, **kwargs):
                kind = socket.SOCK_DGRAM
                return [
                    (socket.AF_INET, kind, 0, "", ("127.0.0.1", port)),
                    (socket.AF_INET, kind, 17, "", free),
                ]

            loop.getaddrinfo = several
            async with endpoint(loop, local_addr=("name", 1)) as (transport, _):
                assert transport.get_extra_info("sockname")[1] != port

    run(main())


def test_failure_of_the_first_address_is_raised(run, loop):
    async def main():
        with bare() as taken, bare() as reserved:
            first = taken.getsockname()

            async def several(host, *args, **kwargs):
                kind = socket.SOCK_DGRAM
                return [
                    (socket.AF_INET, kind, 0, "", first),
                    (socket.AF_INET, kind, 17, "", reserved.getsockname()),
                    (socket.AF_INET6, kind, 17, "", ("127.0.0.1", 0)),
                ]

            loop.getaddrinfo = several
            with pytest.raises(OSError, match="Address already in use"):
                await loop.create_datagram_endpoint(Recorder, local_addr=("name", 1))

    run(main())


def test_reuse_port(run, loop):
    async def main():
        async with endpoint(loop, local_addr=("127.0.0.1", 0), reuse_port=True) as (first, _):
            address = first.get_extra_info("sockname")
            async with endpoint(loop, local_addr=address, reuse_port=True) as (second, _):
                assert second.get_extra_info("sockname") == address
                sock = second.get_extra_info("socket")
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)

    run(main())


def test_reuse_port_where_there_is_none(run, loop, monkeypatch):
    monkeypatch.delattr(socket, "SO_REUSEPORT")
    with pytest.raises(ValueError, match="^reuse_port not supported by socket module$"):
        run(loop.create_datagram_endpoint(Recorder, local_addr=("127.0.0.1", 0), reuse_port=True))


def test_broadcast_endpoint_is_not_connected(run, loop):
    async def main():
        with bare() as peer:
            address = peer.getsockname()
            async with endpoint(loop, remote_addr=address, allow_broadcast=True) as (transport, _):
                sock = transport.get_extra_info("socket")
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST)
                assert transport.get_extra_info("peername") is None
                transport.sendto(b"to the remote address")
                assert peer.recv(100) == b"to the remote address"
                transport.sendto(b"named", address)
                assert peer.recv(100) == b"named"
                with pytest.raises(ValueError, match="^Invalid address: must be None or "):
                    transport.sendto(b"elsewhere", ("127.0.0.1", 1))

    run(main())


def test_unix_endpoints(run, loop, tmp_path):
    async def main():
        path = str(tmp_path / "server")
        async with endpoint(loop, family=socket.AF_UNIX, local_addr=path) as (_, server):
            async with endpoint(
                loop,
                family=socket.AF_UNIX,
                local_addr=str(tmp_path / "client"),
                remote_addr=path,
            ) as (transport, client):
                transport.sendto(b"ping")
                assert await server.receive() == [b"ping"]
                sender = server.received[0][1]
                assert sender == str(tmp_path / "client")
                server.transport.sendto(b"pong", sender)
                assert await client.receive() == [b"pong"]

    run(main())


@pytest.mark.parametrize("name", ["local_addr", "remote_addr"])
def test_unix_address_must_be_a_string(run, loop, name):
    with pytest.raises(TypeError, match="^string is expected$"):
        run(
            loop.create_datagram_endpoint(
                Recorder, family=socket.AF_UNIX, **{name: ("127.0.0.1", 0)}
            )
        )


def test_socket_that_was_left_at_the_path_is_removed(run, loop, tmp_path):
    async def main():
        path = str(tmp_path / "left")
        bare(path, socket.AF_UNIX).close()
        async with endpoint(loop, family=socket.AF_UNIX, local_addr=path) as (transport, _):
            assert transport.get_extra_info("sockname") == path

    run(main())


def test_file_at_the_path_stays(run, loop, tmp_path):
    async def main():
        path = tmp_path / "file"
        path.write_text("precious")
        with pytest.raises(OSError, match="Address already in use"):
            await loop.create_datagram_endpoint(
                Recorder, family=socket.AF_UNIX, local_addr=str(path)
            )
        assert path.read_text() == "precious"

    run(main())


def test_path_that_cannot_be_looked_at(run, loop, tmp_path, logged):
    async def main():
        (tmp_path / "file").touch()
        path = str(tmp_path / "file" / "socket")
        with pytest.raises(NotADirectoryError):
            await loop.create_datagram_endpoint(Recorder, family=socket.AF_UNIX, local_addr=path)
        message = logged.take_one().getMessage()
        assert message.startswith(f"Unable to check or remove stale UNIX socket {path!r}: ")

    run(main())


@pytest.mark.skipif(sys.platform != "linux", reason="abstract names are Linux's")
def test_abstract_unix_name(run, loop):
    async def main():
        name = f"\0aioxide-test-{os.getpid()}"
        async with endpoint(loop, family=socket.AF_UNIX, local_addr=name) as (transport, protocol):
            assert transport.get_extra_info("sockname") == name.encode()
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
                peer.bind(name + "-peer")
                peer.sendto(b"x", name)
                assert await protocol.receive() == [b"x"]
                assert protocol.received[0][1] == f"{name}-peer".encode()
                transport.sendto(b"y", protocol.received[0][1])
                assert peer.recv(10) == b"y"

    run(main())


def test_path_that_is_too_long(run, loop, tmp_path):
    path = str(tmp_path / ("x" * 200))
    with pytest.raises(OSError, match="^AF_UNIX path too long$"):
        run(loop.create_datagram_endpoint(Recorder, family=socket.AF_UNIX, local_addr=path))


def test_cancelled_lookup_opens_nothing(run, loop):
    async def main():
        asked = loop.create_future()

        async def never(*args, **kwargs):
            asked.set_result(None)
            await loop.create_future()

        loop.getaddrinfo = never
        opening = loop.create_task(loop.create_datagram_endpoint(Recorder, local_addr=("name", 0)))
        await asked
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening

    run(main())


def test_cancelled_opening_closes_the_socket(run, loop):
    async def main():
        protocols = []

        def make():
            protocols.append(Recorder())
            return protocols[0]

        sock = bare()
        opening = loop.create_task(loop.create_datagram_endpoint(make, sock=sock))
        while not protocols:
            await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        assert await protocols[0].lost is None
        assert sock.fileno() == -1

    run(main())


def test_debug_mode_tells_of_endpoints(run, loop):
    async def main():
        loop.set_debug(True)
        with everything_logged() as messages:
            local = unused_address()
            async with endpoint(loop, local_addr=local) as (transport, protocol):
                remote = transport.get_extra_info("sockname")
                assert messages[-1] == (
                    "INFO",
                    f"Datagram endpoint local_addr={local!r} remote_addr=None created: "
                    f"({transport!r}, {protocol!r})".replace("read=polling", "read=idle"),
                )
            async with endpoint(loop, remote_addr=remote):
                level, message = messages[-1]
                assert level == "DEBUG"
                assert message.startswith(f"Datagram endpoint remote_addr={remote!r} created: (<")

    run(main())
