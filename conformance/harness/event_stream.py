"""What the process that runs tests tells the one that supervises it.

One JSON object a line, on a pipe of its own: the tests write to the standard
streams as they please. Each object has the key ``event``:

- ``collected``: ``tests``, a list of [id, id of the counterpart in the baseline]
- ``started``: ``test``
- ``ended``: ``test``, ``outcome``, ``reason``, ``details``, ``seconds``
- ``fixture``: ``where`` (``setUpClass (...)``), ``outcome``, ``reason``
- ``skipped``: ``reason``; the whole module does not apply here
- ``broken``: ``reason``, ``details``; the module cannot be imported
- ``finished``: every test had its turn
"""

import json
import os
import threading


class EventWriter:
    """Writes events to a pipe; each write reaches the reader at once.

    Args:
        descriptor: the pipe's end for writing. Programs that the tests start do
            not inherit it: they would keep the reader waiting for its end.
    """

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._descriptor = descriptor
        self._owner = os.getpid()
        self._lock = threading.Lock()

    def write(self, event: str, **fields: object) -> None:
        if os.getpid() != self._owner:
            return  # a test forked; the copy must not speak for the original
        line = json.dumps({"event": event, **fields}).encode() + b"\n"
        with self._lock:
            while line:
                line = line[os.write(self._descriptor, line) :]


class EventReader:
    """Turns what arrives, cut anywhere, into whole events."""

    def __init__(self) -> None:
        self._unfinished = b""

    def feed(self, chunk: bytes) -> list[dict]:
        *lines, self._unfinished = (self._unfinished + chunk).split(b"\n")
        return [json.loads(line) for line in lines]
