"""What a transport tells about itself: get_extra_info, repr, its socket's options."""

import asyncio
import re
import socket
import sys
from contextlib import asynccontextmanager

import pytest

from .peers import MORE_THAN_THE_KERNEL_TAKES, Recorder, patterned, read_to_end, tcp_pair, wired


@asynccontextmanager
async def accepted_connection(loop):
    """A server's only connection: its protocol there, the server's address, the client."""
    made = loop.create_future()

    class Accepted(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            made.set_result(self)

    server = await loop.create_server(Accepted, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    with socket.create_connection(address) as client:
        accepted = await made
        yield accepted, address, client
    await accepted.lost
    server.close()
    await server.wait_closed()


def test_extra_info_of_a_tcp_connection(run, loop):
    async def main():
        async with wired(loop) as (transport, _, peer):
            assert transport.get_extra_info("sockname") == peer.getpeername()
            assert transport.get_extra_info("peername") == peer.getsockname()

    run(main())


@pytest.mark.parametrize("name", ["no such thing", "sslcontext", "peercert", None])
def test_unknown_extra_info_is_the_default(run, loop, name):
    async def main():
        async with wired(loop) as (transport, _, _):
            assert transport.get_extra_info(name) is None
            assert transport.get_extra_info(name, "default") == "default"
            assert transport.get_extra_info(name, default=7) == 7

    run(main())


def test_known_extra_info_ignores_the_default(run, loop):
    async def main():
        async with wired(loop) as (transport, _, peer):
            assert transport.get_extra_info("peername", "default") == peer.getsockname()

    run(main())


def test_socket_in_extra_info_is_guarded(run, loop):
    async def main():
        async with wired(loop) as (transport, _, peer):
            sock = transport.get_extra_info("socket")
            assert type(sock).__module__ == "asyncio.trsock"
            assert sock.family == socket.AF_INET
            assert sock.type == socket.SOCK_STREAM
            assert sock.getsockname() == peer.getpeername()
            assert sock.getpeername() == peer.getsockname()
            assert sock.gettimeout() == 0
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            for dangerous in ("close", "recv", "send", "detach"):
                assert not hasattr(sock, dangerous)

    run(main())


def test_accepted_connection_has_addresses_too(run, loop):
    async def main():
        async with accepted_connection(loop) as (accepted, address, client):
            assert accepted.transport.get_extra_info("sockname") == address
            assert accepted.transport.get_extra_info("peername") == client.getsockname()

    run(main())


def test_extra_info_survives_the_connection(run, loop):
    async def main():
        async with wired(loop) as (transport, protocol, peer):
            name = peer.getsockname()
            transport.close()
            await protocol.lost
            assert transport.get_extra_info("peername") == name
            assert transport.get_extra_info("socket").fileno() == -1

    run(main())


def test_addresses_of_an_accepted_connection_survive_it(run, loop):
    async def main():
        async with accepted_connection(loop) as (accepted, address, client):
            peername = client.getsockname()
            client.close()
            await accepted.lost
            await asyncio.sleep(0)
            assert accepted.transport.get_extra_info("sockname") == address
            assert accepted.transport.get_extra_info("peername") == peername

    run(main())


def test_addresses_can_be_asked_for_while_the_protocol_goes(run, loop):
    async def main():
        names = loop.create_future()

        class Forgotten(asyncio.Protocol):
            def connection_made(self, transport):
                self.transport = transport

            def __del__(self):
                info = self.transport.get_extra_info
                names.set_result((info("sockname"), info("peername")))

        server = await loop.create_server(Forgotten, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        with socket.create_connection(address) as client:
            peername = client.getsockname()
        assert await names == (address, peername)
        server.close()
        await server.wait_closed()

    run(main())


def test_peername_is_none_when_the_peer_is_gone_already(run, loop):
    async def main():
        near, far = socket.socketpair()
        far.close()
        transport, protocol = await loop.create_connection(Recorder, sock=near)
        assert transport.get_extra_info("peername") in (None, "")
        await protocol.lost

    run(main())


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_small_writes_are_not_delayed(run, loop, host):
    async def main():
        near, far = tcp_pair(host)
        with far:
            assert near.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0
            transport, protocol = await loop.create_connection(Recorder, sock=near)
            assert near.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
            transport.close()
            await protocol.lost

    run(main())


@pytest.mark.parametrize("listener", ["made by the loop", "the caller's"])
def test_small_writes_of_accepted_connections_are_not_delayed(run, loop, listener):
    async def main():
        options = loop.create_future()

        class Accepted(Recorder):
            def connection_made(self, transport):
                super().connection_made(transport)
                sock = transport.get_extra_info("socket")
                options.set_result(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
                transport.close()

        if listener == "made by the loop":
            server = await loop.create_server(Accepted, "127.0.0.1", 0)
        else:
            # asyncio asks for the protocol's number, which is 0 if it was not given.
            bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            bound.bind(("127.0.0.1", 0))
            server = await loop.create_server(Accepted, sock=bound)
        with socket.create_connection(server.sockets[0].getsockname()) as client:
            client.setblocking(False)
            assert await options != 0
            await read_to_end(loop, client)
        server.close()
        await server.wait_closed()

    run(main())


def test_repr_follows_the_life_of_the_transport(run, loop):
    def shape(transport):
        return re.sub(r"^<\w+", "<Transport", repr(transport))

    async def main():
        async with wired(loop) as (transport, protocol, peer):
            number = transport.get_extra_info("socket").fileno()
            idle = "write=<idle, bufsize=0>"
            assert shape(transport) == f"<Transport fd={number} read=polling {idle}>"
            transport.pause_reading()
            assert shape(transport) == f"<Transport fd={number} read=idle {idle}>"
            transport.resume_reading()
            transport.write(patterned(MORE_THAN_THE_KERNEL_TAKES))
            waiting = f"write=<polling, bufsize={transport.get_write_buffer_size()}>"
            assert shape(transport) == f"<Transport fd={number} read=polling {waiting}>"
            transport.close()
            assert shape(transport) == f"<Transport closing fd={number} read=idle {waiting}>"
            await read_to_end(loop, peer)
            await protocol.lost
            assert shape(transport) == f"<Transport closed fd={number}>"

    run(main())


@pytest.mark.skipif(
    sys.version_info < (3, 12), reason="until 3.11 two transports could share a descriptor"
)
def test_one_socket_cannot_have_two_transports(run, loop):
    async def main():
        near, far = tcp_pair()
        with far:
            transport, protocol = await loop.create_connection(Recorder, sock=near)
            expected = f"File descriptor {near!r} is used by transport {transport!r}"
            with pytest.raises(RuntimeError) as info:
                await loop.create_connection(Recorder, sock=near)
            assert str(info.value) == expected
            # Since 3.14 a socket that gets no transport is closed, whoever else uses it.
            assert (near.fileno() == -1) is (sys.version_info >= (3, 14))
            transport.close()
            await protocol.lost

    run(main())
