"""loop.create_unix_connection: what it connects to, and what it refuses."""

import asyncio
import contextlib
import errno
import os
import pathlib
import socket
import ssl
import sys

import pytest
from network.peers import Recorder

linux_only = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="abstract names are a feature of Linux"
)


def listener_at(address, backlog=5):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.bind(address)
    sock.listen(backlog)
    return sock


async def exchange(loop, listener, *arguments, **options):
    """Connects, sends a word each way, and sees both sides closed."""
    transport, protocol = await loop.create_unix_connection(Recorder, *arguments, **options)
    assert protocol.calls == ["connection_made"]
    assert protocol.transport is transport
    peer, _ = listener.accept()
    with peer:
        transport.write(b"there")
        assert peer.recv(100) == b"there"
        peer.sendall(b"and back")
        assert await protocol.receive(8) == b"and back"
        transport.close()
        assert await protocol.lost is None
        assert peer.recv(100) == b""


@pytest.mark.parametrize("form", [str, os.fsencode, pathlib.Path])
def test_path_may_be_text_bytes_or_a_path_object(run, loop, path, form):
    with listener_at(path) as listener:
        run(exchange(loop, listener, form(path)))


@linux_only
@pytest.mark.parametrize("form", [str, os.fsencode])
def test_abstract_name(run, loop, path, form):
    name = form("\0" + path)
    with listener_at(name) as listener:
        run(exchange(loop, listener, name))
    assert not os.path.exists(path)


def test_connected_socket_of_the_caller(run, loop, path):
    with listener_at(path) as listener:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect(path)
        run(exchange(loop, listener, sock=sock))
        assert sock.fileno() == -1


def test_socket_of_the_caller_is_made_non_blocking(run, loop):
    near, far = socket.socketpair()

    async def main():
        transport, protocol = await loop.create_unix_connection(Recorder, sock=near)
        assert near.gettimeout() == 0
        transport.close()
        await protocol.lost

    with far:
        run(main())


def test_nobody_is_there(run, loop, path):
    with pytest.raises(FileNotFoundError):
        run(loop.create_unix_connection(Recorder, path))


def test_nobody_listens_any_more(run, loop, path):
    listener_at(path).close()
    with pytest.raises(ConnectionRefusedError):
        run(loop.create_unix_connection(Recorder, path))


def test_path_is_an_ordinary_file(run, loop, path):
    pathlib.Path(path).touch()
    with pytest.raises(ConnectionRefusedError):
        run(loop.create_unix_connection(Recorder, path))


def test_path_leads_through_a_file(run, loop, path):
    pathlib.Path(path).touch()
    with pytest.raises(NotADirectoryError):
        run(loop.create_unix_connection(Recorder, path + "/socket"))


def test_path_is_too_long(run, loop):
    with pytest.raises(OSError, match="AF_UNIX path too long"):
        run(loop.create_unix_connection(Recorder, "/tmp/" + "x" * 200))


def test_path_of_another_kind_of_socket(run, loop, path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(path)
        with pytest.raises(OSError) as raised:
            run(loop.create_unix_connection(Recorder, path))
    assert raised.value.errno == errno.EPROTOTYPE


@pytest.mark.parametrize("path", [7, 1.5, ["/tmp/socket"]])
def test_path_is_not_a_path(run, loop, path):
    with pytest.raises(TypeError, match=type(path).__name__):
        run(loop.create_unix_connection(Recorder, path))


def test_neither_path_nor_socket(run, loop):
    with pytest.raises(ValueError) as raised:
        run(loop.create_unix_connection(Recorder))
    assert str(raised.value) == "no path and sock were specified"


def test_both_path_and_socket(run, loop, path):
    with socket.socket(socket.AF_UNIX) as sock:
        with pytest.raises(ValueError) as raised:
            run(loop.create_unix_connection(Recorder, path, sock=sock))
    assert str(raised.value) == "path and sock can not be specified at the same time"


@pytest.mark.parametrize(
    "family, kind_of_socket",
    [(socket.AF_INET, socket.SOCK_STREAM), (socket.AF_UNIX, socket.SOCK_DGRAM)],
)
def test_socket_of_another_kind_is_refused(run, loop, family, kind_of_socket):
    with socket.socket(family, kind_of_socket) as sock:
        with pytest.raises(ValueError) as raised:
            run(loop.create_unix_connection(Recorder, sock=sock))
        assert str(raised.value) == f"A UNIX Domain Stream Socket was expected, got {sock!r}"
        assert sock.fileno() >= 0


@pytest.mark.parametrize(
    "options, complaint",
    [
        ({"server_hostname": "here"}, "server_hostname is only meaningful with ssl"),
        ({"ssl_handshake_timeout": 1.0}, "ssl_handshake_timeout is only meaningful with ssl"),
        ({"ssl_shutdown_timeout": 1.0}, "ssl_shutdown_timeout is only meaningful with ssl"),
        ({"ssl": True}, "you have to pass server_hostname when using ssl"),
        ({"ssl": ssl.create_default_context()}, "you have to pass server_hostname when using ssl"),
    ],
)
def test_arguments_about_tls_that_do_not_fit_together(run, loop, path, options, complaint):
    with pytest.raises(ValueError) as raised:
        run(loop.create_unix_connection(Recorder, path, **options))
    assert str(raised.value) == complaint


# The standard library leaves the socket to the garbage collector, which complains.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_protocol_factory_that_raises_leaves_nothing_open(run, loop, path):
    def factory():
        raise ArithmeticError("no protocol")

    with listener_at(path), pytest.raises(ArithmeticError, match="no protocol"):
        run(loop.create_unix_connection(factory, path))


def test_cancellation_while_connecting_leaves_nothing_open(run, loop, path, turn):
    with listener_at(path):
        task = loop.create_task(loop.create_unix_connection(Recorder, path))
        turn()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)


@linux_only
def test_full_queue_of_the_server_is_not_taken_for_a_connection(run, loop, kind, path):
    # Linux neither queues the connection nor tells when there is room. The standard
    # library reports it as made; its first use then fails.
    async def main():
        with contextlib.ExitStack() as opened:
            opened.enter_context(listener_at(path, backlog=0))
            first = opened.enter_context(socket.socket(socket.AF_UNIX))
            first.connect(path)
            sock = opened.enter_context(socket.socket(socket.AF_UNIX))
            sock.setblocking(False)
            try:
                await loop.sock_connect(sock, path)
                sock.getpeername()
            except OSError as error:
                return error.errno

    assert run(main()) == (errno.EAGAIN if kind == "aioxide" else errno.ENOTCONN)
