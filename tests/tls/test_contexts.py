"""Which context (contextvars) a protocol over TLS runs in."""

import asyncio
import contextvars
import sys

from network.peers import Recorder, tcp_pair

from .peers import finish, secure

variable = contextvars.ContextVar("variable", default="unset")


class Witness(Recorder):
    """Notes the variable's value in every call."""

    def __init__(self):
        super().__init__()
        self.seen = {"factory": variable.get()}

    def connection_made(self, transport):
        self.seen["made"] = variable.get()
        super().connection_made(transport)

    def data_received(self, data):
        self.seen["data"] = variable.get()
        super().data_received(data)

    def eof_received(self):
        self.seen["eof"] = variable.get()
        super().eof_received()

    def connection_lost(self, exc):
        self.seen["lost"] = variable.get()
        super().connection_lost(exc)


async def exchange(address, context):
    """Connect, send one byte, say goodbye."""
    reader, writer = await asyncio.open_connection(
        *address, ssl=context, server_hostname="localhost"
    )
    writer.write(b"x")
    writer.close()
    assert await reader.read() == b""
    await writer.wait_closed()


def test_a_server_runs_in_the_context_in_which_it_began(run, loop, contexts):
    witnesses = []

    def factory():
        witnesses.append(Witness())
        return witnesses[-1]

    async def main():
        variable.set("before")
        server = await loop.create_server(factory, "127.0.0.1", 0, ssl=contexts[0])
        variable.set("after")
        await exchange(server.sockets[0].getsockname(), contexts[1])
        (witness,) = witnesses
        await witness.lost
        server.close()
        await server.wait_closed()
        return witness.seen

    assert run(main()) == dict.fromkeys(("factory", "made", "data", "eof", "lost"), "before")


def test_what_one_connection_sets_the_next_does_not_see(run, loop, contexts):
    seen = []
    ended = []

    class Setter(Recorder):
        def __init__(self):
            super().__init__()
            ended.append(self.lost)

        def connection_made(self, transport):
            super().connection_made(transport)
            seen.append(variable.get())
            variable.set("changed by a connection")

    async def main():
        server = await loop.create_server(Setter, "127.0.0.1", 0, ssl=contexts[0])
        for _ in range(2):
            await exchange(server.sockets[0].getsockname(), contexts[1])
            await ended[-1]
        server.close()
        await server.wait_closed()
        loop.call_soon(lambda: seen.append(variable.get()), context=contextvars.Context())
        await asyncio.sleep(0)

    run(main())
    assert seen == ["unset"] * 3


def test_both_kinds_of_client_run_in_the_context_that_connects(run, loop, contexts):
    async def main():
        near, far = tcp_pair()
        variable.set("connecting")
        (_, client), (_, server) = await asyncio.gather(
            secure(loop, near, Witness, contexts, "client"),
            secure(loop, far, Witness, contexts, "server"),
        )
        variable.set("connected")
        for end, other in ((client, server), (server, client)):
            end.transport.write(b"x")
            await other.receive(1)
        for end in (client, server):
            assert {end.seen[name] for name in ("factory", "made", "data")} == {"connecting"}
            await finish(end)

    run(main())


def test_start_tls_keeps_the_context_of_the_connection(run, loop, contexts):
    async def main():
        near, far = tcp_pair()
        variable.set("connecting")
        plain = [
            await loop.create_connection(Witness, sock=near),
            await loop.create_connection(Witness, sock=far),
        ]
        variable.set("upgrading")
        client, server = await asyncio.gather(
            loop.start_tls(*plain[0], contexts[1], server_hostname="localhost"),
            loop.start_tls(*plain[1], contexts[0], server_side=True),
        )
        variable.set("upgraded")
        client.write(b"x")
        await plain[1][1].receive(1)
        server.write(b"x")
        await plain[0][1].receive(1)
        seen = [protocol.seen["data"] for _, protocol in plain]
        for transport, (_, protocol) in zip((client, server), plain, strict=True):
            transport.abort()
            await protocol.lost
        return seen

    # Until 3.14 asyncio begins to watch the socket anew when the upgrade resumes reading.
    assert run(main()) == ["connecting" if sys.version_info >= (3, 15) else "upgrading"] * 2
