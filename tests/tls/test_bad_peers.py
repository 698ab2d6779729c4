"""Peers that speak something else, or nonsense, or break off: errors, and nothing left open."""

import asyncio
import socket
import ssl

import pytest
from network.peers import reset, tcp_pair

from .peers import ALERT, opposite, secure, turns


@pytest.fixture
def attempt(loop, contexts, count_descriptors, remembered):
    """``await attempt(side, behave)``: what a handshake raised when its peer did ``behave(far)``.

    No protocol was told, and no descriptor is left when it returns.
    """

    async def run_attempt(side, behave):
        before = count_descriptors()
        near, far = tcp_pair()
        with far:
            connecting = asyncio.ensure_future(secure(loop, near, remembered, contexts, side))
            await behave(far)
            with pytest.raises(OSError) as info:
                await connecting
            await turns(2)
            assert near.fileno() == -1
        assert [protocol.calls for protocol in remembered] == [[]]
        assert count_descriptors() == before
        return info.value

    return run_attempt


@pytest.mark.parametrize(
    ("words", "reasons"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", {"HTTP_REQUEST"}),
        (b"220 smtp.example ESMTP ready when you are\r\n", {"WRONG_VERSION_NUMBER"}),
        (bytes(100), {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"}),
    ],
    ids=["http", "smtp", "zeros"],
)
def test_plain_text_sent_to_a_server_of_tls(run, loop, attempt, reported, words, reasons):
    async def main():
        error = await attempt("server", lambda far: loop.sock_sendall(far, words))
        assert type(error) is ssl.SSLError
        assert error.reason in reasons

    run(main())


def test_tls_spoken_to_a_server_of_plain_text(run, loop, attempt, reported):
    async def answers(far):
        assert (await loop.sock_recv(far, 1000))[:1] == b"\x16"
        await loop.sock_sendall(far, b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async def main():
        error = await attempt("client", answers)
        assert type(error) is ssl.SSLError
        assert error.reason == "WRONG_VERSION_NUMBER"

    run(main())


def test_an_alert_instead_of_an_answer(run, loop, attempt, reported):
    async def refuses(far):
        await loop.sock_recv(far, 1000)
        await loop.sock_sendall(far, ALERT + b"\x03\x03\x00\x02\x02\x28")

    async def main():
        error = await attempt("client", refuses)
        assert type(error) is ssl.SSLError
        assert "ALERT_HANDSHAKE_FAILURE" in error.reason

    run(main())


def test_a_peer_that_hangs_up_before_the_handshake(run, attempt, side, reported):
    async def hangs_up(far):
        far.shutdown(socket.SHUT_WR)

    async def main():
        error = await attempt(side, hangs_up)
        assert type(error) is ConnectionResetError
        assert error.args == ()

    run(main())


def test_a_peer_that_hangs_up_in_the_middle(run, loop, contexts, attempt, side, reported):
    async def hangs_up(far):
        await begin(loop, far, contexts, side)
        far.shutdown(socket.SHUT_WR)

    async def main():
        error = await attempt(side, hangs_up)
        assert type(error) is ConnectionResetError
        assert error.args == ()

    run(main())


async def begin(loop, far, contexts, side):
    """Send the first flight of a peer's handshake and no more."""
    peer = opposite(loop, far, contexts, side)
    if side == "client":
        peer._incoming.write(await loop.sock_recv(far, 64 * 1024))
    with pytest.raises(ssl.SSLWantReadError):
        peer.object.do_handshake()
    flight = peer._outgoing.read()
    # Not all of a server's flight: the client could be content with it.
    await loop.sock_sendall(far, flight if side == "server" else flight[:-10])
    await turns(5)


def test_a_peer_that_resets_before_the_handshake(run, attempt, side, reported):
    async def resets(far):
        await turns(3)
        reset(far)

    async def main():
        error = await attempt(side, resets)
        assert type(error) is ConnectionResetError

    run(main())


def test_a_peer_that_resets_in_the_middle(run, loop, contexts, attempt, side, reported):
    async def resets(far):
        await begin(loop, far, contexts, side)
        reset(far)

    async def main():
        error = await attempt(side, resets)
        assert type(error) is ConnectionResetError

    run(main())


def test_a_corrupted_handshake(run, loop, contexts, attempt, side, reported):
    async def corrupts(far):
        peer = opposite(loop, far, contexts, side)
        if side == "client":
            peer._incoming.write(await loop.sock_recv(far, 64 * 1024))
        with pytest.raises(ssl.SSLWantReadError):
            peer.object.do_handshake()
        flight = bytearray(peer._outgoing.read())
        # Within the first message: its length, kind or version become nonsense.
        flight[5:12] = b"\xff" * 7
        await loop.sock_sendall(far, flight)

    async def main():
        error = await attempt(side, corrupts)
        assert isinstance(error, ssl.SSLError)

    run(main())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda record: record[:-1] + bytes([record[-1] ^ 1]),
        lambda record: record[:10] + bytes([record[10] ^ 0x80]) + record[11:],
    ],
    ids=["tag", "text"],
)
def test_a_corrupted_record(run, wired, side, reported, spoil):
    async def main():
        async with wired(side) as (transport, protocol, peer):
            await peer.send(b"sound")
            await protocol.receive(5)
            record = peer.encrypt(b"spoiled on the way")
            await peer.loop.sock_sendall(peer.sock, spoil(record))
            lost = await protocol.lost
            assert type(lost) is ssl.SSLError
            # OpenSSL has changed its word for it.
            words = {"DECRYPTION_FAILED_OR_BAD_RECORD_MAC", "RECORD_LAYER_FAILURE"}
            assert lost.reason in words
            assert protocol.received == b"sound"
            assert protocol.calls == ["connection_made", "data_received", "connection_lost"]
            assert transport.is_closing()

    run(main())


def test_sound_data_before_a_corrupted_record_is_not_delivered_with_it(run, wired, reported):
    # asyncio collects what it decrypts and gives it away at the end: an error comes first.
    async def main():
        async with wired() as (_, protocol, peer):
            record = bytearray(peer.encrypt(b"sound") + peer.encrypt(b"spoiled"))
            record[-1] ^= 1
            await peer.loop.sock_sendall(peer.sock, record)
            assert type(await protocol.lost) is ssl.SSLError
            assert protocol.calls == ["connection_made", "connection_lost"]

    run(main())


def test_plain_text_after_the_handshake(run, wired, side, reported):
    async def main():
        async with wired(side) as (_, protocol, peer):
            await peer.loop.sock_sendall(peer.sock, b"this is no record at all")
            lost = await protocol.lost
            assert type(lost) is ssl.SSLError
            assert protocol.calls == ["connection_made", "connection_lost"]

    run(main())


def test_garbage_on_a_server_does_not_disturb_other_clients(run, loop, contexts, reported):
    async def echo(reader, writer):
        writer.write(await reader.readexactly(1))
        await reader.read()
        writer.close()
        await writer.wait_closed()

    async def main():
        server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=contexts[0])
        address = server.sockets[0].getsockname()
        for words in (b"\r\n\r\n", bytes(50), b"\x16\x03\x01\xff\xff" * 10):
            with socket.create_connection(address) as client:
                client.sendall(words)
                await turns(3)
        reader, writer = await asyncio.open_connection(
            *address, ssl=contexts[1], server_hostname="localhost"
        )
        writer.write(b"x")
        assert await reader.readexactly(1) == b"x"
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    run(main())
