"""What client and server agree on before the first byte: protocols (ALPN) and names (SNI)."""

import asyncio
import ssl

import pytest
from network.peers import Recorder, tcp_pair

from .peers import both_ends, secure


@pytest.fixture
def contexts(certificates, version):
    return certificates.server_context(version=version), certificates.client_context(version)


@pytest.mark.parametrize(
    ("server_speaks", "client_speaks", "agreed"),
    [
        (["h2", "http/1.1"], ["http/1.1", "h2"], "h2"),
        (["http/1.1"], ["h2", "http/1.1"], "http/1.1"),
        (["h2"], None, None),
        (None, ["h2"], None),
        (None, None, None),
    ],
)
def test_application_protocol(run, paired, contexts, server_speaks, client_speaks, agreed):
    server_context, client_context = contexts
    if server_speaks:
        server_context.set_alpn_protocols(server_speaks)
    if client_speaks:
        client_context.set_alpn_protocols(client_speaks)

    async def main():
        async with paired() as (client, server):
            for end in (client, server):
                tls = end.transport.get_extra_info("ssl_object")
                assert tls.selected_alpn_protocol() == agreed

    run(main())


def test_sni_callback_sees_the_name_and_the_object_of_the_connection(run, paired, contexts):
    seen = []
    server_context, _ = contexts
    server_context.sni_callback = lambda *arguments: seen.append(arguments)

    async def main():
        async with paired() as (_, server):
            ((tls, name, context),) = seen
            assert tls is server.transport.get_extra_info("ssl_object")
            assert name == "localhost"
            assert context is server_context

    run(main())


def test_sni_callback_without_a_name(run, loop, contexts):
    names = []
    server_context, client_context = contexts
    client_context.check_hostname = False
    server_context.sni_callback = lambda tls, name, context: names.append(name)

    async def main():
        near, far = tcp_pair()
        (_, client), (_, server) = await asyncio.gather(
            secure(loop, near, Recorder, contexts, "client", server_hostname=""),
            secure(loop, far, Recorder, contexts, "server"),
        )
        assert names == [None]
        for end in (client, server):
            end.transport.abort()
            await end.lost

    run(main())


def test_sni_callback_changes_the_context(run, loop, certificates, contexts, version):
    server_context, client_context = contexts
    other_context = certificates.server_context("other_server", version)

    def choose(tls, name, context):
        if name == "other.example":
            tls.context = other_context

    server_context.sni_callback = choose

    async def visit(name):
        near, far = tcp_pair()
        (_, client), (_, server) = await asyncio.gather(
            secure(loop, near, Recorder, contexts, "client", server_hostname=name),
            secure(loop, far, Recorder, contexts, "server"),
        )
        names = client.transport.get_extra_info("peercert")["subjectAltName"]
        served_with = server.transport.get_extra_info("ssl_object").context
        # asyncio keeps naming the context that the connection was made with.
        assert server.transport.get_extra_info("sslcontext") is server_context
        for end in (client, server):
            end.transport.abort()
            await end.lost
        return names, served_with

    async def main():
        names, served_with = await visit("localhost")
        assert ("DNS", "localhost") in names
        assert served_with is server_context
        names, served_with = await visit("other.example")
        assert names == (("DNS", "other.example"),)
        assert served_with is other_context

    run(main())


async def outcomes(loop, contexts):
    """Connect both ends; return what each raised: (client's, server's)."""
    near, far = tcp_pair()
    return await asyncio.gather(
        secure(loop, near, Recorder, contexts, "client"),
        secure(loop, far, Recorder, contexts, "server"),
        return_exceptions=True,
    )


def test_sni_callback_refuses(run, loop, contexts, reported, count_descriptors):
    server_context, _ = contexts
    server_context.sni_callback = lambda tls, name, context: (
        ssl.AlertDescription.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    )

    async def main():
        before = count_descriptors()
        client, server = await outcomes(loop, contexts)
        assert isinstance(server, ssl.SSLError)
        assert server.reason == "CALLBACK_FAILED"
        assert type(client) is ConnectionResetError
        await asyncio.sleep(0)
        assert count_descriptors() == before

    run(main())


def test_sni_callback_that_raises_refuses(run, loop, contexts, reported, monkeypatch):
    unraisable = []
    monkeypatch.setattr("sys.unraisablehook", lambda what: unraisable.append(what.exc_value))
    server_context, _ = contexts

    def fails(tls, name, context):
        raise ArithmeticError("in the callback")

    server_context.sni_callback = fails

    async def main():
        client, server = await outcomes(loop, contexts)
        assert isinstance(server, ssl.SSLError)
        assert server.reason == "CALLBACK_FAILED"
        assert type(client) is ConnectionResetError

    run(main())
    assert [str(exception) for exception in unraisable] == ["in the callback"]


def test_message_callback_sees_the_handshake(run, loop, contexts):
    # Undocumented, but what debuggers of TLS hook: it runs inside OpenSSL's calls.
    kinds = []
    server_context, client_context = contexts
    client_context._msg_callback = lambda *arguments: kinds.append(arguments[4])

    async def main():
        async with both_ends(loop, contexts):
            names = [getattr(kind, "name", None) for kind in kinds]
            assert "CLIENT_HELLO" in names
            assert "SERVER_HELLO" in names

    run(main())


def test_keys_are_logged_to_the_file_of_the_context(run, paired, contexts, tmp_path):
    _, client_context = contexts
    client_context.keylog_filename = str(tmp_path / "keys")

    async def main():
        async with paired():
            pass

    run(main())
    client_context.keylog_filename = None
    lines = (tmp_path / "keys").read_text().splitlines()
    assert any(line.startswith(("CLIENT_RANDOM", "CLIENT_HANDSHAKE")) for line in lines)
