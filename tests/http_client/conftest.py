"""Fixtures of the HTTP client: it runs on aioxide's loop only, against servers on the same loop."""

import importlib
import os

import pytest
from aioxide.http import Transport
from aioxide.http._httpx.in_place import accelerate_httpx
from tls.certificates import Certificates

from .proxies import HttpProxy, SocksProxy
from .servers import Server


@pytest.fixture
def kind():
    """The client needs aioxide's loop."""
    wanted = os.environ.get("AIOXIDE_TEST_LOOPS")
    if wanted and "aioxide" not in wanted.split(","):
        pytest.skip(f"AIOXIDE_TEST_LOOPS={wanted} leaves aioxide out")
    return "aioxide"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """The certificates, issued once per run."""
    return Certificates.issue(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(autouse=True)
def no_proxies_of_the_environment(monkeypatch):
    """What the machine has set must not decide what a test does."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def started(loop, run, server):
    """Starts a server on the loop, and closes it afterwards."""
    run(server.start())
    yield server
    if not loop.is_closed():
        run(server.stop())


@pytest.fixture
def server(loop, run):
    """An HTTP server; see `servers.Server`."""
    yield from started(loop, run, Server())


@pytest.fixture
def tls_server(loop, run, certificates):
    """The same over TLS."""
    yield from started(loop, run, Server(tls=certificates.server_context()))


@pytest.fixture
def http_proxy(loop, run):
    """An HTTP proxy; see `proxies.HttpProxy`."""
    yield from started(loop, run, HttpProxy())


@pytest.fixture
def tls_proxy(loop, run, certificates):
    """An HTTP proxy that is spoken to over TLS."""
    yield from started(loop, run, HttpProxy(tls=certificates.server_context()))


@pytest.fixture
def socks_proxy(loop, run):
    """A SOCKS5 proxy; see `proxies.SocksProxy`."""
    yield from started(loop, run, SocksProxy())


@pytest.fixture(params=["httpx", "httpx2"])
def package(request):
    """Each of the two packages."""
    return importlib.import_module(request.param)


@pytest.fixture(params=["library", "transport", "in place"])
def door(request, package):
    """The library itself, our transport, and the library accelerated: they behave alike."""
    undo = accelerate_httpx(package) if request.param == "in place" else None
    yield request.param
    if undo is not None:
        undo()


@pytest.fixture
def transport(door, package):
    """Makes a transport with the arguments of ``AsyncHTTPTransport``."""
    return Transport if door == "transport" else package.AsyncHTTPTransport


@pytest.fixture
def client(package, transport, certificates):
    """Makes a client whose transport has these arguments; servers of the tests are trusted."""

    def make(*, verify=None, timeout=5.0, client_options=None, **options):
        verify = certificates.client_context() if verify is None else verify
        return package.AsyncClient(
            transport=transport(verify=verify, **options),
            timeout=timeout,
            trust_env=False,
            **(client_options or {}),
        )

    return make


@pytest.fixture
def is_native(door):
    """Tells whether a response came by the native client; it must exactly when it should."""

    def check(response):
        module = type(response.extensions["network_stream"]).__module__
        assert module.startswith("aioxide.") == (door != "library")

    return check
