"""Well-behaved programs in which allocations fail."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import logging
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import campaign
import families
import hooks
import surface
from isolation import Counter, Outcome, run_isolated

try:
    import _testcapi
except ImportError:  # a Python without its tests
    _testcapi = None  # type: ignore[assignment]

DEADLINE = 10.0
#: How many allocations in a row fail.
RUNS = (1, 1, 1, 2, 5, 50)
#: Stands between the scenario and the failure in a finding.
MARK = ", out of memory: "
IMPORTED = "imported: "

Scenario = Callable[[Any, Any], Awaitable[Any]]
SCENARIOS: dict[str, Scenario] = {}
#: Which allocations of a scenario are made to fail: a few more than it makes.
ALLOCATIONS: dict[str, int] = {}


def scenario(allocations: int) -> Callable[[Scenario], Scenario]:
    """Register a scenario under its name."""

    def register(function: Scenario) -> Scenario:
        SCENARIOS[function.__name__] = function
        ALLOCATIONS[function.__name__] = allocations
        return function

    return register


@dataclass(frozen=True)
class Case:
    """A scenario in which allocation number `at` fails, and `count` in all."""

    name: str
    at: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Case:
        name, at, count = text.split(":")
        return cls(name, int(at), int(count))

    def run(self, kind: str = "aioxide") -> Outcome:
        """Run it in a process of its own."""
        import_what_it_needs(self.name, kind)
        return run_isolated(lambda: self._run_here(kind), DEADLINE)

    def _run_here(self, kind: str) -> None:
        api = importlib.import_module(kind)
        loop = surface.new_loop(kind)
        logger = logging.getLogger("asyncio")
        logger.handlers = [logging.NullHandler()]
        logger.propagate = False
        sys.unraisablehook = _look_at_unraisable
        hooks.PROGRAM = QUIET  # type: ignore[assignment]
        loop.set_exception_handler(lambda loop, context: _look_at(context.get("exception")))
        coroutine = SCENARIOS[self.name](api, loop)
        signal.signal(signal.SIGALRM, _interrupt)
        signal.setitimer(signal.ITIMER_REAL, 2, 0.5)
        _testcapi.set_nomemory(self.at, self.at + self.count)
        try:
            loop.run_until_complete(coroutine)
        except BaseException as error:
            _testcapi.remove_mem_hooks()
            _look_at(error)
        else:
            _testcapi.remove_mem_hooks()
        # What was left must be in order, too.
        for call in (
            lambda: loop.call_soon(loop.stop),
            loop.run_forever,
            lambda: [task.cancel() for task in asyncio.all_tasks(loop)],
            lambda: loop.call_soon(loop.stop),
            loop.run_forever,
            loop.close,
            gc.collect,
        ):
            try:
                call()
            except BaseException as error:
                _look_at(error)


@cache
def import_what_it_needs(name: str, kind: str) -> None:
    """Import here what that scenario imports while it runs.

    CPython's compiler and import machinery lose exceptions, and crash, where allocations
    fail: a module that is imported in the middle of a scenario tells nothing about its code.
    """

    def program() -> None:
        before = set(sys.modules)
        api, loop = importlib.import_module(kind), surface.new_loop(kind)
        loop.run_until_complete(SCENARIOS[name](api, loop))
        for module in sys.modules.keys() - before:
            os.write(1, f"{IMPORTED}{module}\n".encode())

    outcome = run_isolated(program, DEADLINE)
    for line in outcome.output.splitlines():
        if line.startswith(IMPORTED):
            # Some names in sys.modules were put there by hand.
            with contextlib.suppress(ImportError):
                importlib.import_module(line.removeprefix(IMPORTED))


class _Quiet:
    """The program behind hooks that do nothing."""

    def react(self, hook: Any, name: str, args: Any, default: Any = None) -> Any:
        return hooks.EXPECTED.get(name, (default,))[0]

    def chance(self, probability: float) -> bool:
        return False


QUIET = _Quiet()


class Overtime(BaseException):
    """What waits for something that no longer comes."""


def _interrupt(number: int, frame: Any) -> None:
    raise Overtime


def _look_at(error: Any) -> None:
    if type(error).__name__ == "PanicException":
        os.write(2, f"wrong: a panic reached the program: {error}\n".encode())
    elif type(error) is SystemError:
        os.write(2, f"wrong: SystemError: {error}\n".encode())


def _look_at_unraisable(unraisable: Any) -> None:
    _look_at(unraisable.exc_value)


def search(
    seed: int,
    until: float,
    only: tuple[str, ...],
    counter: Counter,
    report: Callable[[campaign.Finding], None],
) -> None:
    """Let allocations fail here and there until that time."""
    if _testcapi is None:
        print("fuzz-api: no _testcapi here, so no failing allocations", file=sys.stderr)
        return
    rng = random.Random(f"memory/{seed}")
    names = sorted(name for name in SCENARIOS if not only or name in only)
    if not names:
        return
    seen: set[str] = set()
    while time.monotonic() < until:
        name = rng.choice(names)
        case = Case(name, rng.randrange(ALLOCATIONS[name]), rng.choice(RUNS))
        outcome = case.run()
        counter.add(1)
        failure = outcome.failure
        if failure is None or (failure, name) in seen:
            continue
        if is_lost_by_the_interpreter(case, failure):
            continue
        if not failure.startswith("panic") and asyncio_fails_there(case, failure):
            continue
        seen.add((failure, name))  # type: ignore[arg-type]
        report(
            campaign.Finding(
                f"{name}{MARK}{failure}",
                f"--reproduce {case.name}:{case.at}:{case.count}",
                outcome.output[-3000:],
            )
        )


def is_lost_by_the_interpreter(case: Case, failure: str) -> bool:
    """Whether CPython itself has lost the exception.

    A frame that is left while a `MemoryError` is raised needs an object for the frame below
    it, whose allocation may fail as well: then CPython clears the one and the other.
    """
    return (
        case.count > 1
        and failure.startswith("wrong: SystemError")
        and failure.endswith(
            ("returned NULL without setting an exception", "error return without exception set")
        )
    )


def asyncio_fails_there(case: Case, failure: str) -> bool:
    """Whether asyncio has a failure of this kind at an allocation near by.

    The same place has another number there: objects are made in another order.
    """
    for at in range(max(case.at - 40, 0), case.at + 40):
        answer = Case(case.name, at, case.count).run("asyncio").failure
        if answer is not None and campaign.same_kind(answer, failure):
            return True
    return False


# The scenarios: each uses what its family has, once.


@scenario(120)
async def futures(api: Any, loop: Any) -> None:
    future = loop.create_future()
    future.add_done_callback(lambda future: None)
    future.add_done_callback(print)
    future.remove_done_callback(print)
    repr(future)
    loop.call_soon(future.set_result, 5)
    assert await future == 5
    failed = api.Future(loop=loop)
    loop.call_soon(failed.set_exception, ValueError("x"))
    try:
        await failed
    except ValueError:
        pass
    cancelled = loop.create_future()
    cancelled.cancel("message")
    try:
        await cancelled
    except api.CancelledError:
        pass


@scenario(300)
async def tasks(api: Any, loop: Any) -> None:
    async def child(number: int) -> int:
        await api.sleep(0)
        return number

    made = [loop.create_task(child(number), name=f"task {number}") for number in range(5)]
    for task in made:
        await task
        repr(task)
    waiting = loop.create_task(api.sleep(50))
    await api.sleep(0)
    waiting.cancel("enough")
    try:
        await waiting
    except api.CancelledError:
        pass
    api.all_tasks()
    api.current_task().get_name()


@scenario(400)
async def waiting(api: Any, loop: Any) -> None:
    async def child(number: int) -> int:
        await api.sleep(0)
        return number

    assert await api.gather(*(child(n) for n in range(5))) == [0, 1, 2, 3, 4]
    await api.gather(child(1), loop.create_future().cancel() or child(2), return_exceptions=True)
    done, _ = await api.wait([loop.create_task(child(n)) for n in range(3)])
    assert len(done) == 3
    for future in api.as_completed([child(1), child(2)]):
        await future
    assert await api.shield(child(7)) == 7
    assert await api.wait_for(child(8), 1) == 8
    try:
        await api.wait_for(loop.create_future(), 0.001)
    except TimeoutError:
        pass


@scenario(120)
async def locks(api: Any, loop: Any) -> None:
    lock, event, semaphore = api.Lock(), api.Event(), api.Semaphore(1)
    condition, barrier = api.Condition(), api.Barrier(2)

    async def other() -> None:
        async with lock:
            pass
        async with semaphore:
            await event.wait()
        async with condition:
            await condition.wait()
        await barrier.wait()

    async with lock:
        task = loop.create_task(other())
        await api.sleep(0)
    await api.sleep(0)
    event.set()
    for _ in range(5):
        await api.sleep(0)
    async with condition:
        condition.notify_all()
    await barrier.wait()
    await task


@scenario(150)
async def queues(api: Any, loop: Any) -> None:
    for cls in (api.Queue, api.LifoQueue, api.PriorityQueue):
        queue = cls(2)

        async def produce(queue: Any = queue) -> None:
            for number in range(6):
                await queue.put(number)

        task = loop.create_task(produce())
        got = [await queue.get() for _ in range(6)]
        assert sorted(got) == list(range(6))
        for _ in got:
            queue.task_done()
        await queue.join()
        await task


@scenario(120)
async def timeouts(api: Any, loop: Any) -> None:
    async with api.timeout(5) as scope:
        scope.reschedule(loop.time() + 6)
        await api.sleep(0)
    try:
        async with api.timeout(0.001):
            await loop.create_future()
    except TimeoutError:
        pass
    handle = loop.call_later(50, print)
    repr(handle)
    handle.cancel()


@scenario(150)
async def task_groups(api: Any, loop: Any) -> None:
    async def child(number: int) -> int:
        await api.sleep(0)
        return number

    async with api.TaskGroup() as group:
        made = [group.create_task(child(number)) for number in range(4)]
    assert sum(task.result() for task in made) == 6
    try:
        async with api.TaskGroup() as group:
            group.create_task(child(1))
            group.create_task(api.sleep(50))
            raise ValueError
    except* ValueError:
        pass


@scenario(80)
async def handles(api: Any, loop: Any) -> None:
    future = loop.create_future()
    loop.call_soon(int, 5)
    loop.call_soon_threadsafe(int)
    loop.call_later(0.001, future.set_result, None)
    loop.call_at(loop.time(), int)
    await future


@scenario(500)
async def streams(api: Any, loop: Any) -> None:
    ends = socket.socketpair()
    (reader, writer), (other_reader, other_writer) = [
        await api.open_connection(sock=end) for end in ends
    ]
    writer.write(b"one line\nrest")
    writer.writelines([b"more", b" bytes"])
    await writer.drain()
    assert await other_reader.readline() == b"one line\n"
    assert await other_reader.readexactly(4) == b"rest"
    assert await other_reader.readuntil(b"s") == b"more bytes"
    other_writer.write(b"x" * 300_000)
    await reader.readexactly(300_000)
    writer.close()
    assert await other_reader.read() == b""
    other_writer.close()
    await other_writer.wait_closed()


@scenario(900)
async def servers(api: Any, loop: Any) -> None:
    async def serve(reader: Any, writer: Any) -> None:
        writer.write(await reader.readline())
        writer.close()

    server = await api.start_server(serve, "127.0.0.1", 0)
    async with server:
        reader, writer = await api.open_connection(*server.sockets[0].getsockname())
        writer.write(b"hello\n")
        assert await reader.read() == b"hello\n"
        writer.close()
        await writer.wait_closed()


@scenario(1200)
async def http(api: Any, loop: Any) -> None:
    if api.__name__ != "aioxide":
        return await servers(api, loop)
    from aioxide._aioxide import HttpPool, RustFutures

    async def serve(reader: Any, writer: Any) -> None:
        for answer in (b"5\r\n\r\nwhole", b"0\r\n\r\n"):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: " + answer)
        writer.close()

    async def connect(key: Any, protocol: Any) -> str:
        await loop.create_connection(lambda: protocol, *key)
        return "info"

    server = await api.start_server(serve, "127.0.0.1", 0)
    async with server:
        key, host = server.sockets[0].getsockname(), [("Host", "localhost"), (b"X", b"y")]
        pool = HttpPool(connect, limit=2)
        try:
            deadline = loop.time() + 5
            response = await pool.request(key, "GET", b"/a", host, deadline=deadline)
            assert await response.read() == b"whole"
            assert response.raw_headers and response.get("content-length") == "5"
            lease = await pool.acquire(key, 5)
            await lease.connect()
            exchange = lease.open("POST", b"/", [*host, ("Content-Length", "3")])
            await exchange.write(b"abc")
            await exchange.end()
            assert await (await exchange.response()).read_some() == b""
        finally:
            pool.close()
    await RustFutures.suspend(2)
    await RustFutures.wait_for(api.sleep(0))


@scenario(300)
async def transports(api: Any, loop: Any) -> None:
    first, second = socket.socketpair()
    closed = loop.create_future()

    class Protocol(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            transport.write(data)

        def connection_lost(self, error: Any) -> None:
            closed.set_result(error)

    transport, _ = await loop.create_connection(Protocol, sock=first)
    second.setblocking(False)
    await loop.sock_sendall(second, b"something")
    await loop.sock_recv(second, 100)
    transport.get_extra_info("socket").fileno()
    second.close()
    await closed


@scenario(300)
async def sockets(api: Any, loop: Any) -> None:
    first, second = socket.socketpair()
    first.setblocking(False)
    second.setblocking(False)
    receiving = loop.create_task(loop.sock_recv(first, 10))
    await api.sleep(0)
    await loop.sock_sendall(second, b"hello")
    assert await receiving == b"hello"
    ready = loop.create_future()
    loop.add_reader(first, ready.set_result, None)
    second.send(b"x")
    await ready
    loop.remove_reader(first)
    buffer = bytearray(5)
    await loop.sock_recv_into(first, buffer)
    first.close()
    second.close()


@scenario(1500)
async def tls(api: Any, loop: Any) -> None:
    if families.CERTIFICATE is None:
        return
    server_side, client_side = families._contexts()

    async def serve(reader: Any, writer: Any) -> None:
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    server = await api.start_server(serve, "127.0.0.1", 0, ssl=server_side)
    async with server:
        address = server.sockets[0].getsockname()
        reader, writer = await api.open_connection(*address, ssl=client_side)
        writer.write(b"hello\n")
        assert await reader.read() == b"hello\n"
        writer.close()
        await writer.wait_closed()


@scenario(300)
async def datagrams(api: Any, loop: Any) -> None:
    received = loop.create_future()

    class Protocol(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, address: Any) -> None:
            received.set_result(data)

    first, _ = await loop.create_datagram_endpoint(Protocol, local_addr=("127.0.0.1", 0))
    second, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=first.get_extra_info("sockname")
    )
    second.sendto(b"hello")
    assert await received == b"hello"
    first.close()
    second.close()
    await api.sleep(0)


@scenario(400)
async def pipes(api: Any, loop: Any) -> None:
    read_end, write_end = os.pipe()
    reader = api.StreamReader(loop=loop)
    reading, _ = await loop.connect_read_pipe(
        lambda: api.StreamReaderProtocol(reader, loop=loop), os.fdopen(read_end, "rb", 0)
    )
    writing, _ = await loop.connect_write_pipe(asyncio.Protocol, os.fdopen(write_end, "wb", 0))
    writing.write(b"hello")
    assert await reader.readexactly(5) == b"hello"
    writing.close()
    assert await reader.read() == b""
    reading.close()


@scenario(1500)
async def processes(api: Any, loop: Any) -> None:
    process = await api.create_subprocess_exec(
        "cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate(b"hello")
    assert out == b"hello"
    assert process.returncode == 0


@scenario(400)
async def threads(api: Any, loop: Any) -> None:
    assert await loop.run_in_executor(None, int, "5") == 5
    assert await api.to_thread(int, "6") == 6
    try:
        await api.to_thread(int, "x")
    except ValueError:
        pass
