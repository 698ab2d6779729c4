"""The objects that a program begins with: one function for each family of classes."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hooks
import values

if TYPE_CHECKING:
    from program import Program

#: A PEM file with a key and a certificate for localhost; made by the driver before it forks.
CERTIFICATE: Path | None = None
#: The extension module of the tests in ``tests/abi``, compiled by the driver before it forks.
EXTENSION: Any = None

FAMILIES: dict[str, Callable[[Program], None]] = {}


def family(function: Callable[[Program], None]) -> Callable[[Program], None]:
    FAMILIES[function.__name__] = function
    return function


def run(program: Program, awaitable: Awaitable[Any]) -> Any:
    """Run to the end, for a second at most."""

    async def limited() -> Any:
        return await asyncio.wait_for(awaitable, 1)

    return program.loop.run_until_complete(limited())


@family
def futures(program: Program) -> None:
    loop = program.loop
    for _ in range(3):
        program.keep("future", loop.create_future())
    done, failed = loop.create_future(), program.api.Future(loop=loop)
    done.set_result(1)
    failed.set_exception(ValueError())
    program.keep("done", done)
    program.keep("failed", failed)
    for make in (hooks.hooked_subclass, hooks.slotted_subclass):
        program.keep("subclass", make(program.api.Future)(loop=loop))
    waiting = loop.create_future()
    waiting.add_done_callback(hooks.Hook())
    program.keep("waiting", waiting)


@family
def tasks(program: Program) -> None:
    loop = program.loop
    for _ in range(3):
        program.keep("task", loop.create_task(values._coroutine(program, program.rng)))
    program.keep("foreign", hooks.ForeignFuture())
    program.keep("coroutine", values._coroutine(program, program.rng))

    async def wait_for_foreign() -> None:
        await program.foreign[0]

    program.keep("waits", loop.create_task(wait_for_foreign()))
    for make in (hooks.hooked_subclass, hooks.slotted_subclass):
        task = make(program.api.Task)(values._coroutine(program, program.rng), loop=loop)
        program.keep("subclass", task)
    program.run_loop()


@family
def coroutines(program: Program) -> None:
    api, loop = program.api, program.loop
    lock, queue, event = api.Lock(), api.Queue(1), api.Event()
    condition, barrier = api.Condition(lock), api.Barrier(2)
    reader = api.StreamReader(loop=loop)
    for thing in (lock, queue, event, condition, barrier, reader):
        program.keep(type(thing).__name__, thing)
    for made in (
        api.sleep(0),
        api.sleep(0.001, 5),
        api.wait_for(loop.create_future(), 0.01),
        api.wait_for(api.sleep(0), None),
        lock.acquire(),
        queue.get(),
        queue.put(5),
        queue.join(),
        event.wait(),
        condition.wait(),
        condition.wait_for(values._callback(program, program.rng)),
        barrier.wait(),
        reader.read(5),
        reader.readline(),
        api.wait([loop.create_future()]),
        api.to_thread(int),
    ):
        program.keep(getattr(made, "__qualname__", "coroutine"), made)
        if program.chance(0.3):
            program.keep("task", loop.create_task(made))


@family
def waiting(program: Program) -> None:
    api, loop = program.api, program.loop

    async def make() -> None:
        children = [loop.create_future() for _ in range(3)]
        program.keep("child", children[0])
        gathered = api.gather(*children, return_exceptions=program.chance(0.5))
        program.keep("gather", gathered)
        program.keep("gather of gather", api.gather(gathered, children[1]))
        program.keep("shield", api.shield(children[0]))
        program.keep("wait", loop.create_task(api.wait(children, timeout=program.one_of(None, 0))))
        program.keep("as_completed", api.as_completed(children))
        program.keep("wait_for", loop.create_task(api.wait_for(children[2], 50)))
        program.keep("foreign", hooks.ForeignFuture())
        await api.sleep(0)

    run(program, make())


@family
def locks(program: Program) -> None:
    api, loop = program.api, program.loop
    made = [api.Lock(), api.Event(), api.Semaphore(1), api.BoundedSemaphore(1), api.Barrier(2)]
    made += [api.Condition(), api.Condition(made[0])]
    for thing in made:
        program.keep(type(thing).__name__, thing)
        for _ in range(2):
            wait = getattr(thing, "acquire", None) or thing.wait
            program.keep("waiter", loop.create_task(wait()))
    program.keep("subclass", hooks.hooked_subclass(api.Lock)())
    program.keep("slots", hooks.slotted_subclass(api.Condition)())
    program.run_loop()


@family
def queues(program: Program) -> None:
    api, loop = program.api, program.loop
    for cls in (api.Queue, api.LifoQueue, api.PriorityQueue):
        for make in (lambda base: base, hooks.hooked_subclass, hooks.slotted_subclass):
            queue = make(cls)(program.one_of(0, 1, 2))
            program.keep(cls.__name__, queue)
        program.keep("getter", loop.create_task(queue.get()))
        program.keep("putter", loop.create_task(queue.put(hooks.Hook())))
        program.keep("join", loop.create_task(queue.join()))
    program.run_loop()


@family
def timeouts(program: Program) -> None:
    api, loop = program.api, program.loop
    program.keep("Timeout", api.Timeout(0.001))
    program.keep("subclass", hooks.hooked_subclass(api.Timeout)(None))

    async def make() -> None:
        program.keep("timeout", api.timeout(None))
        program.keep("timeout_at", api.timeout_at(loop.time()))

    run(program, make())

    async def inside(delay: float | None) -> None:
        async with api.timeout(delay) as scope:
            program.keep("entered", scope)
            await loop.create_future()

    for delay in (None, 0, 0.001, 50):
        program.keep("inside", loop.create_task(inside(delay)))
    program.run_loop()


@family
def task_groups(program: Program) -> None:
    api, loop = program.api, program.loop
    program.keep("group", api.TaskGroup())
    program.keep("subclass", hooks.hooked_subclass(api.TaskGroup)())
    program.keep("slots", hooks.slotted_subclass(api.TaskGroup)())

    async def inside() -> None:
        async with api.TaskGroup() as group:
            program.keep("entered", group)
            for _ in range(2):
                coroutine = values._coroutine(program, program.rng)
                program.keep("child", group.create_task(coroutine))
            await program.awaited()

    for _ in range(2):
        program.keep("inside", loop.create_task(inside()))
    program.run_loop()


@family
def handles(program: Program) -> None:
    api, loop = program.api, program.loop
    callback = values._callback(program, program.rng)
    program.keep("handle", loop.call_soon(callback, 1, 2))
    program.keep("timer", loop.call_later(0.001, callback))
    program.keep("timer", loop.call_at(loop.time() + 50, callback, hooks.Hook()))
    program.keep("threadsafe", loop.call_soon_threadsafe(callback))
    program.keep("Handle", api.Handle(callback, (), loop, None))
    program.keep("TimerHandle", api.TimerHandle(1.0, callback, (), loop, None))
    program.keep("subclass", hooks.hooked_subclass(api.Handle)(callback, (), loop, None))


@family
def streams(program: Program) -> None:
    api, loop = program.api, program.loop
    reader = api.StreamReader(limit=64, loop=loop)
    reader.feed_data(b"line\nrest")
    program.keep("reader", reader)
    program.keep("subclass", hooks.hooked_subclass(api.StreamReader)(loop=loop))

    async def make() -> None:
        first, second = socket.socketpair()
        pair = [await api.open_connection(sock=end) for end in (first, second)]
        for made in pair:
            program.keep("reader", made[0])
            program.keep("writer", made[1])
            program.keep("transport", made[1].transport)
            program.keep("protocol", made[1].transport.get_protocol())
        program.keep("reading", loop.create_task(pair[0][0].readline()))
        pair[1][1].write(b"some bytes\n")

    run(program, make())


async def _connect(program: Program, protocol: Any = None) -> Any:
    first, second = socket.socketpair()
    made = protocol or hooks.HookProtocol()
    transport, _ = await program.loop.create_connection(lambda: made, sock=first)
    second.setblocking(False)
    program.keep("peer", second)
    program.keep("protocol", made)
    program.keep("transport", transport)
    return transport


@family
def transports(program: Program) -> None:
    async def make() -> None:
        await _connect(program, hooks.HookBufferedProtocol())
        transport = await _connect(program)
        transport.write(b"x" * 400_000)
        first, second = socket.socketpair()
        program.keep("peer", second)
        transport, protocol = await program.loop.connect_accepted_socket(hooks.HookProtocol, first)
        program.keep("transport", transport)
        second.send(b"something")
        program.keep("socket", transport.get_extra_info("socket"))

    run(program, make())


@family
def servers(program: Program) -> None:
    api, loop = program.api, program.loop

    async def make() -> None:
        async def serve(reader: Any, writer: Any) -> None:
            program.keep("served", writer)
            await reader.read(1)
            writer.write(b"y")

        server = await api.start_server(serve, "127.0.0.1", 0)
        program.keep("server", server)
        address = server.sockets[0].getsockname()
        reader, writer = await api.open_connection(*address)
        writer.write(b"x")
        program.keep("client", writer)
        other = await loop.create_server(hooks.HookProtocol, "127.0.0.1", 0)
        program.keep("server", other)
        transport, _ = await loop.create_connection(
            hooks.HookProtocol, *other.sockets[0].getsockname()
        )
        program.keep("transport", transport)
        program.keep("serving", loop.create_task(other.serve_forever()))
        await api.sleep(0)

    run(program, make())


@family
def extension(program: Program) -> None:
    """Coroutines of another extension module; on asyncio's side too, where it drives them."""
    loop = program.loop
    if EXTENSION is None:
        return futures(program)
    probe, hook = EXTENSION, hooks.Hook()
    ours, theirs = socket.socketpair()
    program.keep("socket", ours)
    program.keep("socket", theirs)
    program.keep("words", [])
    awaited = (
        loop.create_future(),
        program.awaited(),
        hook,
        values._coroutine(program, program.rng),
    )
    operations = (
        ("suspend", 3),
        ("sleep", 0.001),
        ("through a waker", ("sleep", 0.001)),
        ("ready", (ours.fileno(), 1)),
        ("call", hook),
        ("hold", hook),
        *(("await", each) for each in awaited),
        ("forever",),
    )
    for _ in range(4):
        chosen = tuple(program.rng.choices(operations, k=program.rng.randrange(1, 5)))
        made = probe.run(chosen, hooks.Hook(), hook)
        program.keep("foreign", made if program.rng.random() < 0.5 else loop.create_task(made))


