"""``install(http=True)``: which requests run natively, and which by the library's own code."""

import asyncio
import importlib
import inspect
import logging
import socket
import ssl

import pytest
from aioxide.http import _in_place, _versions
from aioxide.http._httpx import in_place
from aioxide.http._httpx.in_place import accelerate_httpx


@pytest.fixture
def undo(package):
    """The package is accelerated; the fixture takes that back."""
    undo = accelerate_httpx(package)
    yield undo
    undo()


@pytest.fixture
def core(package):
    """The package below."""
    return importlib.import_module({"httpx": "httpcore", "httpx2": "httpcore2"}[package.__name__])


@pytest.fixture
def is_native(run, package, server):
    """Whether a request of a client runs natively now: ``is_native(client)``."""

    clients = []

    async def check(client):
        clients.append(client)
        answer = await client.get(server.url)
        assert answer.text == "GET /\n"
        return type(answer.extensions["network_stream"]).__module__.startswith("aioxide.")

    yield lambda client=None: run(check(client or package.AsyncClient()))
    for client in clients:
        run(client.aclose())


def test_accelerated_and_undone(undo, is_native):
    assert is_native()
    undo()
    assert not is_native()


def test_names_that_were_imported_before(package, is_native):
    client_class, transport_class = package.AsyncClient, package.AsyncHTTPTransport
    undo = accelerate_httpx(package)
    try:
        assert is_native(client_class(transport=transport_class()))
    finally:
        undo()


def test_what_looks_at_the_methods_sees_the_librarys(package, undo):
    method = package.AsyncHTTPTransport.handle_async_request
    assert method.__qualname__ == "AsyncHTTPTransport.handle_async_request"
    assert inspect.iscoroutinefunction(method)


def test_undone_in_the_middle_of_a_client(run, package, server, undo):
    async def go():
        async with package.AsyncClient() as http:
            await http.get(server.url)
            undo()
            await asyncio.sleep(0.01)
            await server.accepted[0].closed.wait()
            return await http.get(server.url)

    assert run(go()).status_code == 200
    assert len(server.accepted) == 2


def test_wrapper_set_later_still_reaches_the_native_client(package, undo, is_native, monkeypatch):
    inner = package.AsyncHTTPTransport.handle_async_request
    seen = []

    async def wrapper(self, request):
        seen.append(request.method)
        return await inner(self, request)

    monkeypatch.setattr(package.AsyncHTTPTransport, "handle_async_request", wrapper)
    assert is_native()
    undo()
    assert package.AsyncHTTPTransport.handle_async_request is wrapper
    assert not is_native()
    assert seen == ["GET", "GET"]


def test_transport_that_was_changed_before_is_left_alone(package, monkeypatch, caplog):
    async def wrapper(self, request):
        raise AssertionError

    monkeypatch.setattr(package.AsyncHTTPTransport, "handle_async_request", wrapper)
    assert accelerate_httpx(package) is None
    assert "was changed before" in caplog.text


REPLACED = [
    ("_async.connection_pool", "AsyncConnectionPool", "handle_async_request"),
    ("_async.connection_pool", "AsyncConnectionPool", "create_connection"),
    ("_async.connection", "AsyncHTTPConnection", "handle_async_request"),
    ("_async.http11", "AsyncHTTP11Connection", "handle_async_request"),
    ("_backends.auto", "AutoBackend", "connect_tcp"),
    ("_backends.anyio", "AnyIOBackend", "connect_tcp"),
]


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("module, owner, name", REPLACED)
def test_replaced_function_is_respected(
    package, core, undo, is_native, monkeypatch, module, owner, name, before
):
    if not before:
        assert is_native()
    owner = getattr(importlib.import_module(f"{core.__name__}.{module}"), owner)
    inner = getattr(owner, name)
    seen = []

    def wrapper(self, *args, **named):
        seen.append(name)
        return inner(self, *args, **named)

    monkeypatch.setattr(owner, name, wrapper)
    assert not is_native()
    assert seen
    monkeypatch.undo()
    assert is_native()


