"""Which calls run natively, which on aiohttp's own code, and that nothing replaced is passed by."""

import asyncio
import inspect
import subprocess
import sys
import unittest.mock

import aiohttp
import aioxide
import aioxide.http
import pytest
from aiohttp.client_reqrep import ClientRequest, ClientResponse
from aioxide.http._aiohttp import eligibility, sessions
from aioxide.http._aiohttp.responses import Response
from http_aiohttp.scripted import ScriptedServer, json_response
from http_aiohttp.sides import run, session_class

JSON = json_response(b"[1]")


async def answered(Session, options=None, program=None, **request):
    """Send one request; return its response, of which the body was read."""
    server = await ScriptedServer([JSON]).start()
    try:
        async with Session(**(options() if options else {})) as session:
            if program is not None:
                program(session)
            async with session.get(server.url, **request) as response:
                await response.read()
                return response
    finally:
        await server.close()


def is_native(response):
    return type(response) is Response


def test_the_usual_request_is_native(native_side):
    response = run(answered(session_class(native_side)))
    assert is_native(response)
    assert isinstance(response, aiohttp.ClientResponse)


def test_the_option_of_install():
    aioxide.install(http=True)
    try:
        assert is_native(run(answered(aiohttp.ClientSession)))
    finally:
        aioxide.uninstall()
    assert aiohttp.ClientSession._request is eligibility.ORIGINAL


def test_the_public_name():
    assert aioxide.http.ClientSession is sessions.ClientSession
    assert "ClientSession" in dir(aioxide.http)
    with pytest.raises(AttributeError, match="has no attribute 'Session'"):
        _ = aioxide.http.Session


def test_aiohttps_own_session_is_left_alone_before_and_after():
    assert not is_native(run(answered(aiohttp.ClientSession)))
    sessions.install()
    sessions.install()
    try:
        assert is_native(run(answered(aiohttp.ClientSession)))
    finally:
        sessions.uninstall()
    sessions.uninstall()
    assert not is_native(run(answered(aiohttp.ClientSession)))
    assert aiohttp.ClientSession._request is eligibility.ORIGINAL


def test_a_session_is_one_of_aiohttps():
    async def main():
        async with sessions.ClientSession() as session:
            assert isinstance(session, aiohttp.ClientSession)
            # Before 3.12 nothing but an `async def` can be one.
            if sys.version_info >= (3, 12):
                assert inspect.iscoroutinefunction(session._request)

    run(main())


def test_other_loops_run_aiohttps_code(native_side):
    response = asyncio.run(answered(session_class(native_side)))
    assert not is_native(response)
    assert response.status == 200


class OwnResponse(ClientResponse):
    """A response class of a program's own."""


class OwnRequest(ClientRequest):
    """A request class of a program's own."""


class OwnConnector(aiohttp.TCPConnector):
    """A connector class of a program's own."""


@pytest.mark.parametrize(
    "options",
    [
        lambda: {"response_class": OwnResponse},
        lambda: {"request_class": OwnRequest},
        lambda: {"connector": OwnConnector()},
        lambda: {"version": aiohttp.HttpVersion10},
        lambda: {"middlewares": [passes]},
        lambda: {"max_field_size": 16380},
    ],
)
def test_what_is_unusual_runs_aiohttps_code(native_side, options):
    response = run(answered(session_class(native_side), options))
    assert not is_native(response)
    assert response.status == 200


async def passes(request, handler):
    return await handler(request)


@pytest.mark.parametrize("option", [{"middlewares": (passes,)}, {"max_line_size": 100}])
def test_unusual_requests_run_aiohttps_code(native_side, option):
    assert not is_native(run(answered(session_class(native_side), **option)))


@pytest.mark.parametrize(
    "owner, name",
    [
        (aiohttp.TCPConnector, "_create_connection"),
        (aiohttp.BaseConnector, "connect"),
        (ClientRequest, "send"),
        (ClientResponse, "start"),
        (ClientResponse, "json"),
        (ClientResponse, "read"),
    ],
)
def test_a_replaced_method_is_used(native_side, monkeypatch, owner, name):
    original = getattr(owner, name)
    used = []

    async def replacement(self, *args, **kwargs):
        used.append(name)
        return await original(self, *args, **kwargs)

    monkeypatch.setattr(owner, name, replacement)
    response = run(answered(session_class(native_side)))
    assert not is_native(response)
    if name != "json":
        assert used


