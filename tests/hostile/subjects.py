"""One object of every class that a program can come by, each in the states it can have.

A new class is covered by all tests of this folder as soon as it has a line here;
``test_every_class_is_a_subject`` fails until then.
"""

import asyncio
import contextlib
import gc
import os
import socket
import ssl
import sys


def _future(api, loop):
    return loop.create_future()


def _done_future(api, loop):
    made = loop.create_future()
    made.set_result(1)
    return made


def _failed_future(api, loop):
    made = loop.create_future()
    made.set_exception(ValueError("set"))
    return made


def _future_with_callbacks(api, loop):
    made = loop.create_future()
    for _ in range(3):
        made.add_done_callback(lambda future: None)
    return made


def _new_task(api, loop):
    return loop.create_task(api.sleep(50))


async def _waiting_task(api, loop):
    made = loop.create_task(api.sleep(50))
    await api.sleep(0)
    return made


async def _done_task(api, loop):
    made = loop.create_task(api.sleep(0))
    await made
    return made


def _handle(api, loop):
    return loop.call_soon(int)


def _cancelled_handle(api, loop):
    made = loop.call_soon(int, 1, 2)
    made.cancel()
    return made


def _thread_safe_handle(api, loop):
    return loop.call_soon_threadsafe(int)


def _timer(api, loop):
    return loop.call_later(0.001, int)


def _own(name, *args):
    return lambda api, loop: getattr(api, name)(*args)


async def _held_lock(api, loop):
    made = api.Lock()
    await made.acquire()
    for _ in range(2):
        loop.create_task(made.acquire())
    await api.sleep(0)
    return made


async def _waited_for_event(api, loop):
    made = api.Event()
    loop.create_task(made.wait())
    await api.sleep(0)
    return made


async def _waited_for_condition(api, loop):
    made = api.Condition()

    async def wait():
        async with made:
            await made.wait()

    loop.create_task(wait())
    await api.sleep(0)
    return made


async def _waited_for_barrier(api, loop):
    made = api.Barrier(2)
    loop.create_task(made.wait())
    await api.sleep(0)
    return made


def _filled(name):
    def make(api, loop):
        made = getattr(api, name)(2)
        made.put_nowait(1)
        made.put_nowait(2)
        return made

    return make


async def _waited_for_queue(api, loop):
    made = api.Queue()
    loop.create_task(made.get())
    await api.sleep(0)
    return made


async def _entered_timeout(api, loop):
    made = api.timeout(50)
    entered = loop.create_future()

    async def inside():
        async with made:
            entered.set_result(None)
            await loop.create_future()

    loop.create_task(inside())
    await entered
    return made


async def _entered_group(api, loop):
    made = api.TaskGroup()
    entered = loop.create_future()

    async def inside():
        async with made:
            made.create_task(api.sleep(50))
            entered.set_result(None)
            await loop.create_future()

    loop.create_task(inside())
    await entered
    return made


def _reader(api, loop):
    made = api.StreamReader(loop=loop)
    made.feed_data(b"a line\nand more")
    return made


async def _pair(api, loop):
    first, second = socket.socketpair()
    return await api.open_connection(sock=first), await api.open_connection(sock=second)


#: What must stay alive for as long as the process lives: the other ends.
KEPT = []


async def _stream(api, loop):
    (reader, writer), other = await _pair(api, loop)
    KEPT.append(other)
    return reader, writer


async def _connected_reader(api, loop):
    return (await _stream(api, loop))[0]


async def _writer(api, loop):
    return (await _stream(api, loop))[1]


async def _transport(api, loop):
    return (await _stream(api, loop))[1].transport


async def _busy_transport(api, loop):
    made = await _transport(api, loop)
    made.write(b"x" * 1_000_000)
    return made


async def _closing_transport(api, loop):
    made = await _transport(api, loop)
    made.close()
    return made


async def _stream_protocol(api, loop):
    return (await _transport(api, loop)).get_protocol()


async def _server(api, loop):
    async def serve(reader, writer):
        KEPT.append(writer)
        await reader.read()

    made = await api.start_server(serve, "127.0.0.1", 0)
    KEPT.append(await api.open_connection(*made.sockets[0].getsockname()))
    await api.sleep(0)
    return made


async def _closed_server(api, loop):
    made = await _server(api, loop)
    made.close()
    return made


async def _datagrams(api, loop):
    made, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
    )
    return made


async def _read_pipe(api, loop):
    read_end, write_end = os.pipe()
    KEPT.append(write_end)
    made, _ = await loop.connect_read_pipe(asyncio.Protocol, os.fdopen(read_end, "rb", 0))
    return made


async def _write_pipe(api, loop):
    read_end, write_end = os.pipe()
    KEPT.append(read_end)
    made, _ = await loop.connect_write_pipe(asyncio.Protocol, os.fdopen(write_end, "wb", 0))
    made.write(b"x" * 100_000)
    return made


def contexts():
    """A server's and a client's SSL context that trust each other."""
    folder = os.environ["AIOXIDE_HOSTILE_CERTIFICATE"]
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    return server, client


