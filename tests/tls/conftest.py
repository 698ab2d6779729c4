"""Fixtures of the TLS tests: certificates of this run, contexts, connections made of them."""

import functools
import os

import pytest
from network.peers import Recorder

from .certificates import VERSIONS, Certificates
from .peers import both_ends, facing_peer


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """The certificates, issued once per run."""
    return Certificates.issue(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(params=VERSIONS, ids=lambda version: version.name)
def version(request):
    """Each version of TLS in turn."""
    return request.param


@pytest.fixture(params=["client", "server"])
def side(request):
    """Which end of the connection the loop has: each in turn."""
    return request.param


@pytest.fixture
def contexts(certificates):
    """A pair of contexts that trust each other: (for servers, for clients)."""
    return certificates.server_context(), certificates.client_context()


@pytest.fixture
def wired(loop, contexts):
    """``peers.facing_peer`` with the loop and the contexts of the test filled in."""
    return functools.partial(facing_peer, loop, contexts)


@pytest.fixture
def paired(loop, contexts):
    """``peers.both_ends`` with the loop and the contexts of the test filled in."""
    return functools.partial(both_ends, loop, contexts)


class Remembered(list):
    """A protocol factory that is the list of the Recorders it made."""

    def __call__(self):
        self.append(Recorder())
        return self[-1]


@pytest.fixture
def remembered():
    """A protocol factory that is also the list of the Recorders it made."""
    return Remembered()


@pytest.fixture
def count_descriptors():
    """A callable that says how many descriptors the process has open."""
    folder = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"
    return lambda: len(os.listdir(folder))
