"""What the network tests talk to: protocols that write down every call, and bare sockets."""

import asyncio
import contextlib
import select
import socket

#: Fixed kernel buffers, in bytes: without automatic growth a writer is refused
#: after the same few hundred kilobytes on every machine.
KERNEL_BUFFER = 64 * 1024

#: More bytes than two kernel buffers can hold, so that a writer must wait for a reader.
MORE_THAN_THE_KERNEL_TAKES = 4 * 1024 * 1024


def tcp_pair(host="127.0.0.1"):
    """Return two connected, non-blocking TCP sockets on the loopback interface.

    host: the numeric address to connect through; "::1" gives an IPv6 pair.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BUFFER)
        listener.bind((host, 0))
        listener.listen(1)
        near = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            near.setsockopt(socket.SOL_SOCKET, option, KERNEL_BUFFER)
        near.connect(listener.getsockname())
        far, _ = listener.accept()
    far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER)
    near.setblocking(False)
    far.setblocking(False)
    return near, far


def reset(sock):
    """Close a TCP socket so that the other side sees a reset instead of an end of file."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sock.close()


def unused_port(host="127.0.0.1"):
    """Return a TCP port of host to which nobody listens."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.bind((host, 0))
        return sock.getsockname()[1]


def patterned(size):
    """Return size bytes in which a lost, doubled or swapped piece shows."""
    words = b"".join(number.to_bytes(4, "big") for number in range(size // 4 + 1))
    return words[:size]


async def read_exactly(loop, sock, count):
    """Read count bytes from a bare socket, in small pieces; fewer mean that it ended."""
    received = bytearray()
    while len(received) < count:
        piece = await loop.sock_recv(sock, min(16 * 1024, count - len(received)))
        if not piece:
            break
        received += piece
    return bytes(received)


async def read_to_end(loop, sock):
    """Read a bare socket until its peer sends an end of file."""
    received = bytearray()
    while piece := await loop.sock_recv(sock, 64 * 1024):
        received += piece
    return bytes(received)


async def offered(transport):
    """Let the loop poll after the kernel has something for transport to read.

    Returns when a transport that reads would have read: what a test then does not
    see in its protocol was held back, not merely late.
    """
    waiting = select.poll()
    waiting.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    assert waiting.poll(10_000), "nothing arrived within 10 s"
    for _ in range(5):
        await asyncio.sleep(0)


class Recorder(asyncio.Protocol):
    """A protocol that keeps the order in which the loop called it.

    calls: the names of the methods called; repeated data_received is kept once,
        because how a stream is cut into pieces is the kernel's business.
    received: every byte so far.
    made, ended, lost: futures done by connection_made (the transport), eof_received
        (None) and connection_lost (its exception, or None).
    """

    def __init__(self):
        loop = asyncio.get_running_loop()
        self.calls = []
        self.received = bytearray()
        self.transport = None
        self.made = loop.create_future()
        self.ended = loop.create_future()
        self.lost = loop.create_future()
        self._arrival = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport):
        self.calls.append("connection_made")
        self.transport = transport
        self.made.set_result(transport)

    def data_received(self, data):
        if self.calls[-1] != "data_received":
            self.calls.append("data_received")
        self.received += data
        self._arrival.set()

    def eof_received(self):
        self.calls.append("eof_received")
        self.ended.set_result(None)

    def pause_writing(self):
        self.calls.append("pause_writing")
        self._writable.clear()

    def resume_writing(self):
        self.calls.append("resume_writing")
        self._writable.set()

    def connection_lost(self, exc):
        self.calls.append("connection_lost")
        self.lost.set_result(exc)
        self._writable.set()

    async def receive(self, count):
        """Wait until count bytes have arrived in all; return everything received."""
        while len(self.received) < count:
            self._arrival.clear()
            await self._arrival.wait()
        return bytes(self.received)

    async def writable(self):
        """Wait until the transport does not ask its protocol to pause."""
        await self._writable.wait()


@contextlib.asynccontextmanager
async def wired(loop, protocol_factory=Recorder):
    """Yield (transport, protocol, peer): a transport whose other end is a bare socket.

    protocol_factory must give a Recorder or a subclass. On leaving, the transport
    is aborted if it still lives, and its connection_lost has been called.
    """
    near, peer = tcp_pair()
    with peer:
        transport, protocol = await loop.create_connection(protocol_factory, sock=near)
        try:
            yield transport, protocol, peer
        finally:
            # The standard library's abort() fails on a transport that flushed after close().
            if not protocol.lost.done():
                transport.abort()
                await protocol.lost
