"""From an origin to a transport: directly, over Unix sockets, with TLS."""

import asyncio
import errno
import gc
import socket
import ssl

import pytest
from aioxide.http import _tls_sessions
from aioxide.http._connecting import Connector
from aioxide.http._origins import Origin
from network.peers import unused_port


class Sink(asyncio.Protocol):
    """Stands for the pool's protocol: keeps what arrives."""

    def __init__(self):
        self.transport = None
        self.received = b""
        self.made = 0
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport
        self.made += 1

    def data_received(self, data):
        self.received += data

    def connection_lost(self, exc):
        if not self.lost.done():
            self.lost.set_result(exc)


async def fetch(sink, head=b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"):
    """Sends a request over a connection that was made, and waits for an answer."""
    sink.transport.write(head)
    while not sink.received:
        await asyncio.sleep(0.001)
    sink.transport.abort()
    await sink.lost
    return sink.received


def connected(run, origin, **options):
    """Connects to an origin, fetches something, and returns it."""

    async def go():
        sink = Sink()
        assert await Connector(**options).connect(origin, sink) is sink.transport
        assert sink.made == 1
        return await fetch(sink)

    return run(go())


def test_plain(run, server):
    assert b"GET /" in connected(run, Origin("http", "127.0.0.1", server.port))


def test_name_is_resolved_by_the_loop(run, server, loop):
    assert b"GET /" in connected(run, Origin("http", "localhost", server.port))


def test_unix_socket(run, loop, tmp_path, server):
    from .servers import Server

    other = Server()
    run(other.start(path=str(tmp_path / "socket")))
    try:
        origin = Origin("http", "ignored.invalid", 80, unix_path=str(tmp_path / "socket"))
        assert b"GET /" in connected(run, origin)
    finally:
        run(other.stop())


def test_unix_socket_that_is_not_there(run, tmp_path):
    with pytest.raises(FileNotFoundError):
        connected(run, Origin("http", "x", 80, unix_path=str(tmp_path / "none")))


def test_tls(run, tls_server, certificates):
    origin = Origin("https", "localhost", tls_server.port, certificates.client_context())
    assert b"GET /" in connected(run, origin)


def test_server_hostname_replaces_the_host(run, certificates, tls_server):
    names = []
    tls_server.tls.sni_callback = lambda sock, name, context: names.append(name)
    tls = certificates.client_context()
    origin = Origin("https", "127.0.0.1", tls_server.port, tls, server_hostname="localhost")
    assert b"GET /" in connected(run, origin)
    assert names == ["localhost"]


def test_wrong_certificate(run, loop, certificates, tls_server):
    tls_server.tls.load_cert_chain(certificates.unknown)
    origin = Origin("https", "localhost", tls_server.port, certificates.client_context())
    with pytest.raises(ssl.SSLCertVerificationError):
        connected(run, origin)


def test_wrong_name(run, certificates, tls_server):
    tls = certificates.client_context()
    origin = Origin("https", "localhost", tls_server.port, tls, server_hostname="other.example")
    with pytest.raises(ssl.SSLCertVerificationError):
        connected(run, origin)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_session_is_resumed(run, certificates, tls_server, version):
    tls = certificates.client_context(version)
    others = certificates.client_context(version)

    async def go():
        connector = Connector()
        resumed = []
        for context, host in (
            (tls, "localhost"),
            (tls, "localhost"),
            (tls, "127.0.0.1"),
            (others, "localhost"),
            (tls, "localhost"),
        ):
            sink = Sink()
            origin = Origin("https", host, tls_server.port, context)
            await connector.connect(origin, sink)
            resumed.append(sink.transport.get_extra_info("ssl_object").session_reused)
            await fetch(sink)
        return resumed

    assert run(go()) == [False, True, False, False, True]


def test_sessions_are_forgotten_when_there_are_too_many(run, certificates, tls_server, monkeypatch):
    monkeypatch.setattr(_tls_sessions, "MOST_SERVERS", 1)
    tls = certificates.client_context()

    async def go():
        connector = Connector()
        for host in ("localhost", "127.0.0.1"):
            sink = Sink()
            await connector.connect(Origin("https", host, tls_server.port, tls), sink)
            await fetch(sink)
        return [origin.host for origin in connector._sessions._kept]

    assert run(go()) == ["127.0.0.1"]


class Connected:
    """A transport whose connection counts how often it is asked for its session."""

    def __init__(self, reused):
        self.session_reused = reused
        self.asked = 0

    def get_extra_info(self, name):
        return self

    @property
    def session(self):
        self.asked += 1
        return ("session of", self)


def test_a_session_is_asked_for_once_and_kept_while_the_server_accepts_it():
    """CPython loses some kilobytes each time."""
    origin = Origin("https", "localhost", 443, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    sessions = _tls_sessions.Sessions()
    assert sessions.resuming(origin) is None
    first, refused = Connected(False), Connected(False)
    sessions.keep(origin, first)
    for _ in range(3):
        assert sessions.resuming(origin)._session == ("session of", first)
        sessions.keep(origin, Connected(True))
    assert first.asked == 1
    # The server has made a full handshake: another session is to be resumed from now on.
    sessions.keep(origin, refused)
    assert sessions.resuming(origin)._session == ("session of", refused)


def test_alpn_is_offered(run, certificates, tls_server):
    tls_server.tls.set_alpn_protocols(["http/1.1"])
    tls = certificates.client_context()

    async def go():
        sink = Sink()
        origin = Origin("https", "localhost", tls_server.port, tls)
        await Connector(alpn=("http/1.1",)).connect(origin, sink)
        chosen = sink.transport.get_extra_info("ssl_object").selected_alpn_protocol()
        await fetch(sink)
        return chosen

    assert run(go()) == "http/1.1"


def test_local_address(run, server):
    origin = Origin("http", "127.0.0.1", server.port)
    connected(run, origin, local_address="127.0.0.2")
    assert server.requests[0].peer[0] == "127.0.0.2"


def test_socket_options(run, server):
    async def go():
        sink = Sink()
        option = (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        origin = Origin("http", "127.0.0.1", server.port)
        await Connector(socket_options=[option]).connect(origin, sink)
        sock = sink.transport.get_extra_info("socket")
        value = sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        await fetch(sink)
        return value

    assert run(go()) == 1


def test_refused(run):
    with pytest.raises(ConnectionRefusedError):
        connected(run, Origin("http", "127.0.0.1", unused_port()))


def test_name_without_an_address(run, monkeypatch):
    def fail(*args, **options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(socket.gaierror, match="not known"):
        connected(run, Origin("http", "no.such.host", 80))


def entries(*addresses):
    """What getaddrinfo() returns for these pairs of host and port."""
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]


def test_second_address_is_tried(run, server, monkeypatch):
    found = entries(("127.0.0.1", unused_port()), ("127.0.0.1", server.port))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: found)
    assert b"GET /" in connected(run, Origin("http", "two.example", 80))


def test_address_that_is_silent_does_not_hold_up_the_next(run, server, monkeypatch):
    # A full queue: the kernel drops what comes after it, so connecting does not end.
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        fillers = []
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            with pytest.raises(BlockingIOError):
                filler.connect(silent.getsockname())
            fillers.append(filler)
        found = entries(silent.getsockname(), ("127.0.0.1", server.port))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: found)
        assert b"GET /" in connected(
            run, Origin("http", "two.example", 80), happy_eyeballs_delay=0.01
        )
        for filler in fillers:
            filler.close()


@pytest.mark.parametrize("steps", range(12))
@pytest.mark.parametrize("over", ["plain", "tls"])
def test_cancellation_at_any_step_closes_everything(
    run, loop, turn, server, tls_server, certificates, over, steps
):
    # The descriptors are counted by a fixture of the whole suite, warnings are errors.
    peer, tls = (server, None) if over == "plain" else (tls_server, certificates.client_context())

    async def go():
        sink = Sink()
        origin = Origin("http", "localhost", peer.port, tls)
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


def test_failing_socket_option_closes_the_socket(run, server):
    origin = Origin("http", "127.0.0.1", server.port)
    with pytest.raises(OSError) as caught:
        connected(run, origin, socket_options=[(socket.SOL_SOCKET, 9999, 1)])
    assert caught.value.errno == errno.ENOPROTOOPT


def test_equal_origins_are_one_key(certificates):
    tls = certificates.client_context()
    one, other = Origin("https", "a", 1, tls), Origin("https", "a", 1, tls)
    assert one == other and hash(one) == hash(other)
    assert one != Origin("https", "a", 1, certificates.client_context())
