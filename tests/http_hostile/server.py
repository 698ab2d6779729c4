"""A server whose every byte is scripted: blocking sockets, one thread for each connection."""

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

#: Seconds after which whatever a script waits for does not come any more.
PATIENCE = 20
#: Seconds in which the kernel has delivered what was sent, also on a busy machine. Cases run at
#: the same time, so long pauses cost little.
ARRIVAL = 0.2


class Gone(Exception):
    """The client has closed the connection, or has not sent what the script waits for."""


@dataclass(frozen=True)
class Request:
    """What a client has sent, as far as scripts look at it."""

    method: str
    path: str
    head: bytes
    body: bytes = b""


@dataclass
class Connection:
    """One accepted connection, as a script sees it."""

    sock: socket.socket
    #: Of this server, from 0.
    number: int
    #: Waits until the client has read what has arrived.
    let_client_read: Callable[[], None]
    #: Whether the script has nothing to do: it waits for the client, or is over.
    is_idle: bool = False
    _received: bytearray = field(default_factory=bytearray)

    def read_head(self):
        """The next request without its body.

        Raises:
            Gone: there is none.
        """
        while b"\r\n\r\n" not in self._received:
            self.is_idle = True
            self._receive()
        self.is_idle = False
        head, _, rest = bytes(self._received).partition(b"\r\n\r\n")
        self._received[:] = rest
        method, path, _ = head.decode("latin-1").split(" ", 2)
        return Request(method, path, head)

    def read(self):
        """The next request with its body.

        Raises:
            Gone: it did not come whole.
        """
        request = self.read_head()
        lines = (line.partition(b":") for line in request.head.split(b"\r\n")[1:])
        fields = {name.strip().lower(): value.strip() for name, _, value in lines}
        if fields.get(b"transfer-encoding") == b"chunked":
            body = self._chunked()
        else:
            body = self._exactly(int(fields.get(b"content-length", 0)))
        return Request(request.method, request.path, request.head, body)

    def _chunked(self):
        body = b""
        while True:
            while b"\r\n" not in self._received:
                self._receive()
            size, _, rest = bytes(self._received).partition(b"\r\n")
            self._received[:] = rest
            piece = self._exactly(int(size, 16) + 2)
            body += piece[:-2]
            if int(size, 16) == 0:
                return body

    def _exactly(self, count):
        while len(self._received) < count:
            self._receive()
        taken = bytes(self._received[:count])
        del self._received[:count]
        return taken

    def _receive(self):
        try:
            data = self.sock.recv(65536)
        except (OSError, ValueError):
            raise Gone from None
        if not data:
            raise Gone
        self._received += data

    def send(self, data):
        """Send all of it.

        Raises:
            Gone: the client does not want it any more.
        """
        try:
            self.sock.sendall(data)
        except (OSError, ValueError):
            raise Gone from None

    def drip(self, data, seconds):
        """Send it a byte at a time, with so many seconds between two bytes."""
        for byte in data:
            self.send(bytes([byte]))
            time.sleep(seconds)

    def settle(self):
        """Wait until the client has read what was sent: a reset would take its place."""
        time.sleep(ARRIVAL)
        self.let_client_read()

    def reset(self):
        """End the connection by an RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
        raise Gone

    def wait_for_close(self):
        """Send nothing more, read what comes, until the client closes."""
        self.is_idle = True
        while True:
            self._receive()

    def start_tls(self, context):
        """Do the handshake.

        Raises:
            Gone: the client does not want it.
        """
        try:
            self.sock = context.wrap_socket(self.sock, server_side=True)
        except (OSError, ValueError):
            self.sock.close()
            raise Gone from None

    def first_flight(self, context):
        """What TLS would answer to the client's first message, without sending it."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=True)
        while not outgoing.pending:
            self._receive()
            incoming.write(bytes(self._received))
            self._received.clear()
            with contextlib.suppress(ssl.SSLWantReadError):
                tls.do_handshake()
        return outgoing.read()

    def drop_tls(self):
        """Close the socket without telling TLS: the client gets no close_notify."""
        raw = socket.socket(fileno=self.sock.detach())
        raw.close()
        raise Gone


class Server:
    """Listens on the loopback interface and runs `script(connection)` for each connection.

    The script ends the connection by returning. `stop` ends all connections. `let_client_read()`
    waits in the script's thread until the client has read what has arrived.
    """

    def __init__(self, script, let_client_read):
        self._script = script
        self._let_client_read = let_client_read
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self._threads = []
        self._connections = []
        #: What a script raised that it should not have.
        self.errors = []

        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()

    @property
    def is_idle(self):
        """Whether no connection has anything to do until the client sends something."""
        return all(connection.is_idle for connection in self._connections)

    def stop(self):
        """End all connections and join all threads; it blocks meanwhile.

        Raises:
            AssertionError: a script goes on, or has raised what it should not have.
        """
        # Wakes the thread that accepts.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(PATIENCE)
        self._listener.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a script goes on"
        assert not self.errors, self.errors

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(PATIENCE)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(sock, len(self._connections), self._let_client_read)
            self._connections.append(connection)
            thread = threading.Thread(target=self._serve, args=[connection])
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection):
        try:
            self._script(connection)
        except (Gone, OSError):
            pass  # what a client ends, it may end at any point of the script
        except Exception as error:
            self.errors.append(error)
        finally:
            connection.sock.close()
            connection.is_idle = True
