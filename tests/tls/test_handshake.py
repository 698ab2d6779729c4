"""Handshakes that succeed: either side, each version, each way to begin one."""

import asyncio
import socket
import ssl

import pytest
from network.peers import Recorder, tcp_pair

from .peers import BarePeer, both_ends, finish, opposite, secure


@pytest.fixture
def contexts(certificates, version):
    return certificates.server_context(version=version), certificates.client_context(version)


NAMES = {ssl.TLSVersion.TLSv1_2: "TLSv1.2", ssl.TLSVersion.TLSv1_3: "TLSv1.3"}


def test_with_a_peer_of_another_implementation(run, wired, version, side):
    async def main():
        async with wired(side) as (transport, protocol, peer):
            assert protocol.calls == ["connection_made"]
            assert protocol.transport is transport
            assert not transport.is_closing()
            assert transport.get_protocol() is protocol
            assert peer.object.version() == NAMES[version]
            transport.write(b"ping")
            assert await peer.receive(4) == b"ping"
            await peer.send(b"pong")
            assert await protocol.receive(4) == b"pong"

    run(main())


def test_with_itself(run, paired, version):
    async def main():
        async with paired() as (client, server):
            client.transport.write(b"ping")
            assert await server.receive(4) == b"ping"
            server.transport.write(b"pong")
            assert await client.receive(4) == b"pong"
            for end in (client, server):
                assert end.transport.get_extra_info("ssl_object").version() == NAMES[version]

    run(main())


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_by_name_and_by_address(run, loop, contexts, host):
    async def main():
        server_context, client_context = contexts
        accepted = loop.create_future()

        class Accepted(Recorder):
            def connection_made(self, transport):
                super().connection_made(transport)
                accepted.set_result(self)

        server = await loop.create_server(
            Accepted, "127.0.0.1", 0, ssl=server_context, family=socket.AF_INET
        )
        port = server.sockets[0].getsockname()[1]
        transport, client = await loop.create_connection(
            Recorder, host, port, ssl=client_context, family=socket.AF_INET
        )
        served = await accepted
        transport.write(b"to the server")
        assert await served.receive(13) == b"to the server"
        served.transport.write(b"to the client")
        assert await client.receive(13) == b"to the client"
        transport.close()
        assert await client.lost is None
        assert await served.lost is None
        server.close()
        await server.wait_closed()

    run(main())


def test_one_context_serves_many_connections(run, loop, contexts):
    async def main():
        server_context, client_context = contexts

        async def echo(reader, writer):
            writer.write(await reader.readexactly(2))
            await reader.read()
            writer.close()
            await writer.wait_closed()

        async def call(number):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=client_context, server_hostname="localhost"
            )
            writer.write(b"%02d" % number)
            answer = await reader.readexactly(2)
            writer.close()
            await writer.wait_closed()
            return int(answer)

        server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=server_context)
        port = server.sockets[0].getsockname()[1]
        assert await asyncio.gather(*map(call, range(20))) == list(range(20))
        server.close()
        await server.wait_closed()

    run(main())


def test_the_handshake_may_arrive_byte_by_byte(run, loop, contexts, side):
    class Dribbling(BarePeer):
        async def _flush(self):
            for byte in self._outgoing.read():
                await self.loop.sock_sendall(self.sock, bytes([byte]))
                await asyncio.sleep(0)

    async def main():
        server_context, client_context = contexts
        near, far = tcp_pair()
        with far:
            if side == "client":
                peer = Dribbling(loop, far, server_context, server_side=True)
            else:
                peer = Dribbling(loop, far, client_context, server_hostname="localhost")
            shaking = asyncio.ensure_future(peer.handshake())
            transport, protocol = await secure(loop, near, Recorder, contexts, side)
            await shaking
            await peer.send(b"hello")
            assert await protocol.receive(5) == b"hello"
            await finish(protocol)

    run(main())


@pytest.mark.parametrize(
    ("only", "side"),
    [
        pytest.param(ssl.TLSVersion.TLSv1_2, "client", id="from a server of TLS 1.2"),
        pytest.param(ssl.TLSVersion.TLSv1_3, "server", id="from a client of TLS 1.3"),
    ],
)
def test_data_in_one_segment_with_the_end_of_the_handshake(run, loop, certificates, only, side):
    contexts = certificates.server_context(version=only), certificates.client_context(only)

    async def main():
        near, far = tcp_pair()
        with far:
            peer = opposite(loop, far, contexts, side)
            connecting = asyncio.ensure_future(secure(loop, near, Recorder, contexts, side))
            last = await peer.handshake_up_to_the_last_flight()
            await loop.sock_sendall(far, last + peer.encrypt(b"at once"))
            _, protocol = await connecting
            assert await protocol.receive(7) == b"at once"
            assert protocol.calls == ["connection_made", "data_received"]
            await finish(protocol)

    run(main())


def test_a_context_that_allows_several_versions_takes_the_newest(run, loop, certificates):
    async def main():
        contexts = certificates.server_context(), certificates.client_context()
        async with both_ends(loop, contexts) as (client, _):
            assert client.transport.get_extra_info("ssl_object").version() == "TLSv1.3"

    run(main())


def test_versions_without_one_in_common_fail_on_both_sides(
    run, loop, certificates, count_descriptors, reported
):
    server_context = certificates.server_context(version=ssl.TLSVersion.TLSv1_2)
    client_context = certificates.client_context(ssl.TLSVersion.TLSv1_3)

    async def main():
        before = count_descriptors()
        near, far = tcp_pair()
        outcomes = await asyncio.gather(
            secure(loop, near, Recorder, (server_context, client_context), "client"),
            secure(loop, far, Recorder, (server_context, client_context), "server"),
            return_exceptions=True,
        )
        client, server = outcomes
        # asyncio hangs up without sending the alert that would say why.
        assert type(client) is ConnectionResetError
        assert isinstance(server, ssl.SSLError)
        assert server.reason == "UNSUPPORTED_PROTOCOL"
        await asyncio.sleep(0)
        assert count_descriptors() == before

    run(main())


def test_a_returning_client_resumes_its_session(run, loop, contexts, version):
    async def visit(session=None):
        server_context, client_context = contexts
        near, far = tcp_pair()
        with far:
            peer = BarePeer(loop, far, client_context, server_hostname="localhost", session=session)
            shaking = asyncio.ensure_future(peer.handshake())
            transport, protocol = await secure(loop, near, Recorder, contexts, "server")
            await shaking
            # TLS 1.3 sends tickets after the handshake: they come before this.
            transport.write(b"welcome")
            assert await peer.receive(7) == b"welcome"
            # A session is only kept of a connection that ended well.
            transport.close()
            assert await peer.read_to_end() == b""
            await peer.say_goodbye()
            assert await protocol.lost is None
            assert transport.get_extra_info("ssl_object").session_reused is (session is not None)
            return peer.object.session

    async def main():
        session = await visit()
        assert session.has_ticket
        await visit(session)

    run(main())


def test_session_tickets_are_no_data(run, wired, version):
    async def main():
        async with wired("client") as (_, protocol, peer):
            await peer.send(b"x")
            assert await protocol.receive(1) == b"x"
            # Had the tickets been given to the protocol, they would show here.
            assert protocol.calls == ["connection_made", "data_received"]
            assert bytes(protocol.received) == b"x"

    run(main())