async def _tls_transport(api, loop):
    server_side, client_side = contexts()

    async def serve(reader, writer):
        KEPT.append(writer)
        writer.write(b"hello\n")
        await reader.read()

    server = await api.start_server(serve, "127.0.0.1", 0, ssl=server_side)
    KEPT.append(server)
    made = await api.open_connection(*server.sockets[0].getsockname(), ssl=client_side)
    KEPT.append(made)
    await made[0].readline()
    return made[1].transport


async def _tls_protocol(api, loop):
    return (await _tls_transport(api, loop))._ssl_protocol


async def _gathering(api, loop):
    return api.gather(loop.create_future(), loop.create_future())


async def _as_completed(api, loop):
    return api.as_completed([loop.create_future(), _done_future(api, loop)])


class Foreign:
    """A future of somebody else's; what waits for it is what it was handed as a callback."""

    _asyncio_future_blocking = False

    def __init__(self):
        self.callbacks = []

    def get_loop(self):
        return asyncio.get_running_loop()

    def add_done_callback(self, callback, *, context=None):
        self.callbacks.append(callback)

    def remove_done_callback(self, callback):
        return 0

    def done(self):
        return False

    def result(self):
        return None

    def cancel(self, msg=None):
        return True

    def __await__(self):
        self._asyncio_future_blocking = True
        return (yield self)


def _awaiting(make):
    """The callback of what waits for a foreign future."""

    async def find(api, loop):
        foreign = Foreign()
        KEPT.append((foreign, make(api, loop, foreign)))
        for _ in range(3):
            await api.sleep(0)
        return foreign.callbacks[0] if foreign.callbacks else foreign

    return find


def _task_that_awaits(api, loop, foreign):
    async def wait():
        await foreign

    return loop.create_task(wait())


def _task_step(api, loop):
    """What a task of one loop schedules on a loop that is not native."""
    taken = []

    class Recording(asyncio.SelectorEventLoop):
        def call_soon(self, callback, *args, context=None):
            taken.append(callback)
            return super().call_soon(callback, *args, context=context)

    other = Recording()
    KEPT.append((other, api.Task(api.sleep(0), loop=other)))
    return taken[0]


def _future_iterator(api, loop):
    return iter(loop.create_future())


def _started_future_iterator(api, loop):
    made = iter(loop.create_future())
    next(made)
    return made


def _coroutine(name, *args):
    return lambda api, loop: getattr(api, name)(*args)


def _started_coroutine(api, loop):
    made = api.sleep(50)
    made.send(None)
    return made


def _wait_for_coroutine(api, loop):
    return api.wait_for(loop.create_future(), 50)


def _get_coroutine(api, loop):
    made = api.Queue().get()
    made.send(None)
    return made


def _acquire_coroutine(api, loop):
    return api.Lock().acquire()


def _socket_call(api, loop):
    first, second = socket.socketpair()
    first.setblocking(False)
    KEPT.append((first, second))
    call = loop.sock_recv(first, 10)
    with contextlib.suppress(BaseException):
        call.send(None)
    for found in gc.get_referents(call):
        if type(found).__qualname__ == "SocketCall":
            return found
    return call


async def _answering(api):
    """Where a server is that answers with half a body, and with whole ones afterwards."""
    answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"]

    async def serve(reader, writer):
        KEPT.append(writer)
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(
                answers.pop() if answers else b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
            )

    server = await api.start_server(serve, "127.0.0.1", 0)
    KEPT.append(server)
    return server.sockets[0].getsockname()


def _http(make):
    """A class of the HTTP client, which the standard library has not: there it is a future."""

    async def made(api, loop):
        if api.__name__ != "aioxide":
            return loop.create_future()
        from aioxide._aioxide import HttpPool

        async def connect(key, protocol):
            KEPT.append(protocol)
            await loop.create_connection(lambda: protocol, *key)
            return key

        pool = HttpPool(connect, limit=4)
        KEPT.append(pool)
        return await make(pool, await _answering(api))

    return made


HOST = (("Host", "localhost"),)


async def _pool(pool, key):
    response = await pool.request(key, "GET", b"/", HOST)
    KEPT.append(response)
    await (await pool.request(key, "GET", b"/", HOST)).read()
    return pool


async def _response(pool, key):
    return await pool.request(key, "GET", b"/", HOST)


async def _complete_response(pool, key):
    KEPT.append(await _response(pool, key))
    return await _response(pool, key)


async def _lease(pool, key):
    return pool.try_acquire(key)


async def _connected_lease(pool, key):
    lease = pool.try_acquire(key)
    await lease.connect()
    return lease


async def _exchange(pool, key):
    lease = await _connected_lease(pool, key)
    return lease.open("POST", b"/", [*HOST, ("Transfer-Encoding", "chunked")])


async def _byte_stream(pool, key):
    await pool.request(key, "GET", b"/", HOST)
    return next(one for one in KEPT if type(one).__name__ == "ByteStream")


async def _request_coroutine(pool, key):
    made = pool.request(key, "GET", b"/", HOST)
    made.send(None)
    return made


