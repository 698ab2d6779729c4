"""What the TLS tests talk to: both ends of a connection, or one end and a peer driven by hand."""

import asyncio
import contextlib
import functools
import select
import socket
import ssl

from network.peers import Recorder, tcp_pair

#: The first byte of a TLS record: what kind it is.
ALERT, HANDSHAKE, APPLICATION_DATA = b"\x15", b"\x16", b"\x17"


def _checks_need_a_name():
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO())
    except ValueError:
        return True
    return False


#: Whether a client that compares names is refused if it has none: since 3.14, and since later
#: releases of the versions before.
CHECKS_NEED_A_NAME = _checks_need_a_name()


class BarePeer:
    """A peer that speaks TLS over a non-blocking socket and does nothing by itself.

    It is made of the standard library's SSLObject, and shows what a finished
    implementation hides: single records, an end without a goodbye, silence.

    sock: the connected socket; it stays the caller's.
    context, server_side, server_hostname, session: as for SSLContext.wrap_bio().
    """

    def __init__(self, loop, sock, context, *, server_side=False, server_hostname=None, **options):
        self.loop = loop
        self.sock = sock
        if sock.family != socket.AF_UNIX:
            # Otherwise the kernel may hold the second of two small records back for 40 ms.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.object = context.wrap_bio(
            self._incoming, self._outgoing, server_side, server_hostname, **options
        )

    async def handshake(self):
        """Shake hands; raises what SSLObject.do_handshake() raises."""
        await self._drive(self.object.do_handshake)

    async def handshake_up_to_the_last_flight(self):
        """Shake hands, but return what is to be sent last instead of sending it."""
        while True:
            try:
                self.object.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                self._incoming.write(await self.loop.sock_recv(self.sock, 64 * 1024))
            else:
                return self._outgoing.read()

    async def send(self, data):
        """Encrypt data and send all of it."""
        self.object.write(data)
        await self._flush()

    def encrypt(self, data):
        """Return the records for data, without sending them."""
        self.object.write(data)
        return self._outgoing.read()

    async def receive(self, count):
        """Read exactly count bytes of plain text."""
        received = bytearray()
        while len(received) < count:
            piece = await self._drive(functools.partial(self._read, count - len(received)))
            assert piece, f"the stream ended after {len(received)} of {count} bytes"
            received += piece
        return bytes(received)

    async def read_to_end(self):
        """Read until the other side says goodbye with close_notify.

        Raises ssl.SSLEOFError if the stream ends without it, and ConnectionResetError.
        """
        received = bytearray()
        while piece := await self._drive(functools.partial(self._read, 64 * 1024)):
            received += piece
        return bytes(received)

    async def say_goodbye(self):
        """Send close_notify and do not wait for the answer."""
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLSyscallError):
            self.object.unwrap()
        await self._flush()

    async def unwrap(self):
        """Exchange close_notify; what arrives before the other side's is an ssl.SSLError."""
        await self._drive(self.object.unwrap)

    def _read(self, count):
        try:
            return self.object.read(count)
        except ssl.SSLZeroReturnError:
            # What read() answers with b"" as long as this side has not said goodbye itself.
            return b""

    async def _drive(self, operation):
        while True:
            try:
                result = operation()
            except ssl.SSLWantReadError:
                await self._flush()
                data = await self.loop.sock_recv(self.sock, 64 * 1024)
                if data:
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
            except ssl.SSLError:
                # The alert that says why; a test may have ended the socket before.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    await self._flush()
                raise
            else:
                await self._flush()
                return result

    async def _flush(self):
        if data := self._outgoing.read():
            await self.loop.sock_sendall(self.sock, data)


def opposite(loop, sock, contexts, side, **options):
    """Return the BarePeer that talks through sock to a transport of the given side."""
    server_context, client_context = contexts
    if side == "client":
        return BarePeer(loop, sock, server_context, server_side=True, **options)
    return BarePeer(loop, sock, client_context, server_hostname="localhost", **options)


async def secure(loop, sock, protocol_factory, contexts, side, **options):
    """Make a TLS transport of the loop over sock; return (transport, protocol).

    contexts: the pair (for servers, for clients).
    side: which of the two the transport is, "server" or "client".
    """
    server_context, client_context = contexts
    if side == "server":
        return await loop.connect_accepted_socket(
            protocol_factory, sock, ssl=server_context, **options
        )
    options.setdefault("server_hostname", "localhost")
    return await loop.create_connection(protocol_factory, sock=sock, ssl=client_context, **options)


async def finish(protocol):
    """Abort a Recorder's transport if it still lives; returns after connection_lost."""
    if not protocol.lost.done():
        protocol.transport.abort()
        await protocol.lost


async def turns(count):
    """Let the loop make count turns."""
    for _ in range(count):
        await asyncio.sleep(0)


async def stuck(sock):
    """Wait until the kernel takes no more from sock, however often its reader's loop turns."""
    writable = select.poll()
    writable.register(sock.fileno(), select.POLLOUT)
    refused = 0
    while refused < 50:
        refused = 0 if writable.poll(0) else refused + 1
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def facing_peer(loop, contexts, side="client", protocol_factory=Recorder, **options):
    """Yield (transport, protocol, peer): a TLS transport whose other end is a BarePeer.

    protocol_factory must give a Recorder or a subclass. options are for the
    connecting method. On leaving, the transport is aborted if it still lives, and
    its connection_lost has been called.
    """
    near, far = tcp_pair()
    with far:
        peer = opposite(loop, far, contexts, side)
        shaking = asyncio.ensure_future(peer.handshake())
        transport, protocol = await secure(loop, near, protocol_factory, contexts, side, **options)
        await shaking
        try:
            yield transport, protocol, peer
        finally:
            await finish(protocol)


@contextlib.asynccontextmanager
async def both_ends(loop, contexts, client_factory=Recorder, server_factory=Recorder, **options):
    """Yield (client, server): the protocols of a connection whose two ends are the loop's.

    The factories must give Recorders or subclasses. options go to both ends. On
    leaving, what still lives is aborted.
    """
    near, far = tcp_pair()
    (_, client), (_, server) = await asyncio.gather(
        secure(loop, near, client_factory, contexts, "client", **options),
        secure(loop, far, server_factory, contexts, "server", **options),
    )
    try:
        yield client, server
    finally:
        await finish(client)
        await finish(server)
