"""The peer is a blocking ssl.SSLSocket in a thread of its own: a finished implementation."""

import asyncio
import socket
import threading

import pytest
from network.peers import Recorder, patterned, tcp_pair

from .peers import finish, secure

SECONDS = 20


@pytest.fixture
def contexts(certificates, version):
    return certificates.server_context(version=version), certificates.client_context(version)


@pytest.fixture
def threaded(loop, contexts):
    """``talking = threaded(side, sock, talk)``: run talk(tls_socket) against a loop's side."""
    threads = []

    def start(side, sock, talk):
        outcome = loop.create_future()

        def work():
            try:
                sock.settimeout(SECONDS)
                if side == "client":
                    wrapped = contexts[0].wrap_socket(sock, server_side=True)
                else:
                    wrapped = contexts[1].wrap_socket(sock, server_hostname="localhost")
                with wrapped:
                    result = talk(wrapped)
            except BaseException as exc:
                loop.call_soon_threadsafe(outcome.set_exception, exc)
            else:
                loop.call_soon_threadsafe(outcome.set_result, result)

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        return outcome

    yield start
    for thread in threads:
        thread.join(SECONDS)
        assert not thread.is_alive()


def read_exactly(sock, count):
    received = bytearray()
    while len(received) < count:
        received += sock.recv(count - len(received))
    return bytes(received)


@pytest.mark.parametrize("size", [1, 1000, 100_000, 2 * 1024 * 1024])
def test_echo(run, loop, contexts, threaded, side, size):
    data = patterned(size)

    def echo(sock):
        sock.sendall(read_exactly(sock, size))
        sock.unwrap().close()

    async def main():
        near, far = tcp_pair()
        talking = threaded(side, far, echo)
        transport, protocol = await secure(loop, near, Recorder, contexts, side)
        transport.write(data)
        assert await protocol.receive(size) == data
        assert await protocol.lost is None
        assert protocol.calls[-2:] == ["eof_received", "connection_lost"]
        await talking

    run(main(), deadline=25)


def test_the_loop_says_goodbye_first(run, loop, contexts, threaded, side):
    def wait_for_goodbye(sock):
        assert sock.recv(100) == b"goodbye"
        assert sock.recv(100) == b""
        sock.unwrap().close()

    async def main():
        near, far = tcp_pair()
        talking = threaded(side, far, wait_for_goodbye)
        transport, protocol = await secure(loop, near, Recorder, contexts, side)
        transport.write(b"goodbye")
        transport.close()
        await talking
        assert await protocol.lost is None

    run(main())


def test_a_peer_that_only_closes_its_socket(run, loop, contexts, threaded, side):
    def drop(sock):
        # Closed with something unread (tickets of TLS 1.3, say), a socket is reset.
        assert sock.recv(1) == b"x"
        sock.sendall(b"last words")

    async def main():
        near, far = tcp_pair()
        talking = threaded(side, far, drop)
        transport, protocol = await secure(loop, near, Recorder, contexts, side)
        transport.write(b"x")
        assert await protocol.lost is None
        assert protocol.received == b"last words"
        await talking

    run(main())


def test_a_server_for_blocking_clients(run, loop, contexts, certificates, version):
    def visit(number, address):
        context = certificates.client_context(version)
        with socket.create_connection(address, timeout=SECONDS) as raw:
            with context.wrap_socket(raw, server_hostname="localhost") as sock:
                sock.sendall(b"%02d" % number)
                return int(read_exactly(sock, 2))

    async def main():
        async def echo(reader, writer):
            writer.write(await reader.readexactly(2))
            await reader.read()
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=contexts[0])
        address = server.sockets[0].getsockname()
        visits = [asyncio.to_thread(visit, number, address) for number in range(8)]
        assert await asyncio.gather(*visits) == list(range(8))
        server.close()
        await server.wait_closed()

    run(main(), deadline=25)


def test_a_peer_that_reads_in_small_pieces(run, loop, contexts, threaded):
    data = patterned(300_000)

    def slowly(sock):
        received = bytearray()
        while len(received) < len(data):
            received += sock.recv(1000)
        sock.sendall(bytes(received))
        sock.unwrap().close()

    async def main():
        near, far = tcp_pair()
        talking = threaded("client", far, slowly)
        transport, protocol = await secure(loop, near, Recorder, contexts, "client")
        transport.write(data)
        assert await protocol.receive(len(data)) == data
        await talking
        await finish(protocol)

    run(main(), deadline=25)
