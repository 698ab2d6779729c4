"""open_connection, start_server and StreamWriter.start_tls over TLS."""

import asyncio
import contextlib
import socket
import ssl

import pytest
from network.peers import MORE_THAN_THE_KERNEL_TAKES, patterned, tcp_pair

from .peers import opposite


@pytest.fixture
def contexts(certificates, version):
    return certificates.server_context(version=version), certificates.client_context(version)


@pytest.fixture
def conversation(api, contexts):
    """``async with conversation(handler) as (reader, writer)``: a client and its server."""

    @contextlib.asynccontextmanager
    async def converse(handler, *, secure=True):
        finished = asyncio.get_running_loop().create_future()

        async def handle(reader, writer):
            try:
                await handler(reader, writer)
                writer.close()
                await writer.wait_closed()
            except BaseException as exc:
                finished.set_exception(exc)
            else:
                finished.set_result(None)

        server = await api.start_server(handle, "127.0.0.1", 0, ssl=contexts[0] if secure else None)
        options = {"ssl": contexts[1], "server_hostname": "localhost"} if secure else {}
        reader, writer = await api.open_connection(*server.sockets[0].getsockname(), **options)
        try:
            yield reader, writer
        finally:
            writer.close()
            await writer.wait_closed()
            await finished
            server.close()
            await server.wait_closed()

    return converse


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


def test_echo(run, conversation):
    async def main():
        async with conversation(echo) as (reader, writer):
            for message in (b"one", b"two", b"three"):
                writer.write(message)
                await writer.drain()
                assert await reader.readexactly(len(message)) == message

    run(main())


def test_lines(run, conversation):
    async def speak(reader, writer):
        writer.writelines([b"first\nsec", b"ond\nrest"])

    async def main():
        async with conversation(speak) as (reader, _):
            assert [line async for line in reader] == [b"first\n", b"second\n", b"rest"]
            assert reader.at_eof()

    run(main())


def test_reading_until_the_goodbye(run, conversation):
    data = patterned(MORE_THAN_THE_KERNEL_TAKES)

    async def speak(reader, writer):
        writer.write(data)
        await writer.drain()

    async def main():
        async with conversation(speak) as (reader, _):
            assert await reader.read() == data

    run(main(), deadline=25)


def test_a_large_transfer_with_drain(run, conversation):
    data = patterned(MORE_THAN_THE_KERNEL_TAKES)

    async def main():
        async with conversation(echo) as (reader, writer):

            async def send():
                for at in range(0, len(data), 100_000):
                    writer.write(data[at : at + 100_000])
                    await writer.drain()

            sending = asyncio.ensure_future(send())
            assert await reader.readexactly(len(data)) == data
            await sending

    run(main(), deadline=25)


def test_streams_cannot_be_half_closed(run, conversation):
    async def main():
        async with conversation(echo) as (_, writer):
            assert writer.can_write_eof() is False
            with pytest.raises(NotImplementedError):
                writer.write_eof()

    run(main())


def test_extra_info(run, conversation, contexts):
    async def main():
        async with conversation(echo) as (_, writer):
            assert writer.get_extra_info("sslcontext") is contexts[1]
            assert writer.get_extra_info("ssl_object").server_hostname == "localhost"
            assert ("DNS", "localhost") in writer.get_extra_info("peercert")["subjectAltName"]

    run(main())


def test_the_name_of_the_host_is_the_one_compared(run, contexts, api):
    async def main():
        server = await api.start_server(echo, "127.0.0.1", 0, ssl=contexts[0])
        port = server.sockets[0].getsockname()[1]
        reader, writer = await api.open_connection(
            "localhost", port, ssl=contexts[1], family=socket.AF_INET
        )
        assert writer.get_extra_info("ssl_object").server_hostname == "localhost"
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    run(main())


