"""``aioxide.http.Transport`` itself: what differs from ``AsyncHTTPTransport``, what must not."""

import asyncio
import inspect
import threading

import aioxide
import aioxide.http
import pytest
from aioxide.http import Transport


def test_arguments_are_those_of_the_packages(package):
    ours = inspect.signature(Transport).parameters
    theirs = inspect.signature(package.AsyncHTTPTransport).parameters
    assert list(ours) == list(theirs)
    for name in ours:
        if name != "limits":  # None stands for the same numbers.
            assert ours[name].default == theirs[name].default


def test_default_limits_are_those_of_the_packages(package):
    limits = inspect.signature(package.AsyncHTTPTransport).parameters["limits"].default
    settings = Transport()._pools._settings
    assert settings.max_connections == limits.max_connections
    assert settings.max_keepalive_connections == limits.max_keepalive_connections
    assert settings.keepalive_expiry == limits.keepalive_expiry


def test_one_version_is_needed():
    with pytest.raises(ValueError, match="http2"):
        Transport(http1=False, http2=False)


def test_one_transport_serves_both_packages(run, server):
    import httpx
    import httpx2

    async def go():
        async with Transport() as transport:
            kinds = []
            for package in (httpx, httpx2):
                answer = await package.AsyncClient(transport=transport).get(server.url)
                kinds.append(isinstance(answer, package.Response))
            return kinds

    assert run(go()) == [True, True]
    assert len(server.accepted) == 1


def test_request_of_no_package(run):
    async def go():
        async with Transport() as transport:
            with pytest.raises(TypeError, match="httpx"):
                await transport.handle_async_request(object())

    run(go())


def test_request_class_derived_from_a_packages(run, package, server):
    class Request(package.Request):
        pass

    async def go():
        async with Transport() as transport:
            answer = await transport.handle_async_request(Request("GET", server.url))
            await answer.aread()
            return answer

    assert type(run(go())) is package.Response


def test_on_another_loop_the_first_use_raises(package):
    async def go():
        async with package.AsyncClient(transport=Transport()) as http:
            with pytest.raises(RuntimeError, match="aioxide"):
                await http.get("http://localhost/")

    loop = asyncio.SelectorEventLoop()
    try:
        loop.run_until_complete(go())
    finally:
        loop.close()


def fetch_on_a_loop_of_its_own(package, transport, url, close=False):
    async def go():
        client = package.AsyncClient(transport=transport)
        answer = await client.get(url)
        if close:
            await client.aclose()
        return answer.status_code

    return aioxide.run(go())


@pytest.fixture
def server_in_a_thread():
    """A server on a loop of its own, for tests whose loops come and go."""
    from .servers import Server

    server = Server()
    ready, done = threading.Event(), threading.Event()

    def serve():
        async def go():
            await server.start()
            ready.set()
            while not done.is_set():
                await asyncio.sleep(0.01)
            await server.stop()

        aioxide.run(go())

    thread = threading.Thread(target=serve)
    thread.start()
    assert ready.wait(10)
    yield server
    done.set()
    thread.join()


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_each_loop_has_connections_of_its_own(package, server_in_a_thread):
    transport = Transport()
    for last in (False, False, True):
        url = server_in_a_thread.url
        assert fetch_on_a_loop_of_its_own(package, transport, url, close=last) == 200
    assert len(server_in_a_thread.accepted) == 3


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_two_loops_at_once(package, server_in_a_thread):
    transport = Transport()
    statuses = []

    def fetch():
        async def go():
            client = package.AsyncClient(transport=transport)
            for _ in range(20):
                answer = await client.get(server_in_a_thread.url)
                statuses.append(answer.status_code)

        aioxide.run(go())

    threads = [threading.Thread(target=fetch) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert statuses == [200] * 60


def test_origins_are_forgotten_when_there_are_too_many(run, package, server, monkeypatch):
    from aioxide.http._httpx import pool

    monkeypatch.setattr(pool, "MOST_ORIGINS", 1)

    async def go():
        async with Transport() as transport, package.AsyncClient(transport=transport) as http:
            for host in ("localhost", "127.0.0.1", "localhost", "127.0.0.1"):
                await http.get(f"http://{host}:{server.port}/")
            return len(transport._pools.of(asyncio.get_running_loop())._origins)

    assert run(go()) == 1
    assert len(server.accepted) == 2  # Equal origins share connections.
