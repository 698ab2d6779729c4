"""Connecting through proxies: HTTP with CONNECT, SOCKS5, TLS to either end and in TLS."""

import asyncio
import gc
import ssl

import pytest
from aioxide.http._connecting import Connector
from aioxide.http._errors import ProxyError, ProxyUnreachable
from aioxide.http._origins import Origin, Proxy
from aioxide.http._socks import Negotiation
from aioxide.http._tunnels import LONGEST_HEAD, connect_request, take_answer
from network.peers import unused_port

from .test_connecting import Sink, connected, fetch


def through(proxy, server, context=None, scheme=None, **proxy_fields):
    """The origin of a server behind a proxy."""
    scheme = scheme or ("https" if proxy.tls else "http")
    middle = Proxy(scheme, "localhost", proxy.port, **proxy_fields)
    return Origin("https" if context else "http", "localhost", server.port, context, proxy=middle)


def test_http_request_is_forwarded(run, http_proxy, server):
    request = b"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n"

    async def go():
        sink = Sink()
        origin = through(http_proxy, server)
        assert origin.is_forwarded
        await Connector().connect(origin, sink)
        return await fetch(sink, request)

    assert b"forwarded GET http://x/" in run(go())
    assert not server.accepted


@pytest.mark.parametrize("to_the_proxy", ["plain", "tls"])
def test_tunnel(run, http_proxy, tls_proxy, tls_server, certificates, to_the_proxy):
    proxy = http_proxy if to_the_proxy == "plain" else tls_proxy
    tls = certificates.client_context()
    fields = {"headers": ((b"Proxy-Authorization", b"Basic x"),)}
    if to_the_proxy == "tls":
        fields["tls"] = certificates.client_context()
    assert b"GET /" in connected(run, through(proxy, tls_server, tls, **fields))
    assert proxy.asked == [("localhost", tls_server.port)]
    assert proxy.requests[0].get("proxy-authorization") == "Basic x"
    assert proxy.requests[0].get("host") == f"localhost:{tls_server.port}"


def test_refused_tunnel(run, http_proxy, tls_server, certificates):
    http_proxy.refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nA: b\r\n\r\n"
    with pytest.raises(ProxyError) as caught:
        connected(run, through(http_proxy, tls_server, certificates.client_context()))
    assert str(caught.value) == "407 Proxy Authentication Required"
    assert caught.value.status == 407
    assert caught.value.headers == ((b"A", b"b"),)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 two OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\ntoo early",
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * LONGEST_HEAD,
    ],
    ids=["ssh", "status", "header", "early", "endless"],
)
def test_proxy_that_does_not_speak_http(run, http_proxy, tls_server, certificates, answer):
    http_proxy.refusal = answer
    with pytest.raises(ProxyError):
        connected(run, through(http_proxy, tls_server, certificates.client_context()))


def test_proxy_that_hangs_up(run, http_proxy, tls_server, certificates):
    async def hang_up(connection):
        await connection.reader.readuntil(b"\r\n\r\n")
        connection.writer.write(b"HTTP/1.1 200")
        await connection.writer.drain()

    http_proxy.serve = hang_up
    with pytest.raises((ProxyError, ConnectionError)):
        connected(run, through(http_proxy, tls_server, certificates.client_context()))


def test_proxy_that_is_not_there(run, server):
    origin = Origin("http", "x", 80, proxy=Proxy("http", "127.0.0.1", unused_port()))
    with pytest.raises(ProxyUnreachable) as caught:
        connected(run, origin)
    assert isinstance(caught.value.error, ConnectionRefusedError)


def test_certificate_behind_the_proxy_is_verified(run, http_proxy, tls_server, certificates):
    tls_server.tls.load_cert_chain(certificates.unknown)
    with pytest.raises(ssl.SSLCertVerificationError):
        connected(run, through(http_proxy, tls_server, certificates.client_context()))


@pytest.mark.parametrize("piecemeal", [False, True])
@pytest.mark.parametrize("auth", [None, (b"user", b"password")])
@pytest.mark.parametrize("over", ["plain", "tls"])
def test_socks(run, socks_proxy, server, tls_server, certificates, over, auth, piecemeal):
    socks_proxy.auth = auth
    socks_proxy.piecemeal = piecemeal
    peer, tls = (server, None) if over == "plain" else (tls_server, certificates.client_context())
    origin = through(socks_proxy, peer, tls, scheme="socks5", auth=auth)
    assert b"GET /" in connected(run, origin)
    # The name, not an address: the proxy resolves it.
    assert socks_proxy.asked == [("localhost", peer.port)]


def test_socks_with_a_wrong_password(run, socks_proxy, server):
    socks_proxy.auth = (b"user", b"password")
    origin = through(socks_proxy, server, scheme="socks5", auth=(b"user", b"guess"))
    with pytest.raises(ProxyError, match="^Invalid username/password$"):
        connected(run, origin)


