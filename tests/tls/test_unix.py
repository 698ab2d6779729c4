"""TLS over Unix sockets."""

import asyncio
import socket
import ssl

import pytest
from network.peers import Recorder


@pytest.fixture
def path(tmp_path, monkeypatch):
    """The path of a socket: short, because a Unix address holds 107 bytes."""
    monkeypatch.chdir(tmp_path)
    return "socket"


def test_a_conversation(run, loop, contexts, path):
    async def main():
        async def echo(reader, writer):
            assert writer.get_extra_info("sslcontext") is contexts[0]
            while data := await reader.read(65536):
                writer.write(data)
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_unix_server(echo, path, ssl=contexts[0])
        reader, writer = await asyncio.open_unix_connection(
            path, ssl=contexts[1], server_hostname="localhost"
        )
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        assert writer.get_extra_info("peername") == path
        assert writer.get_extra_info("ssl_object").server_hostname == "localhost"
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    run(main())


def test_over_a_socket_pair(run, loop, contexts):
    async def main():
        near, far = socket.socketpair()
        (_, client), (_, server) = await asyncio.gather(
            loop.create_unix_connection(
                Recorder, sock=near, ssl=contexts[1], server_hostname="localhost"
            ),
            loop.connect_accepted_socket(Recorder, far, ssl=contexts[0]),
        )
        client.transport.write(b"hello")
        assert await server.receive(5) == b"hello"
        client.transport.close()
        assert await server.lost is None
        assert await client.lost is None

    run(main())


def test_create_connection_over_a_socket_pair(run, loop, contexts):
    async def main():
        near, far = socket.socketpair()
        (_, client), (_, server) = await asyncio.gather(
            loop.create_connection(
                Recorder, sock=near, ssl=contexts[1], server_hostname="localhost"
            ),
            loop.connect_accepted_socket(Recorder, far, ssl=contexts[0]),
        )
        server.transport.write(b"hello")
        assert await client.receive(5) == b"hello"
        server.transport.close()
        assert await client.lost is None
        assert await server.lost is None

    run(main())


def test_a_client_needs_a_name(run, loop, contexts, path):
    async def main():
        text = "you have to pass server_hostname when using ssl"
        with pytest.raises(ValueError, match=f"^{text}$"):
            await loop.create_unix_connection(Recorder, path, ssl=contexts[1])

    run(main())


@pytest.mark.parametrize("name", ["ssl_handshake_timeout", "ssl_shutdown_timeout"])
def test_timeouts_without_tls(run, loop, path, name):
    async def main():
        with pytest.raises(ValueError, match=f"^{name} is only meaningful with ssl$"):
            await loop.create_unix_connection(Recorder, path, **{name: 1})
        with pytest.raises(ValueError, match=f"^{name} is only meaningful with ssl$"):
            await loop.create_unix_server(Recorder, path, **{name: 1})

    run(main())


def test_a_name_without_tls(run, loop, path):
    async def main():
        text = "server_hostname is only meaningful with ssl"
        with pytest.raises(ValueError, match=f"^{text}$"):
            await loop.create_unix_connection(Recorder, path, server_hostname="localhost")

    run(main())


@pytest.mark.parametrize("flag", [True, False])
def test_servers_want_a_context_not_a_flag(run, loop, path, flag):
    async def main():
        with pytest.raises(TypeError, match="^ssl argument must be an SSLContext or None$"):
            await loop.create_unix_server(Recorder, path, ssl=flag)

    run(main())


def test_a_certificate_that_does_not_verify(
    run, loop, certificates, contexts, path, count_descriptors, reported
):
    contexts[0].load_cert_chain(certificates.unknown)

    async def main():
        server = await loop.create_unix_server(Recorder, path, ssl=contexts[0])
        before = count_descriptors()
        with pytest.raises(ssl.SSLCertVerificationError):
            await loop.create_unix_connection(
                Recorder, path, ssl=contexts[1], server_hostname="localhost"
            )
        while count_descriptors() > before:
            await asyncio.sleep(0)
        server.close()
        await server.wait_closed()

    run(main())


def test_start_tls(run, loop, contexts):
    async def main():
        near, far = socket.socketpair()
        ends = [
            await loop.create_unix_connection(Recorder, sock=near),
            await loop.create_unix_connection(Recorder, sock=far),
        ]
        client, server = await asyncio.gather(
            loop.start_tls(*ends[0], contexts[1], server_hostname="localhost"),
            loop.start_tls(*ends[1], contexts[0], server_side=True),
        )
        client.write(b"hello")
        assert await ends[1][1].receive(5) == b"hello"
        server.close()
        for _, protocol in ends:
            assert await protocol.lost is None

    run(main())
