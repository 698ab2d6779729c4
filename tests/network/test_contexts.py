"""Which context a protocol and its factory run in."""

import asyncio
import contextvars
import socket
import sys

import pytest

from .peers import KERNEL_BUFFER, MORE_THAN_THE_KERNEL_TAKES, tcp_pair

variable = contextvars.ContextVar("variable", default="unset")


class Witness(asyncio.Protocol):
    """Notes the variable's value in every call."""

    def __init__(self):
        self.seen = {"factory": variable.get()}
        self.lost = asyncio.get_running_loop().create_future()
        self.resumed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport
        self.seen["made"] = variable.get()

    def data_received(self, data):
        self.seen["data"] = variable.get()
        self.transport.close()

    def resume_writing(self):
        self.seen["resume"] = variable.get()
        self.resumed.set_result(None)

    def connection_lost(self, exc):
        self.seen["lost"] = variable.get()
        if not self.lost.done():
            self.lost.set_result(None)


@pytest.fixture
def serve(loop):
    async def start(**options):
        witnesses = []

        def factory():
            witnesses.append(Witness())
            return witnesses[-1]

        return await loop.create_server(factory, "127.0.0.1", 0, **options), witnesses

    return start


async def exchange(server, witnesses):
    """Connects, sends one byte, and waits until the server's side has ended."""
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"x")
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    await witnesses[-1].lost


def test_a_server_runs_in_the_context_in_which_it_began(run, serve):
    async def main():
        variable.set("before")
        server, witnesses = await serve()
        variable.set("after")
        await exchange(server, witnesses)
        server.close()
        await server.wait_closed()
        return witnesses[0].seen

    assert run(main()) == dict.fromkeys(("factory", "made", "data", "lost"), "before")


def test_a_server_that_starts_late(run, serve):
    async def main():
        variable.set("created")
        server, witnesses = await serve(start_serving=False)
        variable.set("started")
        await server.start_serving()
        await exchange(server, witnesses)
        server.close()
        await server.wait_closed()
        return set(witnesses[0].seen.values())

    # Since 3.15 the context is the one in which the server was made.
    assert run(main()) == ({"created"} if sys.version_info >= (3, 15) else {"started"})


def test_what_one_connection_sets_the_next_does_not_see(run, loop):
    seen = []

    class Setter(asyncio.Protocol):
        def connection_made(self, transport):
            seen.append(variable.get())
            variable.set("changed by a connection")
            transport.close()

    async def main():
        server = await loop.create_server(Setter, "127.0.0.1", 0)
        for _ in range(2):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()
        server.close()
        await server.wait_closed()
        loop.call_soon(lambda: seen.append(variable.get()), context=contextvars.Context())
        await asyncio.sleep(0)

    run(main())
    assert seen == ["unset"] * 3


def test_a_client_runs_in_the_context_that_connects(run, loop):
    async def main():
        served = loop.create_future()

        async def feed(reader, writer):
            writer.write(b"x")
            await reader.read()
            writer.close()
            await writer.wait_closed()
            served.set_result(None)

        server = await asyncio.start_server(feed, "127.0.0.1", 0)
        variable.set("connecting")
        _, witness = await loop.create_connection(Witness, *server.sockets[0].getsockname())
        variable.set("connected")
        await witness.lost
        await served
        server.close()
        await server.wait_closed()
        return witness.seen

    seen = run(main())
    assert seen["factory"] == seen["made"] == seen["data"] == "connecting"


def test_writing_resumes_in_the_context_that_connected(run, loop):
    async def main():
        go_on = asyncio.Event()
        served = loop.create_future()

        async def swallow(reader, writer):
            await go_on.wait()
            while await reader.read(64 * 1024):
                pass
            writer.close()
            await writer.wait_closed()
            served.set_result(None)

        listener = socket.create_server(("127.0.0.1", 0))
        # Else the kernel may take tens of megabytes; what the sender has grows to four.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BUFFER)
        server = await asyncio.start_server(swallow, sock=listener)
        variable.set("connecting")
        transport, witness = await loop.create_connection(Witness, *listener.getsockname())
        transport.write(bytes(4 * MORE_THAN_THE_KERNEL_TAKES))
        variable.set("written")
        go_on.set()
        await witness.resumed
        transport.close()
        await witness.lost
        await served
        server.close()
        await server.wait_closed()
        return witness.seen["resume"]

    # asyncio registers the writer inside write(), the loop once for the
    # connection; either way it is what was current then.
    assert run(main()) == "connecting"


def test_resuming_reading_in_another_context(run, loop):
    async def main():
        near, far = tcp_pair()
        with far:
            variable.set("connecting")
            transport, witness = await loop.create_connection(Witness, sock=near)
            variable.set("pausing")
            transport.pause_reading()
            variable.set("resuming")
            transport.resume_reading()
            variable.set("resumed")
            far.send(b"x")
            await witness.lost
        return witness.seen

    seen = run(main())
    assert seen["made"] == "connecting"
    # Until 3.14 the reader is registered anew, and with it the context.
    assert seen["data"] == ("connecting" if sys.version_info >= (3, 15) else "resuming")
