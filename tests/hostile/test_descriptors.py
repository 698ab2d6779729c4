"""Numbers of descriptors that are closed, used again, not a program's to give, or huge."""

import os
import resource
import socket
import sys

import pytest
from hostile.conftest import SANITIZED

HUGE = (10_000, 1_000_000, 10_000_000, 2**31 - 1, 2**31, 2**40, 2**64, -1, -(2**31))


def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.parametrize("method", ["add_reader", "add_writer", "remove_reader", "remove_writer"])
def test_a_number_that_is_not_open_takes_no_memory(method, made):
    before = memory()
    for number in HUGE:
        try:
            arguments = (print,) if method.startswith("add") else ()
            getattr(made.loop, method)(number, *arguments)
        except (OSError, ValueError, OverflowError):
            pass
    made.run_loop()
    assert memory() - before < 20_000


class Numbered:
    """A file of sorts, with any number."""

    def __init__(self, number, action=lambda: None):
        self.number = number
        self.action = action

    def fileno(self):
        self.action()
        return self.number

    def close(self):
        pass

    def read(self, size=-1):
        return b""

    def write(self, data):
        return len(data)

    def setblocking(self, flag):
        pass

    def gettimeout(self):
        return 0


ANSWERS = [*HUGE, "x", None, 1.5, object(), True]


@pytest.mark.parametrize("answer", ANSWERS, ids=str)
def test_a_file_with_an_odd_number_is_refused(answer, api, made, attempt):
    import asyncio

    loop = made.loop
    odd = Numbered(answer)
    for call in (
        lambda: loop.add_reader(odd, print),
        lambda: loop.add_writer(odd, print),
        lambda: loop.remove_reader(odd),
        lambda: loop.remove_writer(odd),
        lambda: loop.run_until_complete(loop.connect_read_pipe(asyncio.Protocol, odd)),
        lambda: loop.run_until_complete(loop.connect_write_pipe(asyncio.Protocol, odd)),
        lambda: loop.run_until_complete(api.wait_for(loop.sock_recv(odd, 5), 0.05)),
        lambda: loop.run_until_complete(api.wait_for(loop.sock_sendall(odd, b"x"), 0.05)),
        lambda: loop.run_until_complete(api.wait_for(loop.sock_accept(odd), 0.05)),
        lambda: loop.run_until_complete(loop.connect_accepted_socket(asyncio.Protocol, odd)),
    ):
        attempt(call)
        made.run_loop(1)
    made.settle()


def test_a_pipe_from_a_closed_socket_is_refused(api, made):
    import asyncio

    async def main():
        for connect in (made.loop.connect_read_pipe, made.loop.connect_write_pipe):
            closed = socket.socket()
            closed.close()
            with pytest.raises((OSError, ValueError)):
                await connect(asyncio.Protocol, closed)

    made.loop.run_until_complete(main())


def test_a_descriptor_closed_while_it_is_watched(made, attempt):
    loop = made.loop
    for close in (lambda end: end.close(), lambda end: os.close(end.fileno())):
        first, second = socket.socketpair()
        loop.add_reader(first, lambda: None)
        loop.add_writer(first, lambda: None)
        number = first.fileno()
        attempt(close, first)
        made.run_loop(2)
        attempt(loop.remove_reader, number)
        attempt(loop.remove_writer, first)
        attempt(first.detach)
        made.run_loop(2)
        attempt(second.close)
    made.settle()


def test_a_number_used_again_belongs_to_the_new_file(made, attempt):
    loop = made.loop
    called = []
    first, second = socket.socketpair()
    loop.add_reader(first, called.append, "old")
    number = first.fileno()
    first.close()
    second.close()
    third, fourth = socket.socketpair()
    if third.fileno() != number:
        os.dup2(third.fileno(), number)
    attempt(loop.add_reader, number, called.append, "new")
    fourth.send(b"x")
    made.run_loop(3)
    assert "old" not in called
    attempt(loop.remove_reader, number)
    made.settle()


def test_a_transports_socket_closed_from_outside(api, made, attempt):
    for break_it in (
        lambda sock: os.close(sock.fileno()),
        lambda sock: sock._sock.close(),
        lambda sock: sock._sock.detach(),
        lambda sock: os.dup2(os.open(os.devnull, os.O_RDWR), sock.fileno()),
    ):
        transport = made("SocketTransport, writing")
        attempt(break_it, transport.get_extra_info("socket"))
        for name in ("write", "pause_reading", "resume_reading", "write_eof", "close", "abort"):
            method = getattr(transport, name)
            attempt(method, *((b"x",) if name == "write" else ()))
            made.run_loop(1)
        del transport
    made.settle()


def test_fileno_may_close_the_loop(made, attempt):
    loop = made.loop
    first, _second = socket.socketpair()

    class Closing(Numbered):
        pass

    closing = Closing(first.fileno(), loop.close)
    for method in (loop.add_reader, loop.add_writer):
        attempt(method, closing, print)
    for method in (loop.remove_reader, loop.remove_writer):
        attempt(method, closing)
    made.settle()


SIZES = (2**31, 2**40, 2**62, 2**63 - 1, 2**63, 10**30, -(2**63))


@pytest.mark.skipif(SANITIZED, reason="the sanitizer has memory of its own")
@pytest.mark.skipif(
    hasattr(sys, "gettotalrefcount"), reason="a debug build writes to all that it allocates"
)
@pytest.mark.parametrize("size", SIZES)
def test_a_huge_size_takes_no_memory(size, api, made, attempt):
    loop = made.loop
    before = memory()
    first, second = socket.socketpair()
    first.setblocking(False)
    reader = api.StreamReader(loop=loop)
    reader.feed_data(b"some")
    reader.feed_eof()
    transport = made("SocketTransport, open")
    datagrams = made("DatagramTransport, open")
    pipe = made("WritePipeTransport, writing")

    def run(make):
        return lambda: loop.run_until_complete(api.wait_for(make(), 0.02))

    for call in (
        run(lambda: loop.sock_recv(first, size)),
        run(lambda: loop.sock_recvfrom(first, size)),
        run(lambda: reader.read(size)),
        run(lambda: reader.readexactly(size)),
        lambda: transport.set_write_buffer_limits(size, size),
        lambda: transport.set_write_buffer_limits(high=size),
        lambda: datagrams.set_write_buffer_limits(size),
        lambda: pipe.set_write_buffer_limits(size),
        lambda: api.Queue(size),
        lambda: api.Semaphore(size),
        lambda: api.BoundedSemaphore(size),
        lambda: api.Barrier(size),
        lambda: api.StreamReader(size, loop=loop),
        lambda: api.Condition().notify(size),
        lambda: loop.call_later(size, print),
        lambda: loop.call_at(size, print),
        lambda: api.timeout_at(size),
        run(lambda: loop.create_server(made.api.Protocol, "127.0.0.1", 0, backlog=size)),
        run(lambda: loop.create_server(made.api.Protocol, "127.0.0.1", size)),
        run(lambda: loop.create_connection(made.api.Protocol, "127.0.0.1", size)),
        run(lambda: loop.sock_connect(first, ("127.0.0.1", size))),
        lambda: loop.add_signal_handler(size, print),
        lambda: loop.remove_signal_handler(size),
    ):
        attempt(call)
        made.run_loop(1)
    assert memory() - before < 40_000
    second.close()