@family
def http(program: Program) -> None:
    api, loop = program.api, program.loop
    if api.__name__ != "aioxide":
        return servers(program)
    from aioxide._aioxide import HttpPool, RustFutures

    async def make() -> None:
        async def serve(reader: Any, writer: Any) -> None:
            program.keep("served", writer)
            answers = [b"9\r\n\r\nhalf", b"5\r\n\r\nwhole", b"0\r\n\r\n"]
            while answers and await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: " + answers.pop())
            await reader.read(1)

        async def connect(key: Any, protocol: Any) -> None:
            program.keep("stream", protocol)
            await loop.create_connection(lambda: protocol, *key[:2])

        server = await api.start_server(serve, "127.0.0.1", 0)
        program.keep("server", server)
        key = server.sockets[0].getsockname()
        host = [("Host", "localhost")]
        pool = HttpPool(connect, limit=3, keepalive_expiry=0.01)
        program.keep("pool", pool)
        program.keep("key", key)
        for _ in range(3):
            program.keep("response", await pool.request(key, "GET", b"/", host))
        program.keep("lease", pool.try_acquire(key))
        program.keep("acquiring", loop.create_task(pool.acquire(key)))
        program.keep("requesting", pool.request(key, "GET", b"/", host))
        other = HttpPool(connect)
        lease = other.try_acquire(key)
        assert lease is not None
        await lease.connect()
        chunked = [*host, ("Transfer-Encoding", "chunked")]
        program.keep("exchange", lease.open("POST", b"/", chunked))
        program.keep("rust", loop.create_task(RustFutures.wait_for_ever(hooks.Hook())))
        program.keep("rust", RustFutures.wait_for(loop.create_future()))
        program.keep("rust", RustFutures.suspend(3))

    run(program, make())


