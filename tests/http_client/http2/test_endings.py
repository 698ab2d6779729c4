"""A live connection of HTTP/2 whose client, loop or process ends."""

import asyncio
import gc
import os
import socket
import stat
import threading
import warnings
import weakref

import aioxide
import aioxide.http
import httpx
import pytest
from tls.certificates import Certificates

from .servers import Http2Server

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(autouse=True)
def only_once():
    """The client needs aioxide's loop."""
    if os.environ.get("AIOXIDE_TEST_LOOPS") == "asyncio":
        pytest.skip("aioxide only")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Issued once."""
    return Certificates.issue(tmp_path_factory.mktemp("certificates"))


class ServerInAThread:
    """``Http2Server`` on a loop of its own, which goes on when the client's loop has ended."""

    def __init__(self, context, answer):
        self._server = Http2Server(context, answer)
        self._started = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=[self._run()])

    def __enter__(self):
        self._thread.start()
        self._started.wait()
        return self._server

    def __exit__(self, *exc_info):
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _run(self):
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        async with self._server:
            self._started.set()
            await self._over.wait()


def connections_to(port):
    """The open sockets of this process whose peer has that port."""
    found = []
    for name in os.listdir("/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"):
        try:
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            with socket.socket(fileno=os.dup(int(name))) as sock:
                if sock.family == socket.AF_INET and sock.getpeername()[1] == port:
                    found.append(name)
        except OSError:
            continue
    return found


async def ok(stream):
    await stream.ended.wait()
    await stream.respond(body=b"ok")


async def never(stream):
    if stream.headers[":path"] == "/later":
        await ok(stream)
    else:
        await stream.reset


def test_a_client_that_nobody_has_closed_is_collected(certificates):
    async def main():
        async with Http2Server(certificates.server_context(), ok) as server:
            transport = aioxide.http.Transport(verify=certificates.client_context(), http2=True)
            client = httpx.AsyncClient(transport=transport)
            assert (await client.get(server.url)).content == b"ok"
            assert len(connections_to(server.port)) == 1
            client.cycle = [client]
            pool = weakref.ref(transport._pools.of(asyncio.get_running_loop()).native)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)
                del client, transport
                for _ in range(10):
                    gc.collect()
                    await asyncio.sleep(0)
            assert pool() is None
            assert connections_to(server.port) == []

    aioxide.run(main())


def test_a_request_that_nobody_waits_for_is_collected(certificates):
    async def main():
        async with Http2Server(certificates.server_context(), never) as server:
            transport = aioxide.http.Transport(verify=certificates.client_context(), http2=True)
            async with httpx.AsyncClient(transport=transport) as client:
                coroutine = client.get(server.url)
                task = asyncio.ensure_future(coroutine)
                while not server.streams:
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task])
                dead = weakref.ref(task)
                del task, coroutine
                gc.collect()
                assert dead() is None
                assert await server.streams[0].reset == 8
                # The connection serves the next one.
                assert (await client.get(server.url + "/later")).content == b"ok"
                assert len(server.connections) == 1

    aioxide.run(main())


@pytest.mark.parametrize("is_waiting", [False, True], ids=["idle", "waiting"])
def test_the_loop_is_closed(certificates, is_waiting):
    """As ``asyncio.run`` does it: what is under way is cancelled, and nothing is left."""
    with ServerInAThread(certificates.server_context(), never) as server:

        async def main():
            transport = aioxide.http.Transport(verify=certificates.client_context(), http2=True)
            client = httpx.AsyncClient(transport=transport)
            await client.get(server.url + "/later")
            if is_waiting:
                task = asyncio.ensure_future(client.get(server.url))
                while len(server.streams) < 2:
                    await asyncio.sleep(0.001)
                return client, task
            return client, None

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            client, task = aioxide.run(main())
            assert task is None or task.cancelled()
            del client, task
            gc.collect()
        assert connections_to(server.port) == []


def test_a_loop_that_is_closed_under_a_request(certificates):
    """Nobody cancels it; the loop is stopped and closed."""
    with ServerInAThread(certificates.server_context(), never) as server:
        loop = aioxide.new_event_loop()
        transport = aioxide.http.Transport(verify=certificates.client_context(), http2=True)
        client = httpx.AsyncClient(transport=transport)
        task = loop.create_task(client.get(server.url))

        async def until_sent():
            while not server.streams:
                await asyncio.sleep(0.001)

        loop.run_until_complete(until_sent())
        loop.set_exception_handler(lambda loop, context: None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            loop.close()
            task._log_destroy_pending = False
            del client, transport, task, loop
            for _ in range(3):
                gc.collect()
        assert connections_to(server.port) == []


def test_a_fork_with_a_live_connection(certificates):
    """The child ends with its copy; the parent's connection goes on as if nothing had been."""
    with ServerInAThread(certificates.server_context(), ok) as server:

        async def main():
            transport = aioxide.http.Transport(verify=certificates.client_context(), http2=True)
            async with httpx.AsyncClient(transport=transport, timeout=20) as client:
                assert (await client.get(server.url)).content == b"ok"
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)
                    child = os.fork()
                if child == 0:
                    # Everything is collected and dropped in the child too.
                    status = 1
                    try:
                        del client, transport
                        gc.collect()
                        status = 0
                    finally:
                        os._exit(status)
                _, status = os.waitpid(child, 0)
                assert os.waitstatus_to_exitcode(status) == 0
                for _ in range(3):
                    assert (await client.get(server.url)).content == b"ok"
                assert len(server.connections) == 1

        aioxide.run(main())


def test_a_client_of_its_own_in_the_child(certificates):
    with ServerInAThread(certificates.server_context(), ok) as server:

        async def get():
            transport = aioxide.http.Transport(verify=certificates.client_context(), http2=True)
            async with httpx.AsyncClient(transport=transport, timeout=20) as client:
                return (await client.get(server.url)).content

        assert aioxide.run(get()) == b"ok"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            status = 1
            try:
                status = 0 if aioxide.run(get()) == b"ok" else 2
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
