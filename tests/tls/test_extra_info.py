"""What a TLS transport tells about itself: get_extra_info, repr, the plain methods."""

import asyncio
import re
import ssl

import pytest
from network.peers import Recorder, tcp_pair

from .peers import secure


@pytest.fixture
def contexts(certificates, version):
    return certificates.server_context(version=version), certificates.client_context(version)


def test_keys_about_tls(run, wired, side, contexts):
    async def main():
        async with wired(side) as (transport, _, peer):
            info = transport.get_extra_info
            assert info("sslcontext") is contexts[side == "client"]
            assert type(info("ssl_object")) is ssl.SSLObject
            assert info("ssl_object").server_side is (side == "server")
            assert info("cipher") == info("ssl_object").cipher()
            assert info("cipher")[0] == peer.object.cipher()[0]
            assert info("compression", "default") is None
            if side == "client":
                assert ("DNS", "localhost") in info("peercert")["subjectAltName"]
                assert info("peercert") == info("ssl_object").getpeercert()
            else:
                assert info("peercert", "default") is None

    run(main())


def test_keys_of_the_socket_below(run, wired, side):
    async def main():
        async with wired(side) as (transport, _, peer):
            assert transport.get_extra_info("sockname") == peer.sock.getpeername()
            assert transport.get_extra_info("peername") == peer.sock.getsockname()
            sock = transport.get_extra_info("socket")
            assert type(sock).__module__ == "asyncio.trsock"
            assert sock.getsockname() == peer.sock.getpeername()

    run(main())


def test_unknown_keys_are_the_default(run, wired):
    async def main():
        async with wired() as (transport, _, _):
            assert transport.get_extra_info("no such thing") is None
            assert transport.get_extra_info("no such thing", 7) == 7
            assert transport.get_extra_info(name="no such thing", default=8) == 8

    run(main())


def test_a_key_has_the_same_object_each_time(run, wired):
    async def main():
        async with wired() as (transport, _, _):
            for name in ("sslcontext", "ssl_object", "peercert", "cipher"):
                assert transport.get_extra_info(name) is transport.get_extra_info(name)

    run(main())


def test_after_the_connection(run, wired, contexts):
    async def main():
        async with wired() as (transport, protocol, _):
            transport.abort()
            await protocol.lost
            # What TLS knows stays, what the socket knew is gone with it.
            assert transport.get_extra_info("sslcontext") is contexts[1]
            assert transport.get_extra_info("cipher")
            assert transport.get_extra_info("sockname") is None
            assert transport.get_extra_info("peername", "gone") == "gone"
            assert transport.get_extra_info("socket") is None

    run(main())


def test_in_connection_made_everything_is_there(run, wired, side):
    class Looks(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            self.seen = {
                name: transport.get_extra_info(name)
                for name in ("cipher", "ssl_object", "sslcontext", "sockname", "peername")
            }

    async def main():
        async with wired(side, Looks) as (_, protocol, _):
            assert all(protocol.seen.values())

    run(main())


def test_session_of_the_object(run, wired, version):
    async def main():
        async with wired("client") as (transport, protocol, peer):
            await peer.send(b"x")
            await protocol.receive(1)
            tls = transport.get_extra_info("ssl_object")
            assert tls.session.has_ticket
            assert tls.session_reused is False
            assert tls.version() == {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[version.name]

    run(main())


def test_channel_binding_agrees(run, wired):
    async def main():
        async with wired() as (transport, _, peer):
            tls = transport.get_extra_info("ssl_object")
            if "tls-unique" in ssl.CHANNEL_BINDING_TYPES:
                binding = tls.get_channel_binding("tls-unique")
                assert binding
                assert binding == peer.object.get_channel_binding("tls-unique")

    run(main())


def test_repr_says_that_it_is_a_transport_of_tls(run, wired):
    async def main():
        async with wired() as (transport, _, _):
            assert re.match(r"^<\S*SSL\S*Transport\b.*>$", repr(transport))

    run(main())


def test_it_is_a_transport(run, wired):
    async def main():
        async with wired() as (transport, _, _):
            assert isinstance(transport, asyncio.Transport)
            assert isinstance(transport, asyncio.ReadTransport)
            assert isinstance(transport, asyncio.WriteTransport)
            assert not isinstance(transport, asyncio.DatagramTransport)

    run(main())


def test_changing_the_protocol(run, wired):
    async def main():
        async with wired() as (transport, first, peer):
            second = Recorder()
            second.connection_made(transport)
            transport.set_protocol(second)
            assert transport.get_protocol() is second
            await peer.send(b"for the second")
            assert await second.receive(14) == b"for the second"
            assert first.calls == ["connection_made"]
            transport.abort()
            assert await second.lost is None
            assert first.calls == ["connection_made"]
            first.lost.set_result(None)

    run(main())


def test_two_connections_of_one_context_share_it(run, loop, contexts):
    async def main():
        ends = []
        for _ in range(2):
            near, far = tcp_pair()
            ends += await asyncio.gather(
                secure(loop, near, Recorder, contexts, "client"),
                secure(loop, far, Recorder, contexts, "server"),
            )
        infos = [transport.get_extra_info("sslcontext") for transport, _ in ends]
        assert infos == [contexts[1], contexts[0]] * 2
        for transport, protocol in ends:
            transport.abort()
            await protocol.lost

    run(main())
