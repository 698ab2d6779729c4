"""What the datagram tests talk to: a protocol that writes down every call, and bare sockets."""

import asyncio
import contextlib
import logging
import socket
import sys

#: What a queued datagram counts for beside its data.
HEADER = 8 if sys.version_info >= (3, 13) else 0

#: Far more datagrams than the queue of a Unix socket takes.
MORE_THAN_A_QUEUE_TAKES = 2000


def bare(address=("127.0.0.1", 0), family=socket.AF_INET):
    """Return a bound datagram socket with a deadline of 10 s on whatever it is asked."""
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.settimeout(10)
    try:
        sock.bind(address)
    except BaseException:
        sock.close()
        raise
    return sock


def unused_address():
    """Return an IPv4 address that no datagram socket is bound to."""
    with bare() as sock:
        return sock.getsockname()


class Recorder(asyncio.DatagramProtocol):
    """A protocol that keeps the order in which the loop called it.

    calls: the names of the methods called, without datagram_received.
    received: (data, address) of every datagram so far.
    errors: every exception that error_received got.
    lost: a future done by connection_lost with its exception, or None.
    """

    def __init__(self):
        self.calls = []
        self.received = []
        self.errors = []
        self.transport = None
        self.lost = asyncio.get_running_loop().create_future()
        self._news = asyncio.Event()

    def _note(self, call):
        self.calls.append(call)
        self._news.set()

    def connection_made(self, transport):
        self.transport = transport
        self._note("connection_made")

    def datagram_received(self, data, addr):
        self.received.append((data, addr))
        self._news.set()

    def error_received(self, exc):
        self.errors.append(exc)
        self._note("error_received")

    def pause_writing(self):
        self._note("pause_writing")

    def resume_writing(self):
        self._note("resume_writing")

    def connection_lost(self, exc):
        self.lost.set_result(exc)
        self._note("connection_lost")

    async def until(self, condition):
        """Wait until condition(), which looks at this protocol, is true."""
        while not condition():
            self._news.clear()
            await self._news.wait()

    async def receive(self, count=1):
        """Wait until count datagrams have arrived in all; return their data."""
        await self.until(lambda: len(self.received) >= count)
        return [data for data, _ in self.received]

    async def fail(self, count=1):
        """Wait until count errors have been received in all; return the last."""
        await self.until(lambda: len(self.errors) >= count)
        return self.errors[-1]


@contextlib.asynccontextmanager
async def endpoint(loop, protocol_factory=Recorder, **options):
    """Yield (transport, protocol) of create_datagram_endpoint(**options).

    protocol_factory must give a Recorder or a subclass. Without options the endpoint is
    bound to a free port of 127.0.0.1. On leaving, connection_lost has been called.
    """
    options = options or {"local_addr": ("127.0.0.1", 0)}
    transport, protocol = await loop.create_datagram_endpoint(protocol_factory, **options)
    try:
        yield transport, protocol
    finally:
        if not protocol.lost.done():
            transport.abort()
            await protocol.lost


@contextlib.asynccontextmanager
async def to_a_slow_reader(loop, directory, protocol_factory=Recorder):
    """Yield (transport, protocol, reader): the kernel refuses what reader does not read.

    Only a Unix socket makes its sender wait; one of the Internet drops datagrams.
    """
    with bare(str(directory / "reader"), socket.AF_UNIX) as reader:
        async with endpoint(
            loop,
            protocol_factory,
            family=socket.AF_UNIX,
            local_addr=str(directory / "writer"),
            remote_addr=str(directory / "reader"),
        ) as (transport, protocol):
            yield transport, protocol, reader


def send_until_refused(transport, data=b"x", addr=None):
    """Send copies of data until one of them has to wait; return how many were sent at once."""
    for sent in range(MORE_THAN_A_QUEUE_TAKES):
        transport.sendto(data, addr)
        if transport.get_write_buffer_size():
            return sent
    raise AssertionError("the kernel takes everything")


@contextlib.contextmanager
def everything_logged():
    """Yield a list of all that is logged under ``asyncio``: (level name, message)."""
    messages = []

    class Collect(logging.Handler):
        def emit(self, record):
            messages.append((record.levelname, record.getMessage()))

    logger = logging.getLogger("asyncio")
    collect = Collect()
    level = logger.level
    logger.addHandler(collect)
    logger.setLevel(logging.DEBUG)
    try:
        yield messages
    finally:
        logger.setLevel(level)
        logger.removeHandler(collect)