def test_a_reader_that_does_not_read_holds_the_sender_back(run, conversation):
    async def main():
        go_on = asyncio.Event()
        received = []

        async def listens_late(reader, writer):
            await go_on.wait()
            while piece := await reader.read(64 * 1024):
                received.append(len(piece))

        async with conversation(listens_late) as (_, writer):
            for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, option, 65536)
            sent = 0
            while True:
                writer.write(bytes(256 * 1024))
                sent += 256 * 1024
                draining = asyncio.ensure_future(writer.drain())
                await asyncio.wait([draining], timeout=0.02)
                if not draining.done():
                    break
                assert sent < 64 * 1024 * 1024, "never held back"
            go_on.set()
            await draining
        assert sum(received) == sent

    run(main(), deadline=25)


def test_upgrading_both_ends(run, conversation, contexts):
    async def serve(reader, writer):
        assert await reader.readline() == b"STARTTLS\n"
        writer.write(b"go\n")
        await writer.start_tls(contexts[0])
        assert writer.get_extra_info("sslcontext") is contexts[0]
        writer.write(b"you said " + await reader.readline())
        await writer.drain()
        # The client says goodbye.
        assert await reader.read() == b""

    async def main():
        async with conversation(serve, secure=False) as (reader, writer):
            assert writer.get_extra_info("sslcontext") is None
            writer.write(b"STARTTLS\n")
            assert await reader.readline() == b"go\n"
            before = writer.transport
            await writer.start_tls(contexts[1], server_hostname="localhost")
            assert writer.transport is not before
            assert writer.get_extra_info("ssl_object").server_hostname == "localhost"
            writer.write(b"hello\n")
            assert await reader.readline() == b"you said hello\n"
            assert writer.can_write_eof() is False

    run(main())


def test_upgrading_to_a_certificate_that_does_not_verify(run, loop, certificates, contexts, api):
    contexts[0].load_cert_chain(certificates.unknown)

    async def main():
        near, far = tcp_pair()
        with far:
            reader, writer = await api.open_connection(sock=near)
            peer = opposite(loop, far, contexts, "client")
            shaking = asyncio.ensure_future(peer.handshake())
            with pytest.raises(ssl.SSLCertVerificationError):
                await writer.start_tls(contexts[1], server_hostname="localhost")
            assert writer.is_closing()
            with pytest.raises(ssl.SSLCertVerificationError):
                await reader.read()
            with pytest.raises(ssl.SSLCertVerificationError):
                await writer.wait_closed()
            await asyncio.gather(shaking, return_exceptions=True)

    run(main())


def test_upgrading_waits_for_the_buffer(run, loop, contexts, api):
    data = patterned(MORE_THAN_THE_KERNEL_TAKES)

    async def main():
        near, far = tcp_pair()
        with far:
            _, writer = await api.open_connection(sock=near)
            writer.write(data)
            upgrading = asyncio.ensure_future(
                writer.start_tls(contexts[1], server_hostname="localhost")
            )
            received = bytearray()
            while len(received) < len(data):
                received += await loop.sock_recv(far, min(65536, len(data) - len(received)))
            assert received == data
            peer = opposite(loop, far, contexts, "client")
            await peer.handshake()
            await upgrading
            writer.write(b"secret")
            assert await peer.receive(6) == b"secret"
            writer.close()
            await peer.unwrap()
            await writer.wait_closed()

    run(main(), deadline=25)


def test_refused_at_open_connection(run, loop, certificates, contexts, count_descriptors, api):
    contexts[0].load_cert_chain(certificates.expired)

    async def main():
        server = await api.start_server(echo, "127.0.0.1", 0, ssl=contexts[0])
        before = count_descriptors()
        with pytest.raises(ssl.SSLCertVerificationError, match="certificate has expired"):
            await api.open_connection(
                *server.sockets[0].getsockname(), ssl=contexts[1], server_hostname="localhost"
            )
        while count_descriptors() > before:
            await asyncio.sleep(0)
        server.close()
        await server.wait_closed()

    run(main())