def test_replaced_function_of_anyio_is_respected(undo, is_native, monkeypatch):
    import anyio

    inner = anyio.connect_tcp
    monkeypatch.setattr(anyio, "connect_tcp", lambda *args, **named: inner(*args, **named))
    assert not is_native()


def test_function_replaced_on_one_pool(package, undo, is_native):
    client = package.AsyncClient()
    pool = client._transport._pool
    inner = pool.handle_async_request
    pool.handle_async_request = lambda request: inner(request)
    assert not is_native(client)
    del pool.handle_async_request
    assert is_native(client)


def test_backend_of_the_programs_own(run, package, core, undo):
    async def go():
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmock"
        async with package.AsyncClient() as http:
            http._transport._pool = core.AsyncConnectionPool(
                network_backend=core.AsyncMockBackend([answer])
            )
            return await http.get("http://nowhere.invalid/")

    assert run(go()).content == b"mock"


def test_pool_class_of_the_programs_own(package, core, undo, is_native):
    class Pool(core.AsyncConnectionPool):
        pass

    client = package.AsyncClient()
    client._transport._pool = Pool(ssl_context=ssl.create_default_context())
    assert not is_native(client)


def test_pool_that_is_exchanged(package, core, undo, is_native):
    client = package.AsyncClient()
    assert is_native(client)
    client._transport._pool = core.AsyncConnectionPool(ssl_context=ssl.create_default_context())
    assert is_native(client)


def test_transport_without_a_pool(run, package, undo):
    class Own(package.AsyncHTTPTransport):
        def __init__(self):
            pass

        async def aclose(self):
            pass

    async def go():
        with pytest.raises(AttributeError):
            await Own().handle_async_request(package.Request("GET", "http://localhost/"))

    run(go())


def test_http_2_is_native(package, undo, is_native):
    pytest.importorskip("h2")
    assert is_native(package.AsyncClient(http2=True))


@pytest.mark.parametrize("is_before", [True, False])
def test_replaced_connections_of_http_2_are_the_librarys_own(
    package, undo, is_native, monkeypatch, is_before
):
    pytest.importorskip("h2")
    core = {"httpx": "httpcore", "httpx2": "httpcore2"}[package.__name__]
    module = importlib.import_module(f"{core}._async.http2")
    client = package.AsyncClient(http2=True)
    if not is_before:
        assert is_native(package.AsyncClient(http2=True))
    monkeypatch.setattr(module.AsyncHTTP2Connection, "handle_async_request", None)
    assert not is_native(client)


