"""What the tests of sendfile have in common: files, and connections to send them through."""

import socket

import pytest
from network.peers import tcp_pair


@pytest.fixture
def file_of(tmp_path):
    """Makes a file with the given bytes and opens it: ``file_of(data)``."""
    opened = []

    def make(data, **options):
        path = tmp_path / f"file-{len(opened)}"
        path.write_bytes(data)
        opened.append(path.open("rb", **options))
        return opened[-1]

    yield make
    for file in opened:
        file.close()


@pytest.fixture(params=["tcp", "unix"])
def pair(request):
    """Two connected, non-blocking stream sockets, TCP and Unix in turn."""
    near, far = tcp_pair() if request.param == "tcp" else socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    with near, far:
        yield near, far
