"""A program's own TLS session object, which acts while the protocol uses it."""

import asyncio
import ssl

import pytest
from hostile.subjects import KEPT, contexts


def connected(api, made, hook):
    """A TLS connection whose client's session calls ``hook`` in each read; and what it sends."""
    server_side, client_side = contexts()

    class Session(ssl.SSLObject):
        def read(self, *args):
            data = super().read(*args)
            hook("read")
            return data

        def write(self, *args):
            hook("write")
            return super().write(*args)

        def unwrap(self):
            hook("unwrap")
            return super().unwrap()

        def do_handshake(self):
            hook("do_handshake")
            return super().do_handshake()

    client_side.sslobject_class = Session

    async def serve(reader, writer):
        KEPT.append(writer)
        writer.write(b"hello\n")
        await reader.read(1)
        writer.write(b"again\n")

    async def main():
        server = await api.start_server(serve, "127.0.0.1", 0, ssl=server_side)
        KEPT.append(server)
        return await api.open_connection(*server.sockets[0].getsockname(), ssl=client_side)

    return made.loop.run_until_complete(main())


class Collecting(asyncio.Protocol):
    """Keeps the bytes."""

    def __init__(self, done):
        self.got = b""
        self.done = done

    def data_received(self, data):
        self.got += data
        if self.got == b"again\n":
            self.done.set_result(None)


def test_a_protocol_exchanged_during_a_read_gets_the_data(api, made):
    actions = []

    def hook(name):
        if name == "read" and actions:
            actions.pop()()

    reader, writer = connected(api, made, hook)
    protocol = Collecting(made.loop.create_future())

    async def main():
        await reader.readline()
        actions.append(lambda: writer.transport.set_protocol(protocol))
        writer.write(b"x")
        await api.wait_for(protocol.done, 5)

    made.loop.run_until_complete(main())
    assert protocol.got == b"again\n"


ACTIONS = {
    "abort": lambda writer, protocol: writer.transport.abort(),
    "close": lambda writer, protocol: writer.transport.close(),
    "pause": lambda writer, protocol: writer.transport.pause_reading(),
    "write": lambda writer, protocol: writer.write(b"y"),
    "write_eof": lambda writer, protocol: writer.transport.write_eof(),
    "connection_lost": lambda writer, protocol: protocol.connection_lost(None),
    "eof_received": lambda writer, protocol: protocol.eof_received(),
    "data_received": lambda writer, protocol: protocol.data_received(b"x"),
    "buffer_updated": lambda writer, protocol: protocol.buffer_updated(10),
    "get_buffer": lambda writer, protocol: protocol.get_buffer(10),
    "initialise": lambda writer, protocol: type(protocol).__init__(protocol),
    "set_protocol to None": lambda writer, protocol: writer.transport.set_protocol(None),
    "run a nested loop": lambda writer, protocol: asyncio.new_event_loop().close(),
    "raise": lambda writer, protocol: 1 / 0,
}


@pytest.mark.parametrize("where", ["read", "write", "unwrap", "do_handshake"])
@pytest.mark.parametrize("action", ACTIONS)
def test_a_session_that_acts_is_survived(action, where, api, made, attempt):
    state = {}

    def hook(name):
        if name == where and state and state["left"] > 0:
            state["left"] -= 1
            attempt(ACTIONS[action], state["writer"], state["protocol"])
            if action == "raise":
                raise ValueError("from the session")

    reader, writer = connected(api, made, hook)
    protocol = getattr(writer.transport, "_ssl_protocol", None)
    state.update(left=3, writer=writer, protocol=protocol)

    async def main():
        await api.wait_for(reader.readline(), 0.2)
        writer.write(b"x")
        await api.wait_for(reader.readline(), 0.05)

    attempt(made.loop.run_until_complete, main())
    attempt(writer.close)
    made.settle()