def _rust_coroutine(api, loop):
    from aioxide._aioxide import RustFutures

    if api.__name__ != "aioxide":
        return _started_coroutine(api, loop)
    made = RustFutures.wait_for_ever(int)
    made.send(None)
    return made


def _found(name, make):
    """An object of a private class among what another one refers to, as far as one can tell."""

    async def find(api, loop):
        made = make(api, loop)
        if hasattr(made, "__await__") and not isinstance(made, asyncio.Future):
            made = await made
        KEPT.append(made)
        seen, front = set(), [made]
        for _ in range(4):
            front = [one for thing in front for one in gc.get_referents(thing)]
            front = [one for one in front if id(one) not in seen]
            seen.update(map(id, front))
            for one in front:
                if type(one).__qualname__ == name:
                    return one
            front = [one for one in front if not isinstance(one, type)][:2000]
        return made

    return find


#: Name of the class (of ours; the standard library's has mostly the same) to the ways to make
#: one. A way is a function of the module and the running loop, perhaps a coroutine function.
SUBJECTS = {
    "Future": {
        "pending": _future,
        "done": _done_future,
        "failed": _failed_future,
        "with callbacks": _future_with_callbacks,
    },
    "Task": {"new": _new_task, "waiting": _waiting_task, "done": _done_task},
    "Handle": {"scheduled": _handle, "cancelled": _cancelled_handle},
    "TimerHandle": {"scheduled": _timer},
    "Lock": {"free": _own("Lock"), "held": _held_lock},
    "Event": {"unset": _own("Event"), "waited for": _waited_for_event},
    "Condition": {"free": _own("Condition"), "waited for": _waited_for_condition},
    "Semaphore": {"free": _own("Semaphore", 1)},
    "BoundedSemaphore": {"free": _own("BoundedSemaphore", 1)},
    "Barrier": {"new": _own("Barrier", 2), "waited for": _waited_for_barrier},
    "Queue": {"empty": _own("Queue"), "full": _filled("Queue"), "waited for": _waited_for_queue},
    "LifoQueue": {"full": _filled("LifoQueue")},
    "PriorityQueue": {"full": _filled("PriorityQueue")},
    "TaskGroup": {"new": _own("TaskGroup"), "entered": _entered_group},
    "Timeout": {"new": _own("Timeout", None), "entered": _entered_timeout},
    "StreamReader": {"fed": _reader, "connected": _connected_reader},
    "StreamWriter": {"connected": _writer},
    "StreamReaderProtocol": {"connected": _stream_protocol},
    "StreamProtocolCore": {"connected": _stream_protocol},
    "SocketTransport": {
        "open": _transport,
        "writing": _busy_transport,
        "closing": _closing_transport,
    },
    "Server": {"serving": _server, "closed": _closed_server},
    "ServerCore": {"serving": _found("ServerCore", _server)},
    "DatagramTransport": {"open": _datagrams},
    "ReadPipeTransport": {"open": _read_pipe},
    "WritePipeTransport": {"writing": _write_pipe},
    "SSLTransport": {"open": _tls_transport},
    "SSLProtocol": {"open": _tls_protocol},
    "Coroutine": {
        "new": _coroutine("sleep", 0),
        "started": _started_coroutine,
        "wait_for": _wait_for_coroutine,
        "get": _get_coroutine,
        "acquire": _acquire_coroutine,
        "rust": _rust_coroutine,
        "request": _http(_request_coroutine),
    },
    "RustFutures": {},  # Functions only: nothing makes one.
    "ByteStream": {"connected": _http(_byte_stream)},
    "HttpPool": {"in use": _http(_pool)},
    "HttpLease": {"free": _http(_lease), "connected": _http(_connected_lease)},
    "HttpExchange": {"open": _http(_exchange)},
    "HttpResponse": {"arriving": _http(_response), "complete": _http(_complete_response)},
    "SocketCall": {"waiting": _socket_call},
    "FutureIterator": {"new": _future_iterator, "started": _started_future_iterator},
    "TaskWakeup": {"waiting": _awaiting(_task_that_awaits)},
    "TaskStep": {"scheduled": _task_step},
    "GatherCallback": {
        "waiting": _awaiting(lambda api, loop, foreign: api.gather(foreign, _future(api, loop)))
    },
    "DoneCallback": {
        "wait": _awaiting(lambda api, loop, foreign: loop.create_task(api.wait([foreign]))),
        "shield": _awaiting(lambda api, loop, foreign: api.shield(foreign)),
    },
    "_GatheringFuture": {"waiting": _gathering},
    "_AsCompletedIterator": {"waiting": _as_completed},
    "LoopCore": {"running": lambda api, loop: loop},
    "Loop": {"running": lambda api, loop: loop, "idle": lambda api, loop: type(loop)()},
    "Runner": {"new": _own("Runner")},
    "FileSend": {},  # Only inside loop.sendfile(): no program gets hold of one.
}

if sys.version_info >= (3, 14):
    SUBJECTS["ThreadSafeHandle"] = {"scheduled": _thread_safe_handle}

#: Every way by a name that tells it from all others.
WAYS = {
    f"{name}, {state}": make for name, states in SUBJECTS.items() for state, make in states.items()
}
