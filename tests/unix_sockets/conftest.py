"""What the tests of Unix sockets have in common: a place for sockets, and servers there."""

import shutil
import tempfile

import pytest
from network.peers import Recorder


@pytest.fixture
def folder():
    """A folder whose path leaves room for a socket's name, which may have 107 bytes in all."""
    path = tempfile.mkdtemp(prefix="unix-")
    yield path
    shutil.rmtree(path)


@pytest.fixture
def path(folder):
    """Where a socket can be made; nothing is there yet."""
    return f"{folder}/socket"


@pytest.fixture
def serve(loop):
    """Starts a server: returns it and the list of its protocols so far."""

    async def start(*arguments, **options):
        protocols = []

        def factory():
            protocols.append(Recorder())
            return protocols[-1]

        return await loop.create_unix_server(factory, *arguments, **options), protocols

    return start
