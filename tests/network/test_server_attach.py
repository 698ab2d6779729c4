"""Connections of others that are attached to a server."""

import asyncio
import gc
import sys

import pytest

takes_objects = pytest.mark.skipif(
    sys.version_info < (3, 13), reason="until Python 3.12 a server only counts connections"
)


class Connection:
    """Counts how often it is asked to end."""

    def __init__(self):
        self.closed = self.aborted = 0

    def close(self):
        self.closed += 1

    def abort(self):
        self.aborted += 1


@takes_objects
def test_attached_objects_are_held_by_weak_references(run, loop):
    async def main():
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        for _ in range(100):
            server._attach(Connection())
        kept = Connection()
        server._attach(kept)
        gc.collect()
        assert list(server._clients) == [kept]
        server.close_clients()
        server.abort_clients()
        assert (kept.closed, kept.aborted) == (1, 1)
        server.close()
        server._detach(kept)
        await server.wait_closed()

    run(main())


@takes_objects
def test_an_object_that_cannot_be_referred_to_weakly_is_refused(run, loop):
    async def main():
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        with pytest.raises(TypeError, match="cannot create weak reference to 'int' object"):
            server._attach(7)
        server.close()
        await server.wait_closed()

    run(main())


@takes_objects
def test_an_object_that_was_never_attached_may_be_detached(run, loop):
    async def main():
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        server._detach(Connection())
        server.close()
        await server.wait_closed()

    run(main())


def test_a_closed_server_takes_no_connection(run, loop):
    async def main():
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        server.close()
        with pytest.raises(AssertionError):
            server._attach(*([Connection()] if sys.version_info >= (3, 13) else []))
        await server.wait_closed()

    run(main())


def test_a_server_shows_what_it_was_made_with(run, loop):
    async def main():
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0, backlog=7)
        assert server._protocol_factory is asyncio.Protocol
        assert server._backlog == 7
        assert server._ssl_context is None
        server.close()
        await server.wait_closed()

    run(main())