@family
def sockets(program: Program) -> None:
    loop = program.loop
    first, second = socket.socketpair()
    listening = socket.create_server(("127.0.0.1", 0))
    closed = socket.socket()
    closed.close()
    for end in (first, second, listening):
        end.setblocking(False)
        program.keep("socket", end)
    program.keep("closed", closed)
    for call in (
        loop.sock_recv(first, 10),
        loop.sock_recv_into(first, bytearray(5)),
        loop.sock_accept(listening),
        loop.sock_sendall(second, b"x" * 700_000),
    ):
        program.keep("call", call)
        program.keep("task", loop.create_task(call))
    loop.add_reader(second, hooks.Hook())
    program.run_loop()


def _contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    assert CERTIFICATE is not None
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(CERTIFICATE)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE

    class Session(ssl.SSLObject):
        """Calls back in what the protocol does with it."""

        def read(self, *args: Any) -> Any:
            hooks.PROGRAM.react(self, "read", ())
            return super().read(*args)

        def write(self, *args: Any) -> Any:
            hooks.PROGRAM.react(self, "write", ())
            return super().write(*args)

        def do_handshake(self) -> Any:
            hooks.PROGRAM.react(self, "do_handshake", ())
            return super().do_handshake()

        def unwrap(self) -> Any:
            hooks.PROGRAM.react(self, "unwrap", ())
            return super().unwrap()

    client.sslobject_class = Session
    return server, client


