"""Certificates that do not verify, and the rules for the name that they are compared with."""

import asyncio
import ssl

import pytest
from network.peers import Recorder, tcp_pair

from .peers import CHECKS_NEED_A_NAME, BarePeer, secure


@pytest.fixture
def contexts(certificates, version):
    return certificates.server_context(version=version), certificates.client_context(version)


@pytest.mark.parametrize(
    ("certificate", "message"),
    [
        ("unknown", "unable to get local issuer certificate"),
        ("self_signed", "self-signed certificate"),
        ("expired", "certificate has expired"),
        ("other_server", "Hostname mismatch, certificate is not valid for 'localhost'."),
    ],
)
def test_a_certificate_that_does_not_verify(
    run, loop, certificates, version, reported, remembered, count_descriptors, certificate, message
):
    contexts = (
        certificates.server_context(certificate, version),
        certificates.client_context(version),
    )

    async def main():
        before = count_descriptors()
        near, far = tcp_pair()
        client, server = await asyncio.gather(
            secure(loop, near, remembered, contexts, "client"),
            secure(loop, far, remembered, contexts, "server"),
            return_exceptions=True,
        )
        assert type(client) is ssl.SSLCertVerificationError
        assert client.verify_message == message
        assert client.reason == "CERTIFICATE_VERIFY_FAILED"
        # The client hangs up without an alert.
        assert type(server) is ConnectionResetError
        await asyncio.sleep(0)
        # Neither protocol hears of a connection that never was.
        assert [protocol.calls for protocol in remembered] == [[], []]
        assert count_descriptors() == before

    run(main())


@pytest.mark.parametrize("certificate", ["unknown", "self_signed", "expired", "other_server"])
def test_a_context_that_does_not_verify_takes_any(
    run, paired, contexts, certificates, certificate, version
):
    server_context, client_context = contexts
    server_context.load_cert_chain(getattr(certificates, certificate))
    client_context.check_hostname = False
    client_context.verify_mode = ssl.CERT_NONE

    async def main():
        async with paired() as (client, server):
            client.transport.write(b"hello")
            assert await server.receive(5) == b"hello"
            assert client.transport.get_extra_info("peercert") == {}
            assert client.transport.get_extra_info("ssl_object").getpeercert(True)

    run(main())


@pytest.mark.parametrize(
    "name", ["localhost", "127.0.0.1", "LOCALHOST"], ids=["name", "address", "other case"]
)
def test_names_of_the_certificate(run, loop, contexts, name):
    async def main():
        near, far = tcp_pair()
        (_, client), (_, server) = await asyncio.gather(
            secure(loop, near, Recorder, contexts, "client", server_hostname=name),
            secure(loop, far, Recorder, contexts, "server"),
        )
        assert client.transport.get_extra_info("ssl_object").server_hostname == name
        for end in (client, server):
            end.transport.abort()
            await end.lost

    run(main())


@pytest.mark.parametrize("name", ["other.example", "127.0.0.2"], ids=["name", "address"])
def test_a_name_that_the_certificate_lacks(run, loop, contexts, name, reported):
    async def main():
        near, far = tcp_pair()
        client, server = await asyncio.gather(
            secure(loop, near, Recorder, contexts, "client", server_hostname=name),
            secure(loop, far, Recorder, contexts, "server"),
            return_exceptions=True,
        )
        assert type(client) is ssl.SSLCertVerificationError
        what = "IP address" if name[0].isdigit() else "Hostname"
        assert client.verify_message == (f"{what} mismatch, certificate is not valid for {name!r}.")
        assert type(server) is ConnectionResetError

    run(main())


def test_name_given_beside_the_host_is_the_one_compared(run, loop, contexts):
    async def main():
        server_context, client_context = contexts
        server = await loop.create_server(Recorder, "127.0.0.1", 0, ssl=server_context)
        address = server.sockets[0].getsockname()
        with pytest.raises(ssl.SSLCertVerificationError) as info:
            await loop.create_connection(
                Recorder, *address, ssl=client_context, server_hostname="other.example"
            )
        assert "'other.example'" in str(info.value)
        server.close()
        await server.wait_closed()

    run(main())


@pytest.mark.parametrize("checks", [False] if CHECKS_NEED_A_NAME else [True, False])
def test_an_empty_name_turns_the_comparison_off(run, loop, certificates, contexts, checks):
    server_context, client_context = contexts
    server_context.load_cert_chain(certificates.other_server)
    client_context.check_hostname = checks

    async def main():
        near, far = tcp_pair()
        (_, client), (_, server) = await asyncio.gather(
            secure(loop, near, Recorder, contexts, "client", server_hostname=""),
            secure(loop, far, Recorder, contexts, "server"),
        )
        assert client.transport.get_extra_info("ssl_object").server_hostname is None
        # Verified, although not compared with a name.
        assert client.transport.get_extra_info("peercert")["subject"]
        for end in (client, server):
            end.transport.abort()
            await end.lost

    run(main())


@pytest.mark.parametrize("trusted", [True, False])
def test_ssl_true_verifies_against_what_the_system_trusts(
    run, loop, certificates, contexts, monkeypatch, tmp_path, trusted, reported
):
    nobody = tmp_path / "nobody.pem"
    nobody.touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority if trusted else nobody))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))

    async def main():
        near, far = tcp_pair()
        with far:
            peer = BarePeer(loop, far, contexts[0], server_side=True)
            shaking = asyncio.ensure_future(peer.handshake())
            connecting = loop.create_connection(
                Recorder, sock=near, ssl=True, server_hostname="localhost"
            )
            if trusted:
                transport, protocol = await connecting
                await shaking
                context = transport.get_extra_info("sslcontext")
                assert context.verify_mode is ssl.CERT_REQUIRED
                assert context.check_hostname
                transport.abort()
                await protocol.lost
            else:
                with pytest.raises(ssl.SSLCertVerificationError):
                    await connecting
                with pytest.raises(ssl.SSLEOFError):
                    await shaking

    run(main())


def test_ssl_true_with_an_empty_name_verifies_without_comparing(
    run, loop, certificates, contexts, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    server_context, _ = contexts
    server_context.load_cert_chain(certificates.other_server)

    async def main():
        near, far = tcp_pair()
        with far:
            peer = BarePeer(loop, far, server_context, server_side=True)
            shaking = asyncio.ensure_future(peer.handshake())
            transport, protocol = await loop.create_connection(
                Recorder, sock=near, ssl=True, server_hostname=""
            )
            await shaking
            context = transport.get_extra_info("sslcontext")
            assert context.verify_mode is ssl.CERT_REQUIRED
            assert not context.check_hostname
            transport.abort()
            await protocol.lost

    run(main())