def test_socks_that_wants_a_password(run, socks_proxy, server):
    socks_proxy.auth = (b"user", b"password")
    text = "^Requested NO AUTHENTICATION REQUIRED from proxy server, but got NO ACCEPTABLE METHODS"
    with pytest.raises(ProxyError, match=text):
        connected(run, through(socks_proxy, server, scheme="socks5h"))


@pytest.mark.parametrize(
    "reply, reason", [(2, "Connection not allowed by ruleset"), (99, "UNKNOWN")]
)
def test_socks_refusal(run, socks_proxy, server, reply, reason):
    socks_proxy.reply = reply
    with pytest.raises(ProxyError, match=f"^Proxy Server could not connect: {reason}"):
        connected(run, through(socks_proxy, server, scheme="socks5"))


def test_socks_with_a_name_only():
    sent, done = negotiated("x", b"\x05\x02", b"\x01\x00", auth=(b"user", b""))
    assert sent[1] == b"\x01\x04user\x00"
    assert not done


def negotiated(host, *replies, auth=None):
    """Runs a negotiation on bytes; returns what it sent, and whether it is done."""
    negotiation = Negotiation(host, 80, auth)
    sent = [negotiation.first]
    received = bytearray()
    for reply in replies:
        received += reply
        while answer := negotiation.receive(received):
            sent.append(answer)
        negotiation.receive(received)
    return sent, negotiation.is_done


@pytest.mark.parametrize(
    "host, address",
    [
        ("192.0.2.1", b"\x01\xc0\x00\x02\x01"),
        ("2001:db8::1", b"\x04\x20\x01\x0d\xb8" + bytes(11) + b"\x01"),
        ("a.example", b"\x03\x09a.example"),
        ("bücher.example", b"\x03\x15xn--bcher-kva.example"),
    ],
)
def test_socks_address(host, address):
    sent, done = negotiated(host, b"\x05\x00", b"\x05\x00\x00\x03\x01x\x00\x50")
    assert sent == [b"\x05\x01\x00", b"\x05\x01\x00" + address + b"\x00\x50"]
    assert done


@pytest.mark.parametrize("bound", [b"\x01" + bytes(4), b"\x04" + bytes(16), b"\x03\x02ab"])
def test_socks_reply_in_pieces(bound):
    reply = b"\x05\x00\x00" + bound + b"\x00\x00"
    assert negotiated("x", b"\x05\x00", reply)[1]
    for size in range(len(reply)):
        assert not negotiated("x", b"\x05\x00", reply[:size])[1]


@pytest.mark.parametrize("replies", [(b"\x04\x00",), (b"\x05\x00", b"\x05\x00\x00\x09\x00")])
def test_what_is_not_socks(replies):
    with pytest.raises(ProxyError):
        negotiated("x", *replies)


@pytest.mark.parametrize(
    "host, auth", [("x" * 256, None), ("x", (b"", b"p")), ("x", (b"u", b"p" * 256))]
)
def test_socks_names_have_a_length(host, auth):
    with pytest.raises(ProxyError):
        Negotiation(host, 80, auth)


def test_connect_request():
    assert connect_request("a.example", 443, ((b"accept", b"x"),)) == (
        b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\naccept: x\r\n\r\n"
    )
    assert connect_request("::1", 1, ()).startswith(
        b"CONNECT [::1]:1 HTTP/1.1\r\nHost: [::1]:1\r\n"
    )


@pytest.mark.parametrize("host, value", [("a\r\nb", b"x"), ("a", b"x\r\ny"), ("a", b"x\0")])
def test_nothing_is_injected_into_a_connect_request(host, value):
    with pytest.raises(ProxyError):
        connect_request(host, 443, ((b"X", value),))


def test_informational_responses_of_a_proxy_are_skipped():
    received = bytearray(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\nA:  b \r\n\r\nrest")
    answer = take_answer(received)
    assert (answer.status, answer.reason, answer.headers) == (200, "OK", ((b"A", b"b"),))
    assert received == b"rest"


@pytest.mark.parametrize("steps", range(0, 40, 3))
@pytest.mark.parametrize("kind_of_proxy", ["http", "tls", "socks"])
def test_cancellation_at_any_step_closes_everything(
    run, http_proxy, tls_proxy, socks_proxy, tls_server, certificates, kind_of_proxy, steps
):
    tls = certificates.client_context()
    origin = {
        "http": through(http_proxy, tls_server, tls),
        "tls": through(tls_proxy, tls_server, tls, tls=certificates.client_context()),
        "socks": through(socks_proxy, tls_server, tls, scheme="socks5"),
    }[kind_of_proxy]

    async def go():
        sink = Sink()
        task = asyncio.ensure_future(Connector().connect(origin, sink))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
        else:
            sink.transport.abort()
        await asyncio.sleep(0.01)

    run(go())
    gc.collect()
