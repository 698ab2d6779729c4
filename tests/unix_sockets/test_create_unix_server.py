"""loop.create_unix_server: where it listens, and what it refuses."""

import asyncio
import errno
import os
import pathlib
import re
import socket
import stat
import sys

import pytest
from network.peers import Recorder

linux_only = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="abstract names are a feature of Linux"
)


def connected_to(address):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(10)
    try:
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


def is_socket(path):
    return stat.S_ISSOCK(os.stat(path).st_mode)


async def serves(server, protocols, address):
    """Sees a connection through, then closes the server."""
    with connected_to(address) as sock:
        sock.sendall(b"hello")
        while not protocols:
            await asyncio.sleep(0)
        (protocol,) = protocols
        assert await protocol.receive(5) == b"hello"
        protocol.transport.write(b"and back")
        assert sock.recv(100) == b"and back"
    await protocol.lost
    assert protocol.calls == ["connection_made", "data_received", "eof_received", "connection_lost"]
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("form", [str, os.fsencode, pathlib.Path])
def test_path_may_be_text_bytes_or_a_path_object(run, loop, serve, path, form):
    async def main():
        server, protocols = await serve(form(path))
        assert is_socket(path)
        (sock,) = server.sockets
        assert sock.getsockname() == path
        assert (sock.family, sock.type) == (socket.AF_UNIX, socket.SOCK_STREAM)
        assert sock.gettimeout() == 0
        await serves(server, protocols, path)

    run(main())


@linux_only
@pytest.mark.parametrize("form", [str, os.fsencode])
def test_abstract_name(run, loop, serve, path, form):
    async def main():
        server, protocols = await serve(form("\0" + path))
        assert server.sockets[0].getsockname() == b"\0" + os.fsencode(path)
        assert not os.path.exists(path)
        await serves(server, protocols, "\0" + path)

    run(main())


def test_bound_socket_of_the_caller(run, loop, serve, path):
    async def main():
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.bind(path)
        server, protocols = await serve(sock=sock)
        assert sock.gettimeout() == 0
        await serves(server, protocols, path)
        assert sock.fileno() == -1

    run(main())


def test_listens_only_once_told_to(run, loop, serve, path):
    async def main():
        server, protocols = await serve(path, start_serving=False)
        assert not server.is_serving()
        with pytest.raises(ConnectionRefusedError):
            connected_to(path)
        await server.start_serving()
        assert server.is_serving()
        await serves(server, protocols, path)

    run(main())


@linux_only
def test_backlog_is_how_many_the_system_queues(run, loop, serve, path):
    async def main():
        server, protocols = await serve(path, backlog=2, start_serving=False)
        # Listens, but nobody accepts while this coroutine does not wait.
        starting = loop.create_task(server.start_serving())
        await asyncio.sleep(0)
        waiting = []
        try:
            with pytest.raises(BlockingIOError):
                for _ in range(10):
                    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                    waiting.append(sock)
                    sock.setblocking(False)
                    sock.connect(path)
            # Linux takes one more than it is told.
            assert len(waiting) == 2 + 1 + 1
        finally:
            for sock in waiting:
                sock.close()
        await starting
        while len(protocols) < 3:
            await asyncio.sleep(0)
        for protocol in protocols:
            await protocol.lost
        server.close()
        await server.wait_closed()

    run(main())


def test_socket_that_an_earlier_server_left_is_replaced(run, loop, serve, path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as earlier:
        earlier.bind(path)
    assert is_socket(path)

    async def main():
        server, protocols = await serve(path)
        await serves(server, protocols, path)

    run(main())


def test_a_file_that_is_no_socket_stays(run, loop, path):
    pathlib.Path(path).write_text("precious")
    with pytest.raises(OSError) as raised:
        run(loop.create_unix_server(Recorder, path))
    assert raised.value.errno == errno.EADDRINUSE
    assert raised.value.strerror == f"Address {path!r} is already in use"
    assert pathlib.Path(path).read_text() == "precious"


@linux_only
def test_abstract_name_in_use_is_named(run, loop, path):
    name = "\0" + path
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(name)
        with pytest.raises(OSError) as raised:
            run(loop.create_unix_server(Recorder, name))
    assert raised.value.errno == errno.EADDRINUSE
    assert raised.value.strerror == f"Address {name!r} is already in use"


def test_folder_is_not_there(run, loop, folder):
    with pytest.raises(FileNotFoundError):
        run(loop.create_unix_server(Recorder, f"{folder}/none/socket"))


def test_what_cannot_be_looked_at_is_logged_and_left(run, loop, path, logged):
    pathlib.Path(path).touch()
    inside = path + "/socket"
    with pytest.raises(NotADirectoryError):
        run(loop.create_unix_server(Recorder, inside))
    message = logged.take_one().getMessage()
    pattern = r"Unable to check or remove stale UNIX socket '(.*)': NotADirectoryError\(20, .*\)"
    assert re.fullmatch(pattern, message).group(1) == inside


def test_path_is_too_long(run, loop):
    with pytest.raises(OSError, match="AF_UNIX path too long"):
        run(loop.create_unix_server(Recorder, "/tmp/" + "x" * 200))


# The standard library leaves the socket to the garbage collector, which complains.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.parametrize(
    "path, error", [("", IndexError), ("a\0b", ValueError), (7, TypeError), (["x"], TypeError)]
)
def test_path_is_not_a_path(run, loop, path, error):
    with pytest.raises(error):
        run(loop.create_unix_server(Recorder, path))


def test_neither_path_nor_socket(run, loop):
    with pytest.raises(ValueError) as raised:
        run(loop.create_unix_server(Recorder))
    assert str(raised.value) == "path was not specified, and no sock specified"


def test_both_path_and_socket(run, loop, path):
    with socket.socket(socket.AF_UNIX) as sock:
        with pytest.raises(ValueError) as raised:
            run(loop.create_unix_server(Recorder, path, sock=sock))
    assert str(raised.value) == "path and sock can not be specified at the same time"


@pytest.mark.parametrize(
    "family, kind_of_socket",
    [(socket.AF_INET, socket.SOCK_STREAM), (socket.AF_UNIX, socket.SOCK_DGRAM)],
)
def test_socket_of_another_kind_is_refused(run, loop, family, kind_of_socket):
    with socket.socket(family, kind_of_socket) as sock:
        with pytest.raises(ValueError) as raised:
            run(loop.create_unix_server(Recorder, sock=sock))
        assert str(raised.value) == f"A UNIX Domain Stream Socket was expected, got {sock!r}"
        assert sock.fileno() >= 0


@pytest.mark.parametrize("ssl", [True, False])
def test_ssl_must_be_a_context(run, loop, path, ssl):
    with pytest.raises(TypeError) as raised:
        run(loop.create_unix_server(Recorder, path, ssl=ssl))
    assert str(raised.value) == "ssl argument must be an SSLContext or None"


@pytest.mark.parametrize("name", ["ssl_handshake_timeout", "ssl_shutdown_timeout"])
def test_timeouts_of_tls_want_tls(run, loop, path, name):
    with pytest.raises(ValueError) as raised:
        run(loop.create_unix_server(Recorder, path, **{name: 1.0}))
    assert str(raised.value) == f"{name} is only meaningful with ssl"
    assert not os.path.exists(path)
