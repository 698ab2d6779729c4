"""A client of the console's socket, written from docs/trace-format.md."""

import json
import os
import socket
import struct
from pathlib import Path

DEADLINE = 10  # seconds


def socket_path(pid):
    """Where the socket of a process is."""
    folder = os.environ.get("XDG_RUNTIME_DIR")
    base = Path(folder, "aioxide") if folder else Path(f"/tmp/aioxide-{os.geteuid()}")
    return base / f"{pid}.sock"


class Client:
    """A connection to the console of process ``pid``; a context manager."""

    def __init__(self, pid):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE)
        try:
            self.socket.connect(str(socket_path(pid)))
            self.greeting = self.receive()
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.socket.close()

    def ask(self, question, **arguments):
        """The answer to a request."""
        self.send(json.dumps({"ask": question, **arguments}).encode())
        return self.receive()

    def send(self, payload, kind=0):
        self.socket.sendall(struct.pack("<IB", len(payload), kind) + payload)

    def receive(self):
        """The next frame: a decoded message, or the bytes of chunks."""
        length, kind = struct.unpack("<IB", self._exactly(5))
        payload = self._exactly(length)
        return json.loads(payload) if kind == 0 else payload

    def is_closed(self):
        """Whether the other side has closed the connection."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def _exactly(self, count):
        received = b""
        while len(received) < count:
            part = self.socket.recv(min(count - len(received), 1 << 20))
            if not part:
                raise EOFError(f"closed after {len(received)} of {count} bytes")
            received += part
        return received