@family
def tls(program: Program) -> None:
    api, loop = program.api, program.loop
    if CERTIFICATE is None:
        return transports(program)
    server_side, client_side = _contexts()
    program.keep("context", client_side)

    async def make() -> None:
        async def serve(reader: Any, writer: Any) -> None:
            program.keep("served", writer)
            writer.write(b"hello\n")
            await reader.read(1)

        server = await api.start_server(serve, "127.0.0.1", 0, ssl=server_side)
        program.keep("server", server)
        address = server.sockets[0].getsockname()
        reader, writer = await api.open_connection(*address, ssl=client_side)
        program.keep("reader", reader)
        program.keep("writer", writer)
        program.keep("transport", writer.transport)
        program.keep("session", writer.get_extra_info("ssl_object"))
        program.keep("tls", getattr(writer.transport, "_ssl_protocol", None))
        transport, _ = await loop.create_connection(
            hooks.HookBufferedProtocol, *address, ssl=client_side
        )
        program.keep("transport", transport)

    run(program, make())


@family
def datagrams(program: Program) -> None:
    loop = program.loop

    async def make() -> None:
        first, _ = await loop.create_datagram_endpoint(
            hooks.HookProtocol, local_addr=("127.0.0.1", 0)
        )
        address = first.get_extra_info("sockname")
        second, _ = await loop.create_datagram_endpoint(hooks.HookProtocol, remote_addr=address)
        for transport in (first, second):
            program.keep("datagrams", transport)
            program.keep("protocol", transport.get_protocol())
        second.sendto(b"x")
        second.sendto(b"y" * 5000)

    run(program, make())


@family
def pipes(program: Program) -> None:
    loop = program.loop

    async def make() -> None:
        read_end, write_end = os.pipe()
        reading, _ = await loop.connect_read_pipe(hooks.HookProtocol, os.fdopen(read_end, "rb", 0))
        writing, _ = await loop.connect_write_pipe(
            hooks.HookProtocol, os.fdopen(write_end, "wb", 0)
        )
        program.keep("reading", reading)
        program.keep("writing", writing)
        program.keep("file", reading.get_extra_info("pipe"))
        writing.write(b"x" * 100_000)

    run(program, make())


@family
def processes(program: Program) -> None:
    loop = program.loop

    async def make() -> None:
        process = await program.api.create_subprocess_exec(
            "cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        program.keep("process", process)
        program.keep("transport", process._transport)
        program.keep("reader", process.stdout)
        program.keep("writer", process.stdin)
        process.stdin.write(b"x")
        program.keep("waiting", loop.create_task(process.wait()))
        transport, _ = await loop.subprocess_exec(hooks.HookProtocol, "true")
        program.keep("transport", transport)

    run(program, make())


@family
def threads(program: Program) -> None:
    loop, api = program.loop, program.api
    for _ in range(3):
        program.keep("call", loop.run_in_executor(None, program.reenter))
    program.keep(
        "to_thread", loop.create_task(api.to_thread(values._callback(program, program.rng)))
    )
    future = api.run_coroutine_threadsafe(values._coroutine(program, program.rng), loop)
    program.keep("concurrent", future)
    program.keep("wrapped", api.wrap_future(future, loop=loop))
    program.keep("executor", getattr(loop, "_default_executor", None))
    program.run_loop()


@family
def loops(program: Program) -> None:
    other = program.new_loop()
    program.keep("other", other)
    closed = program.new_loop()
    closed.close()
    program.keep("closed", closed)
    program.keep("runner", program.api.Runner())
    if hasattr(sys, "get_asyncgen_hooks"):
        program.keep("hooks", sys.get_asyncgen_hooks())
    program.keep("generator", values._async_generator(program, program.rng))
    subclass = type(
        "Subclass",
        (type(other),),
        {
            "time": lambda self: hooks.PROGRAM.react(self, "time", (), 1.0),
            "get_debug": lambda self: hooks.PROGRAM.react(self, "__bool__", ()),
        },
    )
    program.keep("subclass", subclass())
