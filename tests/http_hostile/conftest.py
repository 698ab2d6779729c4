"""One case with one client: a server, the requests, and a count of what is left."""

import asyncio
import contextlib
import functools
import gc
import os
import socket
import stat

import aioxide
import pytest
from tls.certificates import Certificates

from . import adaptors
from . import tls as tls_cases
from .server import Server

#: Seconds for all requests of a case; none comes near it unless something hangs.
DEADLINE = 20
#: Iterations in which what is closed has to be gone.
ITERATIONS = 50

DESCRIPTORS = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"


@pytest.fixture(scope="session", autouse=True)
def certificates(tmp_path_factory):
    """The certificates that the cases of TLS are served with."""
    tls_cases.issued = Certificates.issue(tmp_path_factory.mktemp("certificates"))
    return tls_cases.issued


def outcomes(case, adaptor, certificates):
    """What comes of the requests of a case, and what is left at the end."""
    context = certificates.client_context() if case.is_tls else None

    async def work(server):
        base = f"{'https' if case.is_tls else 'http'}://127.0.0.1:{server.port}"
        found = []
        async with asyncio.timeout(DEADLINE):
            async with adaptor.make(context) as client:
                for ask in case.asks:
                    await asyncio.sleep(ask.pause)
                    found.append(await client.ask(base, ask))
        for _ in range(ITERATIONS):
            if not (left := leftovers(adaptor, server.port)):
                break
            await asyncio.sleep(0)
        return found, left

    async def wind_up():
        # What a library has left to the loop ends with the server.
        await asyncio.sleep(0.01)

    with (
        acceleration() if adaptor.is_in_place else contextlib.nullcontext(),
        asyncio.Runner(loop_factory=loop_factory(adaptor.kind)) as runner,
    ):
        with Server(case.script) as server:
            result = runner.run(work(server))
        if not adaptor.is_ours:
            runner.run(wind_up())
    gc.collect()
    return result


@contextlib.contextmanager
def acceleration():
    """The libraries are accelerated in place."""
    aioxide.install(http=True)
    try:
        yield
    finally:
        aioxide.uninstall()


def leftovers(adaptor, port):
    """Tasks beside this one, and the sockets that a client of ours has left open."""
    tasks = [repr(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    return tasks + (sockets_to(port) if adaptor.is_ours else [])


def sockets_to(port):
    """The open sockets of this process whose peer has that port."""
    found = []
    for name in os.listdir(DESCRIPTORS):
        with contextlib.suppress(OSError):
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            with socket.socket(fileno=os.dup(int(name))) as sock:
                if sock.family == socket.AF_INET and sock.getpeername()[1] == port:
                    found.append(f"descriptor {name} is connected to {port}")
    return found


def loop_factory(kind):
    if kind == "asyncio":
        return asyncio.SelectorEventLoop
    return aioxide.new_event_loop


@pytest.fixture(scope="session")
def expected(certificates):
    """``expected(case, package)``: what comes of a case with the library on asyncio's loop."""

    @functools.cache
    def run_once(case, package):
        return outcomes(case, adaptors.REFERENCES[package], certificates)[0]

    return run_once


@pytest.fixture
def outcomes_of(certificates):
    """``outcomes_of(case, adaptor)``: outcomes, and what is left."""
    return functools.partial(outcomes, certificates=certificates)
