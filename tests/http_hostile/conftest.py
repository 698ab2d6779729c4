"""Cases with their clients: a server for each, the requests, and a count of what is left.

All selected cases of a client run at the same time, on one loop, when the first test asks for one.
"""

import asyncio
import contextlib
import contextvars
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
from .server import ARRIVAL, Server

#: Seconds for all requests of a case; none comes near it unless something hangs.
DEADLINE = 120
#: Cases of one client that run at the same time.
AT_ONCE = 48
#: Iterations in which what has arrived is read, and what is closed has to be gone.
ITERATIONS = 50

DESCRIPTORS = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"

#: The case that a task belongs to.
CASE = contextvars.ContextVar("CASE")


@pytest.fixture(scope="session", autouse=True)
def certificates(tmp_path_factory):
    """The certificates that the cases of TLS are served with."""
    tls_cases.issued = Certificates.issue(tmp_path_factory.mktemp("certificates"))
    return tls_cases.issued


@pytest.fixture(scope="session")
def outcomes_of(certificates, request):
    """``outcomes_of(case, adaptor)``: what comes of the requests of a case, and what is left."""
    context = certificates.client_context()

    @functools.cache
    def all_of(adaptor):
        # What each test compares with is of the same cases.
        selected = {
            parameters["case"]
            for parameters in (item.callspec.params for item in parametrized(request.session))
            if adaptor in (parameters["adaptor"], adaptors.REFERENCES[adaptor.package])
        }
        return outcomes(selected, adaptor, context)

    def outcomes_of(case, adaptor):
        found = all_of(adaptor)[case]
        if isinstance(found, BaseException):
            raise found
        return found

    return outcomes_of


@pytest.fixture(scope="session")
def expected_of(outcomes_of):
    """``expected_of(case, package)``: what comes of a case with the library on asyncio's loop."""
    return lambda case, package: outcomes_of(case, adaptors.REFERENCES[package])[0]


def parametrized(session):
    """The tests of this folder that are of a case and a client."""
    for item in session.items:
        if "outcomes_of" in getattr(item, "fixturenames", ()):
            yield item


def outcomes(cases, adaptor, context):
    """What comes of each case: its outcomes and what is left, or an exception."""

    async def work():
        places = asyncio.Semaphore(AT_ONCE)

        async def one(case):
            async with places:
                return await meet(case, adaptor, context)

        found = await asyncio.gather(*(one(case) for case in cases), return_exceptions=True)
        if not adaptor.is_ours:
            # What a library has left to the loop ends with the server.
            await asyncio.sleep(0.01)
        return dict(zip(cases, found, strict=True))

    with (
        acceleration() if adaptor.is_in_place else contextlib.nullcontext(),
        asyncio.Runner(loop_factory=loop_factory(adaptor.kind)) as runner,
    ):
        result = runner.run(work())
    gc.collect()
    return result


async def meet(case, adaptor, tls):
    """The outcomes of a case with a server of its own, and what is left at its end."""
    CASE.set(case)
    found = []
    loop = asyncio.get_running_loop()
    server = Server(
        case.script,
        lambda: asyncio.run_coroutine_threadsafe(iterations(), loop).result(DEADLINE),
    )
    try:
        base = f"{'https' if case.is_tls else 'http'}://127.0.0.1:{server.port}"
        async with asyncio.timeout(DEADLINE):
            async with adaptor.make(tls if case.is_tls else None) as client:
                for ask in case.asks:
                    if ask.is_late:
                        await idle(server)
                    found.append(await client.ask(base, ask))
        for _ in range(ITERATIONS):
            if not (left := leftovers(case, adaptor, server.port)):
                break
            await asyncio.sleep(0)
    finally:
        await asyncio.to_thread(server.stop)
    return found, left


async def iterations():
    """As many iterations as it takes at most to read what has arrived, and to act upon it."""
    for _ in range(ITERATIONS):
        await asyncio.sleep(0)


async def idle(server):
    """The server has done what it does after its answer, and the client has seen it."""
    while not server.is_idle:
        await asyncio.sleep(ARRIVAL / 10)
    await asyncio.sleep(ARRIVAL)
    await iterations()


@contextlib.contextmanager
def acceleration():
    """The libraries are accelerated in place."""
    aioxide.install(http=True)
    try:
        yield
    finally:
        aioxide.uninstall()


def leftovers(case, adaptor, port):
    """Tasks of the case beside this one, and the sockets that a client of ours has left open."""
    tasks = [
        repr(task)
        for task in asyncio.all_tasks()
        if task is not asyncio.current_task() and case_of(task) is case
    ]
    return tasks + (sockets_to(port) if adaptor.is_ours else [])


def case_of(task):
    """The case that a task was made for.

    None before Python 3.12 for a task of asyncio's, which does not tell its context.
    """
    get_context = getattr(task, "get_context", None)
    return None if get_context is None else get_context().get(CASE)


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
