"""Sockets of classes of their own: their methods make the system calls."""

import asyncio
import socket

import pytest

from .peers import Recorder, patterned, tcp_pair


class Recording(socket.socket):
    """Writes down which of its methods were called."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.calls = []


def _recorded(name):
    def method(self, *arguments):
        self.calls.append(name)
        return getattr(socket.socket, name)(self, *arguments)

    return method


for _name in (
    "recv",
    "recv_into",
    "recvfrom",
    "recvfrom_into",
    "send",
    "sendto",
    "sendmsg",
    "accept",
    "connect",
    "getsockopt",
    "shutdown",
):
    setattr(Recording, _name, _recorded(_name))


def recording(sock):
    """Return the same socket as a Recording."""
    made = Recording(fileno=sock.detach())
    made.setblocking(False)
    return made


class Lookalike:
    """Something that is no socket and has the methods of one."""

    def __init__(self, sock):
        self.sock = sock

    def __getattr__(self, name):
        return getattr(self.sock, name)


@pytest.mark.parametrize("dress", [recording, Lookalike])
def test_sock_calls_work_with_any_socket_object(run, loop, dress):
    async def main():
        near, far = tcp_pair()
        dressed = dress(near)
        with far:
            waiting = asyncio.ensure_future(loop.sock_recv(dressed, 10))
            await asyncio.sleep(0)
            far.send(b"later")
            assert await waiting == b"later"
            far.send(b"now")
            buffer = bytearray(8)
            assert await loop.sock_recv_into(dressed, buffer) == 3
            assert buffer[:3] == b"now"
            await loop.sock_sendall(dressed, b"back")
            assert await loop.sock_recv(far, 10) == b"back"
        dressed.close()

    run(main())


def test_sock_calls_call_the_methods_of_a_subclass(run, loop):
    async def main():
        near, far = tcp_pair()
        with far, recording(near) as sock:
            await loop.sock_sendall(sock, b"x")
            far.send(b"ab")
            await loop.sock_recv(sock, 1)
            await loop.sock_recv_into(sock, bytearray(1))
            assert sock.calls == ["send", "recv", "recv_into"]

    run(main())


def test_sock_sendall_sends_the_rest_by_the_subclass(run, loop):
    data = patterned(1 << 20)

    async def main():
        near, far = tcp_pair()
        with far, recording(near) as sock:
            sending = asyncio.ensure_future(loop.sock_sendall(sock, data))
            received = bytearray()
            while len(received) < len(data):
                received += await loop.sock_recv(far, 1 << 16)
            await sending
            assert received == data
            assert set(sock.calls) == {"send"}

    run(main())


def test_sock_connect_and_accept_by_a_subclass(run, loop):
    async def main():
        with Recording() as listener, Recording() as client:
            listener.setblocking(False)
            client.setblocking(False)
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            accepting = asyncio.ensure_future(loop.sock_accept(listener))
            await loop.sock_connect(client, listener.getsockname())
            connection, _ = await accepting
            connection.close()
            assert listener.calls[0] == "accept"
            assert client.calls[0] == "connect"

    run(main())


def test_what_a_method_of_the_socket_raises_is_raised(run, loop):
    class Failing(socket.socket):
        def recv(self, count):
            raise LookupError("not today")

    async def main():
        near, far = tcp_pair()
        with far, Failing(fileno=near.detach()) as sock:
            with pytest.raises(LookupError, match="not today"):
                await loop.sock_recv(sock, 1)

    run(main())


def test_a_transport_reads_and_writes_by_the_methods_of_a_subclass(run, loop):
    async def main():
        near, far = tcp_pair()
        sock = recording(near)
        with far:
            transport, protocol = await loop.create_connection(Recorder, sock=sock)
            far.send(b"question")
            assert await protocol.receive(8) == b"question"
            transport.write(b"answer")
            assert await loop.sock_recv(far, 10) == b"answer"
            transport.write_eof()
            assert await loop.sock_recv(far, 10) == b""
            transport.close()
            await protocol.lost
        assert [call for call in sock.calls if call in ("recv", "send", "shutdown")] == [
            "recv",
            "send",
            "shutdown",
        ]

    run(main())


def test_a_transport_flushes_by_the_methods_of_a_subclass(run, loop):
    data = patterned(1 << 20)

    async def main():
        near, far = tcp_pair()
        sock = recording(near)
        with far:
            transport, protocol = await loop.create_connection(Recorder, sock=sock)
            transport.write(data[:100])
            transport.write(data[100:])
            transport.write(b"end")
            received = bytearray()
            while len(received) < len(data) + 3:
                received += await loop.sock_recv(far, 1 << 16)
            assert received == data + b"end"
            transport.close()
            await protocol.lost

    run(main())


def test_a_buffered_protocol_is_filled_by_recv_into(run, loop):
    class Buffered(asyncio.BufferedProtocol):
        def __init__(self):
            self.buffer = bytearray(100)
            self.arrived = loop.create_future()
            self.lost = loop.create_future()

        def get_buffer(self, sizehint):
            return self.buffer

        def buffer_updated(self, count):
            self.arrived.set_result(bytes(self.buffer[:count]))

        def connection_lost(self, exc):
            self.lost.set_result(exc)

    async def main():
        near, far = tcp_pair()
        sock = recording(near)
        with far:
            transport, protocol = await loop.create_connection(Buffered, sock=sock)
            far.send(b"question")
            assert await protocol.arrived == b"question"
            transport.close()
            await protocol.lost
        assert "recv_into" in sock.calls
        assert "recv" not in sock.calls

    run(main())


def test_what_recv_of_a_transports_socket_raises_ends_the_connection(run, loop, reported):
    class Failing(socket.socket):
        def recv(self, count):
            raise LookupError("not today")

    async def main():
        near, far = tcp_pair()
        with far:
            sock = Failing(fileno=near.detach())
            _, protocol = await loop.create_connection(Recorder, sock=sock)
            far.send(b"question")
            assert isinstance(await protocol.lost, LookupError)
        assert reported.take_one()["message"] == "Fatal read error on socket transport"

    run(main())


def test_sock_calls_refuse_the_socket_of_a_transport(run, loop):
    async def main():
        near, far = tcp_pair()
        with far:
            transport, protocol = await loop.create_connection(Recorder, sock=near)
            sock = transport.get_extra_info("socket")
            for call in (
                lambda: loop.sock_recv(sock, 4),
                lambda: loop.sock_recv_into(sock, bytearray(4)),
                lambda: loop.sock_recvfrom(sock, 4),
                lambda: loop.sock_sendall(sock, b"x"),
                lambda: loop.sock_accept(sock),
                lambda: loop.sock_sendto(sock, b"x", ("127.0.0.1", 1)),
            ):
                with pytest.raises(AttributeError, match="'TransportSocket' object has no"):
                    await call()
            far.send(b"hello")
            assert await protocol.receive(5) == b"hello"
            transport.close()
            await protocol.lost

    run(main())
