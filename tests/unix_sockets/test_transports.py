"""Transports over Unix sockets: their names, their data, their end."""

import array
import asyncio
import os
import socket
import sys

import pytest
from network.peers import MORE_THAN_THE_KERNEL_TAKES, Recorder, patterned, read_to_end


@pytest.fixture
def connection(loop, serve, path):
    """Connects two transports: returns (server, its protocol, the client's protocol)."""

    async def connect(**options):
        server, protocols = await serve(path)
        _, client = await loop.create_unix_connection(Recorder, path, **options)
        while not protocols:
            await asyncio.sleep(0)
        await protocols[0].made
        return server, protocols[0], client

    return connect


async def all_closed(server, *protocols):
    for protocol in protocols:
        protocol.transport.close()
        await protocol.lost
    server.close()
    await server.wait_closed()


def test_names_of_both_ends(run, connection, path):
    async def main():
        server, accepted, client = await connection()
        for _ in range(2):
            assert client.transport.get_extra_info("peername") == path
            assert client.transport.get_extra_info("sockname") == ""
            assert accepted.transport.get_extra_info("peername") == ""
            assert accepted.transport.get_extra_info("sockname") == path
            # The names stay when the connection has gone.
            await all_closed(server, accepted, client)

    run(main())


def test_names_nobody_asked_for_before_the_end(run, connection, path):
    async def main():
        server, accepted, client = await connection()
        await all_closed(server, accepted, client)
        assert client.transport.get_extra_info("peername") == path
        assert accepted.transport.get_extra_info("peername") == ""
        assert accepted.transport.get_extra_info("sockname") == path

    run(main())


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="abstract names are a feature of Linux"
)
@pytest.mark.parametrize("prefix", ["\0", ""], ids=["abstract", "file"])
def test_name_of_a_client_that_has_one(run, loop, serve, path, prefix):
    name = f"{prefix}{path}-client"
    expected = os.fsencode(name) if prefix else name

    async def main():
        server, protocols = await serve(path)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.bind(name)
        sock.connect(path)
        _, client = await loop.create_unix_connection(Recorder, sock=sock)
        while not protocols:
            await asyncio.sleep(0)
        await protocols[0].made
        assert protocols[0].transport.get_extra_info("peername") == expected
        assert client.transport.get_extra_info("sockname") == expected
        await all_closed(server, client, protocols[0])

    run(main())


def test_socket_in_extra_info(run, connection):
    async def main():
        server, accepted, client = await connection()
        for protocol in (accepted, client):
            sock = protocol.transport.get_extra_info("socket")
            assert type(sock) is asyncio.trsock.TransportSocket
            assert (sock.family, sock.type) == (socket.AF_UNIX, socket.SOCK_STREAM)
        await all_closed(server, accepted, client)

    run(main())


def test_more_than_the_kernel_takes_in_both_directions(run, connection):
    data = patterned(MORE_THAN_THE_KERNEL_TAKES)

    async def main():
        server, accepted, client = await connection()
        accepted.transport.write(data)
        client.transport.write(data[::-1])
        assert await client.receive(len(data)) == data
        assert await accepted.receive(len(data)) == data[::-1]
        await all_closed(server, accepted, client)

    run(main())


def test_half_close(run, loop, path, serve):
    class KeepsOpen(Recorder):
        def eof_received(self):
            super().eof_received()
            return True

    async def main():
        near, far = socket.socketpair()
        with far:
            far.setblocking(False)
            transport, protocol = await loop.create_unix_connection(KeepsOpen, sock=near)
            far.shutdown(socket.SHUT_WR)
            await protocol.ended
            transport.write(b"still here")
            transport.write_eof()
            assert await read_to_end(loop, far) == b"still here"
            assert not transport.is_closing()
            transport.close()
            assert await protocol.lost is None

    run(main())


def test_reading_goes_on_behind_a_message_with_descriptors(run, loop):
    # The kernel ends a read there although more data waits.
    async def main():
        near, far = socket.socketpair()
        reader, writer = os.pipe()
        with far:
            _, protocol = await loop.create_unix_connection(Recorder, sock=near)
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [reader]))
            far.sendmsg([b"with"], [rights])
            far.send(b"out")
            os.close(reader)
            os.close(writer)
            assert await protocol.receive(7) == b"without"
        assert await protocol.lost is None

    run(main())


def test_peer_that_is_gone_is_an_end_of_file(run, loop):
    async def main():
        near, far = socket.socketpair()
        transport, protocol = await loop.create_unix_connection(Recorder, sock=near)
        far.close()
        assert await protocol.lost is None
        assert protocol.calls == ["connection_made", "eof_received", "connection_lost"]

    run(main())


def test_writing_to_a_peer_that_is_gone_breaks_the_connection(run, loop):
    async def main():
        near, far = socket.socketpair()
        transport, protocol = await loop.create_unix_connection(Recorder, sock=near)
        transport.pause_reading()
        far.close()
        transport.write(b"x")
        assert isinstance(await protocol.lost, BrokenPipeError)

    run(main())


def test_streams_over_a_unix_socket(run, api, path):
    async def shout(reader, writer):
        async for line in reader:
            writer.write(line.upper())
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def main():
        server = await api.start_unix_server(shout, path)
        reader, writer = await api.open_unix_connection(path)
        writer.writelines([b"one\n", b"two\n"])
        writer.write_eof()
        assert await reader.read() == b"ONE\nTWO\n"
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    run(main())


def test_clients_keep_a_closed_server_waiting(run, connection):
    if sys.version_info < (3, 12):
        pytest.skip("until Python 3.11 Server.wait_closed() did not wait for the connections")

    async def main():
        server, accepted, client = await connection()
        server.close()
        waiting = asyncio.ensure_future(server.wait_closed())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
        client.transport.close()
        await waiting
        assert accepted.calls[-1] == "connection_lost"

    run(main())
