"""Which file a closed Unix server takes along."""

import os
import pathlib
import re
import socket
import sys

import pytest
from network.peers import Recorder

cleans_up = pytest.mark.skipif(
    sys.version_info < (3, 13), reason="create_unix_server(cleanup_socket=) came with Python 3.13"
)


async def closed(server):
    server.close()
    await server.wait_closed()


def bound_to(path):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.bind(path)
    return sock


def test_default_of_the_running_version(run, loop, path):
    async def main():
        await closed(await loop.create_unix_server(Recorder, path))

    run(main())
    assert os.path.exists(path) is (sys.version_info < (3, 13))


@cleans_up
def test_file_is_gone_once_close_returns(run, loop, path):
    async def main():
        server = await loop.create_unix_server(Recorder, path)
        assert os.path.exists(path)
        server.close()
        assert not os.path.exists(path)
        server.close()
        await server.wait_closed()

    run(main())


@cleans_up
def test_file_of_the_callers_socket_is_removed_too(run, loop, path):
    async def main():
        await closed(await loop.create_unix_server(Recorder, sock=bound_to(path)))

    run(main())
    assert not os.path.exists(path)


@cleans_up
@pytest.mark.parametrize("by_path", [True, False])
def test_file_stays_if_that_is_wanted(run, loop, path, by_path):
    async def main():
        where = {"path": path} if by_path else {"sock": bound_to(path)}
        await closed(await loop.create_unix_server(Recorder, **where, cleanup_socket=False))

    run(main())
    assert os.path.exists(path)


@cleans_up
def test_file_that_is_gone_already(run, loop, path):
    async def main():
        server = await loop.create_unix_server(Recorder, path)
        os.unlink(path)
        await closed(server)

    run(main())


@cleans_up
def test_file_of_the_callers_socket_that_was_gone_before(run, loop, path):
    async def main():
        sock = bound_to(path)
        os.unlink(path)
        server = await loop.create_unix_server(Recorder, sock=sock)
        pathlib.Path(path).touch()
        await closed(server)

    run(main())
    assert os.path.exists(path)


@cleans_up
def test_socket_that_has_taken_its_place_stays(run, loop, path):
    async def main():
        server = await loop.create_unix_server(Recorder, path)
        os.unlink(path)
        with bound_to(path):
            await closed(server)

    run(main())
    assert os.path.exists(path)


@cleans_up
def test_second_server_at_the_same_path_survives_the_first(run, loop, path):
    async def main():
        first = await loop.create_unix_server(Recorder, path)
        second = await loop.create_unix_server(Recorder, path)
        await closed(first)
        assert os.path.exists(path)
        await closed(second)

    run(main())
    assert not os.path.exists(path)


@cleans_up
def test_what_cannot_be_removed_is_logged(run, loop, folder, logged):
    async def main():
        inner = pathlib.Path(folder, "inner")
        inner.mkdir()
        server = await loop.create_unix_server(Recorder, inner / "socket")
        (inner / "socket").unlink()
        inner.rmdir()
        inner.touch()
        await closed(server)
        return str(inner / "socket")

    path = run(main())
    message = logged.take_one().getMessage()
    pattern = r"Unable to clean up listening UNIX socket '(.*)': NotADirectoryError\(20, .*\)"
    assert re.fullmatch(pattern, message).group(1) == path


@cleans_up
@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="abstract names are a feature of Linux"
)
def test_abstract_name_leaves_files_alone(run, loop, path):
    pathlib.Path(path).touch()

    async def main():
        await closed(await loop.create_unix_server(Recorder, "\0" + path))

    run(main())
    assert os.path.exists(path)