def test_a_replaced_method_of_a_connector_is_used(native_side):
    calls = []

    def replace(session):
        connector = session.connector

        async def connect(*args, **kwargs):
            calls.append(args)
            return await type(connector).connect(connector, *args, **kwargs)

        connector.connect = connect

    assert not is_native(run(answered(session_class(native_side), program=replace)))
    assert calls


def test_a_connect_replaced_later_is_used(native_side, monkeypatch):
    async def main():
        server = await ScriptedServer([JSON]).start()
        async with session_class(native_side)() as session:
            async with session.get(server.url) as first:
                await first.read()

            async def refuse(*args, **kwargs):
                raise aiohttp.ClientConnectionError("no network in tests")

            with monkeypatch.context() as patch:
                patch.setattr(session.connector, "connect", refuse)
                with pytest.raises(aiohttp.ClientConnectionError, match="no network"):
                    await session.get(server.url)
            async with session.get(server.url) as last:
                await last.read()
        await server.close()
        return first, last

    assert all(map(is_native, run(main())))


def test_a_connector_replaced_later_is_used(native_side):
    async def main():
        server = await ScriptedServer([JSON]).start()
        async with session_class(native_side)() as session:
            async with session.get(server.url) as first:
                await first.read()

            async def refuse(*args, **kwargs):
                raise aiohttp.ClientConnectionError("no network in tests")

            session.connector._create_connection = refuse
            with pytest.raises(aiohttp.ClientConnectionError, match="no network"):
                await session.get(server.url)
        await server.close()
        return first

    assert is_native(run(main()))


def test_a_patched_request_is_used_by_both(native_side):
    async def answer(self, method, url, **options):
        return f"{method} {url}"

    Session = session_class(native_side)
    with unittest.mock.patch.object(aiohttp.ClientSession, "_request", answer):

        async def main():
            async with Session() as session:
                return await session.get("http://no.where/")

        assert run(main()) == "GET http://no.where/"


@pytest.mark.parametrize("name", ["get", "post", "request"])
def test_a_patched_method_is_used_by_both(native_side, name):
    Session = session_class(native_side)
    with unittest.mock.patch.object(aiohttp.ClientSession, name, lambda self, *args: "mocked"):

        async def main():
            async with Session() as session:
                return getattr(session, name)("http://no.where/")

        assert run(main()) == "mocked"


def test_a_resolver_of_ones_own_is_asked(native_side):
    asked = []

    class Resolver(aiohttp.abc.AbstractResolver):
        async def resolve(self, host, port=0, family=0):
            asked.append(host)
            return [
                {
                    "hostname": host,
                    "host": "127.0.0.1",
                    "port": port,
                    "family": 2,
                    "proto": 0,
                    "flags": 0,
                }
            ]

        async def close(self): ...

    async def main():
        server = await ScriptedServer([JSON]).start()
        connector = aiohttp.TCPConnector(resolver=Resolver())
        async with session_class(native_side)(connector=connector) as session:
            async with session.get(f"http://some.where:{server.port}/") as response:
                await response.read()
        await server.close()
        return response

    assert is_native(run(main()))
    assert asked == ["some.where"]


def test_web_sockets_are_aiohttps(native_side):
    from aiohttp import web

    async def echo(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    async def main():
        app = web.Application()
        app.router.add_get("/", echo)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        async with session_class(native_side)() as session:
            async with session.ws_connect(f"http://127.0.0.1:{port}/") as socket:
                await socket.send_str("hello")
                said = await socket.receive_str()
        await runner.cleanup()
        return said

    assert run(main()) == "hello"


PROGRAM = """
import importlib.metadata, logging
logging.basicConfig(format="%(name)s %(message)s")
importlib.metadata.version = lambda name: "{version}"
import aiohttp, aioxide, aioxide.http
from aioxide.http._aiohttp import eligibility
aioxide.install(http=True)
async def main():
    async with aioxide.http.ClientSession() as session:
        try:
            await session.get("http://127.0.0.1:1/")
        except aiohttp.ClientConnectorError as error:
            print(session.__dict__.get("_aioxide_state") is not None)
    print(aiohttp.ClientSession._request is eligibility.ORIGINAL)
aioxide.run(main())
"""


def run_program(version):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM.format(version=version)],
        capture_output=True,
        text=True,
        timeout=20,
    )


def test_an_unknown_version_runs_aiohttps_code_and_logs_one_line():
    done = run_program("9.1.0")
    assert done.stdout.split() == ["False", "True"], done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("aioxide.http ")
    assert "9.1.0" in done.stderr


def test_importing_and_using_it_warns_of_nothing():
    done = run_program(aiohttp.__version__)
    assert done.stdout.split() == ["True", "False"], done.stderr
    assert not done.stderr
