"""Servers that ask their clients for a certificate."""

import asyncio
import ssl

import pytest
from network.peers import Recorder, tcp_pair

from .peers import BarePeer, facing_peer, finish, secure, turns


@pytest.fixture
def contexts(certificates, version):
    server_context = certificates.server_context(version=version)
    server_context.load_verify_locations(certificates.authority)
    server_context.verify_mode = ssl.CERT_REQUIRED
    return server_context, certificates.client_context(version)


def test_a_client_that_shows_its_certificate_is_let_in(run, paired, certificates, contexts):
    contexts[1].load_cert_chain(certificates.client)

    async def main():
        async with paired() as (client, server):
            shown = server.transport.get_extra_info("peercert")
            assert shown["subjectAltName"] == (("email", "client@example.org"),)
            client.transport.write(b"let in")
            assert await server.receive(6) == b"let in"

    run(main())


def test_a_client_without_one_may_be_let_in(run, paired, contexts):
    contexts[0].verify_mode = ssl.CERT_OPTIONAL

    async def main():
        async with paired() as (_, server):
            # A server that asked and was shown nothing; {} would mean shown but not verified.
            assert server.transport.get_extra_info("peercert", "nothing") is None

    run(main())


@pytest.mark.parametrize("shown", [None, "unknown"])
def test_the_server_turns_a_client_away(
    run, loop, certificates, contexts, reported, shown, count_descriptors, version
):
    if shown:
        contexts[1].load_cert_chain(getattr(certificates, shown))

    async def main():
        before = count_descriptors()
        near, far = tcp_pair()
        client, server = await asyncio.gather(
            secure(loop, near, Recorder, contexts, "client"),
            secure(loop, far, Recorder, contexts, "server"),
            return_exceptions=True,
        )
        if shown:
            assert type(server) is ssl.SSLCertVerificationError
            assert server.verify_message == "unable to get local issuer certificate"
        else:
            assert type(server) is ssl.SSLError
            assert server.reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE"
        if version is ssl.TLSVersion.TLSv1_3:
            # The client of TLS 1.3 has finished before the server looks at its certificate.
            transport, protocol = client
            assert await protocol.lost is None
            assert protocol.calls == ["connection_made", "eof_received", "connection_lost"]
            assert transport.is_closing()
        else:
            assert type(client) is ConnectionResetError
        await turns(3)
        assert count_descriptors() == before

    run(main())


def test_an_alert_after_the_handshake_ends_the_connection(run, loop, certificates):
    # Only TLS 1.3 lets a server refuse a client that believes it is connected.
    server_context = certificates.server_context(version=ssl.TLSVersion.TLSv1_3)
    server_context.load_verify_locations(certificates.authority)
    server_context.verify_mode = ssl.CERT_REQUIRED
    client_context = certificates.client_context(ssl.TLSVersion.TLSv1_3)

    async def main():
        near, far = tcp_pair()
        with far:
            peer = BarePeer(loop, far, server_context, server_side=True)
            shaking = asyncio.ensure_future(peer.handshake())
            transport, protocol = await secure(
                loop, near, Recorder, (server_context, client_context), "client"
            )
            with pytest.raises(ssl.SSLError):
                await shaking
            lost = await protocol.lost
            assert isinstance(lost, ssl.SSLError)
            assert lost.reason == "TLSV13_ALERT_CERTIFICATE_REQUIRED"
            assert protocol.calls == ["connection_made", "connection_lost"]
            assert transport.is_closing()
            await finish(protocol)

    run(main())


def test_verification_after_the_handshake(run, loop, certificates, paired):
    # TLS 1.3's post-handshake authentication: the request comes between data.
    server_context = certificates.server_context(version=ssl.TLSVersion.TLSv1_3)
    server_context.load_verify_locations(certificates.authority)
    server_context.verify_mode = ssl.CERT_REQUIRED
    server_context.post_handshake_auth = True
    client_context = certificates.client_context(ssl.TLSVersion.TLSv1_3)
    client_context.post_handshake_auth = True
    client_context.load_cert_chain(certificates.client)

    async def main():
        contexts = (server_context, client_context)
        async with facing_peer(loop, contexts, "client") as (_, protocol, peer):
            assert peer.object.getpeercert() is None
            peer.object._sslobj.verify_client_post_handshake()
            await peer.send(b"who are you?")
            assert await protocol.receive(12) == b"who are you?"
            protocol.transport.write(b"me")
            assert await peer.receive(2) == b"me"
            assert peer.object.getpeercert()["subjectAltName"] == (("email", "client@example.org"),)

    run(main())
