"""loop.sendfile over TLS: the kernel cannot encrypt, so the file is read and written."""

import asyncio
import re

import pytest
from network.peers import patterned, reset


@pytest.fixture
def contexts(certificates, version):
    return certificates.server_context(version=version), certificates.client_context(version)


@pytest.fixture
def file(tmp_path):
    """A file of 1 MiB, open for reading."""
    path = tmp_path / "file"
    path.write_bytes(patterned(1024 * 1024))
    with path.open("rb") as opened:
        yield opened


@pytest.mark.parametrize(
    ("offset", "count"), [(0, None), (1000, None), (0, 100_000), (5000, 100_000), (0, 10**9)]
)
def test_a_file_arrives(run, loop, wired, side, file, offset, count):
    expected = patterned(1024 * 1024)[offset:][:count]

    async def main():
        async with wired(side) as (transport, protocol, peer):
            sending = loop.create_task(loop.sendfile(transport, file, offset, count))
            assert await peer.receive(len(expected)) == expected
            assert await sending == len(expected)
            assert file.tell() == offset + len(expected)
            # The protocol has its transport back.
            assert transport.get_protocol() is protocol
            transport.write(b"after it")
            assert await peer.receive(8) == b"after it"
            await peer.send(b"answer")
            assert await protocol.receive(6) == b"answer"

    run(main(), deadline=25)


def test_without_the_fallback(run, loop, wired, file):
    async def main():
        async with wired() as (transport, _, _):
            text = (
                "fallback is disabled and native sendfile is not supported"
                f" for transport {transport!r}"
            )
            with pytest.raises(RuntimeError, match=f"^{re.escape(text)}$"):
                await loop.sendfile(transport, file, fallback=False)

    run(main())


def test_on_a_closing_transport(run, loop, wired, file):
    async def main():
        async with wired() as (transport, _, _):
            transport.abort()
            with pytest.raises(RuntimeError, match="^Transport is closing$"):
                await loop.sendfile(transport, file)

    run(main())


def test_an_empty_file(run, loop, wired, tmp_path):
    (tmp_path / "empty").touch()

    async def main():
        async with wired() as (transport, _, peer):
            with (tmp_path / "empty").open("rb") as empty:
                assert await loop.sendfile(transport, empty) == 0
            transport.write(b"x")
            assert await peer.receive(1) == b"x"

    run(main())


def test_a_peer_that_resets(run, loop, wired, tmp_path):
    (tmp_path / "large").write_bytes(bytes(16 * 1024 * 1024))

    async def main():
        async with wired() as (transport, protocol, peer):
            with (tmp_path / "large").open("rb") as large:
                sending = loop.create_task(loop.sendfile(transport, large))
                await peer.receive(100_000)
                # Nobody reads: sendfile comes to wait for room.
                while transport.get_write_buffer_size() < 512 * 1024:
                    await asyncio.sleep(0)
                reset(peer.sock)
                with pytest.raises(ConnectionError):
                    await sending
                assert isinstance(await protocol.lost, ConnectionError)

    run(main(), deadline=25)