def test_another_loop_is_the_librarys_own(package, undo):
    answers = []

    async def go():
        async def serve(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            writer.close()
            await writer.wait_closed()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with package.AsyncClient() as http:
                answer = await http.get(f"http://127.0.0.1:{port}/")
                answers.append(type(answer.extensions["network_stream"]).__module__)

    loop = asyncio.SelectorEventLoop()
    try:
        loop.run_until_complete(go())
    finally:
        loop.close()
    assert answers[0].startswith("httpcore")


def test_mock_transport_is_not_touched(run, package, undo):
    async def go():
        mock = package.MockTransport(lambda request: package.Response(201))
        async with package.AsyncClient(transport=mock) as http:
            return await http.get("http://nowhere.invalid/")

    assert run(go()).status_code == 201


def test_unknown_version_is_left_alone(package, monkeypatch, caplog):
    monkeypatch.setattr(_versions, "_announced", set())
    monkeypatch.setattr(_versions.metadata, "version", lambda name: "99.1")
    caplog.set_level(logging.WARNING, logger="aioxide.http")
    for _ in range(2):
        assert accelerate_httpx(package) is None
    lines = [record.message for record in caplog.records if record.name == "aioxide.http"]
    name = package.__name__
    assert lines == [f"{name} is not accelerated: {name} 99.1 is unknown"]


def test_settings_are_read_from_the_pool(package):
    context = ssl.create_default_context()
    transport = package.AsyncHTTPTransport(
        verify=context,
        limits=package.Limits(max_connections=7, max_keepalive_connections=3, keepalive_expiry=2.5),
        uds="/path",
        local_address="127.0.0.2",
        retries=4,
        socket_options=[(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)],
    )
    settings = in_place._settings(transport._pool)
    assert settings.tls(None) is context
    assert settings[1:] == (
        7,
        3,
        2.5,
        None,
        "/path",
        "127.0.0.2",
        4,
        ((socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),),
        ("http/1.1",),
    )


def test_no_limits(package):
    transport = package.AsyncHTTPTransport(limits=package.Limits(keepalive_expiry=None))
    assert in_place._settings(transport._pool)[1:4] == (None, None, None)


def test_undone_under_a_wrapper_and_accelerated_again(package, is_native):
    undo = accelerate_httpx(package)
    ours = package.AsyncHTTPTransport.handle_async_request

    async def wrapper(self, request):
        return await ours(self, request)

    package.AsyncHTTPTransport.handle_async_request = wrapper
    undo()
    package.AsyncHTTPTransport.handle_async_request = ours
    assert not is_native()
    undo = accelerate_httpx(package)
    assert is_native()
    undo()
    assert not is_native()
    assert not hasattr(package.AsyncHTTPTransport.handle_async_request, "__wrapped__")


def test_accelerated_twice_is_once(package, undo, caplog):
    method = package.AsyncHTTPTransport.handle_async_request
    assert accelerate_httpx(package) is None
    assert package.AsyncHTTPTransport.handle_async_request is method
    assert not caplog.records


def test_accelerators_are_by_package():
    assert {"httpx", "httpx2"} <= set(_in_place.ACCELERATORS)


START = """
    import asyncio, logging, sys
    logging.basicConfig(format="%(message)s")

    async def serve(reader, writer):
        await reader.readuntil(b"\\r\\n\\r\\n")
        writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
        writer.close()
        await writer.wait_closed()

    async def how(package):
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with package.AsyncClient() as http:
                answer = await http.get(f"http://127.0.0.1:{port}/")
                stream = answer.extensions["network_stream"]
                return type(stream).__module__.partition(".")[0]

    def tell(package):
        print(asyncio.run(how(package)))
"""


def test_install_before_and_after_the_import(run_script, package):
    name = package.__name__
    finished = run_script(
        START
        + f"""
    import aioxide
    aioxide.install(http=True)
    import {name} as package
    tell(package)
    aioxide.uninstall()
    aioxide.install()
    tell(package)
    aioxide.install(http=True)
    tell(package)
    aioxide.uninstall()
    tell(package)
    """
    )
    below = {"httpx": "httpcore", "httpx2": "httpcore2"}[name]
    assert finished.stderr == ""
    assert finished.stdout.split() == ["aioxide", below, "aioxide", below]


def test_httpx2_under_the_name_of_httpx(run_script):
    finished = run_script(
        START
        + """
    import aioxide
    aioxide.install(http=True)
    import httpx2
    httpx2.alias_httpx()
    import httpx
    tell(httpx)
    aioxide.uninstall()
    aioxide.install()
    tell(httpx)
    """
    )
    assert finished.stderr == ""
    assert finished.stdout.split() == ["aioxide", "httpcore2"]


def test_install_imports_neither_package(run_script):
    finished = run_script(
        """
    import sys
    import aioxide
    aioxide.install(http=True)
    print(sorted({"httpx", "httpx2", "httpcore", "httpcore2", "aiohttp"} & set(sys.modules)))
    """
    )
    assert (finished.stdout, finished.stderr) == ("[]\n", "")
