"""Which arguments sendfile and sock_sendfile refuse, and in which words."""

import io
import socket
import ssl

import pytest
from network.peers import Recorder

WRONG_RANGES = [
    ({"count": 0}, ValueError, "count must be a positive integer (got 0)"),
    ({"count": -1}, ValueError, "count must be a positive integer (got -1)"),
    ({"count": 1.5}, TypeError, "count must be a positive integer (got 1.5)"),
    ({"count": "all"}, TypeError, "count must be a positive integer (got 'all')"),
    ({"offset": -1}, ValueError, "offset must be a non-negative integer (got -1)"),
    ({"offset": 1.5}, TypeError, "offset must be a non-negative integer (got 1.5)"),
    ({"offset": None}, TypeError, "offset must be a non-negative integer (got None)"),
    ({"offset": "x", "count": 0}, ValueError, "count must be a positive integer (got 0)"),
]


@pytest.mark.parametrize("options, error, complaint", WRONG_RANGES)
def test_sock_sendfile_range(run, loop, pair, file_of, options, error, complaint):
    near, far = pair
    with pytest.raises(error) as raised:
        run(loop.sock_sendfile(near, file_of(b"data"), **options))
    assert str(raised.value) == complaint
    with pytest.raises(BlockingIOError):
        far.recv(1)


@pytest.mark.parametrize("options, error, complaint", WRONG_RANGES)
def test_sendfile_range(run, loop, pair, file_of, options, error, complaint):
    near, far = pair

    async def main():
        transport, protocol = await loop.connect_accepted_socket(Recorder, near)
        with pytest.raises(error) as raised:
            await loop.sendfile(transport, file_of(b"data"), **options)
        assert str(raised.value) == complaint
        assert transport.is_reading()
        transport.write(b"x")
        transport.close()
        await protocol.lost
        assert far.recv(2) == b"x"

    run(main())


def test_count_beyond_what_a_file_can_have(run, loop, pair, file_of):
    near, far = pair
    assert run(loop.sock_sendfile(near, file_of(b"data"), 0, 2**62)) == 4
    assert far.recv(10) == b"data"


def test_file_must_be_binary(run, loop, pair, file_of):
    near, _ = pair
    complaint = "file should be opened in binary mode"

    async def main():
        with open(file_of(b"data").name, encoding="utf-8") as text:
            with pytest.raises(ValueError, match=complaint):
                await loop.sock_sendfile(near, text)
            transport, protocol = await loop.connect_accepted_socket(Recorder, near)
            with pytest.raises(ValueError, match=complaint):
                await loop.sendfile(transport, text)
            transport.close()
            await protocol.lost

    run(main())


@pytest.mark.parametrize("file", [None, 7, b"data"])
def test_what_is_no_file(run, loop, pair, file):
    near, _ = pair
    with pytest.raises(AttributeError, match="has no attribute 'readinto'"):
        run(loop.sock_sendfile(near, file))


def test_closed_file(run, loop, pair, file_of):
    near, _ = pair
    file = file_of(b"data")
    file.close()
    with pytest.raises(ValueError, match="closed file"):
        run(loop.sock_sendfile(near, file))


def test_only_stream_sockets(run, loop, file_of):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        with pytest.raises(ValueError, match="only SOCK_STREAM type sockets are supported"):
            run(loop.sock_sendfile(sock, file_of(b"data")))


def test_no_sockets_of_the_ssl_module(run, loop, pair, file_of):
    near, _ = pair
    context = ssl.create_default_context()
    context.check_hostname = False
    with context.wrap_socket(near, do_handshake_on_connect=False) as wrapped:
        with pytest.raises(TypeError, match="Socket cannot be of type SSLSocket"):
            run(loop.sock_sendfile(wrapped, file_of(b"data")))


def test_blocking_socket_in_debug_mode(run, loop, pair, file_of):
    near, _ = pair
    near.setblocking(True)
    loop.set_debug(True)
    with pytest.raises(ValueError, match="the socket must be non-blocking"):
        run(loop.sock_sendfile(near, file_of(b"data")))


def test_not_connected_socket(run, loop, file_of):
    with socket.socket() as sock:
        sock.setblocking(False)
        with pytest.raises(BrokenPipeError):
            run(loop.sock_sendfile(sock, file_of(b"data")))
        with pytest.raises(BrokenPipeError):
            run(loop.sock_sendfile(sock, io.BytesIO(b"data")))
