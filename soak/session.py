"""The server's side of one connection, whatever carries it, and the book of all of them."""

from __future__ import annotations

import json
import random
import zlib
from dataclasses import dataclass
from typing import Any, TextIO

from wire import Frame, Kind, ack, frame
from worker import Complaints

#: Bytes to send from. What is sent differs by where it begins.
BLOCK = random.Random("block").randbytes(1 << 20)
PIECE_BYTES = 32 * 1024


@dataclass
class Book:
    """What the server has got over each connection of a wave, one line for each that is over.

    It goes to a file at once: kept in memory it would hide what connections leave there.
    """

    complaints: Complaints
    open: int = 0
    file: TextIO | None = None

    def note(self, **entry: Any) -> None:
        """Write down one thing."""
        assert self.file is not None
        self.file.write(json.dumps(entry) + "\n")


@dataclass(slots=True)
class Todo:
    """What a frame asks for besides an answer."""

    answer: bytes = b""
    fetch: int = 0
    pause: float = 0.0
    reset: bool = False


class Session:
    """What has come over one connection. No I/O here: `take` says what is to be done."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._name: int | None = None
        self._count = 0
        self._running = 0
        self._silent = False
        #: Whether it is the server that ends the connection, and not in order.
        self.is_cut = False
        book.open += 1

    def take(self, it: Frame) -> Todo:
        """Account for a frame and say what it asks for."""
        match it.kind:
            case Kind.HELLO:
                self._name = it.number
            case Kind.DATA:
                if it.number != self._count + 1:
                    self._book.complaints.add(
                        f"connection {self._name}: frame {it.number} after {self._count}"
                    )
                self._count += 1
                self._running = zlib.crc32(it.body, self._running)
                if not self._silent:
                    return Todo(answer=ack(self._count, self._running))
            case Kind.FETCH:
                return Todo(fetch=it.number)
            case Kind.PAUSE:
                return Todo(pause=it.number / 1000)
            case Kind.SILENCE:
                self._silent = True
            case Kind.RESET:
                self.is_cut = True
                return Todo(reset=True)
            case _:
                self._book.complaints.add(f"connection {self._name}: {it.kind.name} from a client")
        return Todo()

    def end(self) -> None:
        """The connection is gone."""
        self._book.open -= 1
        if self._name is not None:
            self._book.note(
                name=self._name, count=self._count, running=self._running, is_cut=self.is_cut
            )


def pieces(total: int):
    """The PIECE frames that carry `total` bytes, one after the other."""
    sent = 0
    while sent < total:
        start = sent % (len(BLOCK) - PIECE_BYTES)
        body = BLOCK[start : start + min(PIECE_BYTES, total - sent)]
        sent += len(body)
        yield frame(Kind.PIECE, sent, body)
