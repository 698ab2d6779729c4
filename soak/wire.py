"""What the two processes say to each other: frames with a number and a checksum.

A connection begins with HELLO, which names it. Each DATA frame has the next number, and the
receiver acknowledges it with the count of all it has got and the running checksum of all their
bodies. An ACK therefore says: every byte up to here has arrived, in order and once.
"""

from __future__ import annotations

import enum
import struct
import zlib
from dataclasses import dataclass

HEADER = struct.Struct("!BIII")


class Kind(enum.IntEnum):
    """What a frame is, or asks for; `number` means what the comment says."""

    HELLO = 1  # the connection's name
    DATA = 2  # counted from 1
    ACK = 3  # how many DATA frames have arrived; `checksum` runs over all their bodies
    FETCH = 4  # send so many bytes, in PIECEs
    PIECE = 5  # how many bytes have been sent with it
    PAUSE = 6  # do not read for so many milliseconds
    SILENCE = 7  # acknowledge nothing from here on
    RESET = 8  # reset the connection


class CorruptFrameError(Exception):
    """A frame arrived that nobody can have sent; the message says in what way."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as it arrived."""

    kind: Kind
    number: int
    checksum: int
    body: bytes


def frame(kind: Kind, number: int, body: bytes = b"") -> bytes:
    """A frame with `body` and its checksum."""
    return HEADER.pack(kind, number, len(body), zlib.crc32(body)) + body


def ack(count: int, running: int) -> bytes:
    """The acknowledgement of `count` DATA frames whose running checksum is `running`."""
    return HEADER.pack(Kind.ACK, count, 0, running)


def parse_header(header: bytes) -> tuple[Kind, int, int, int]:
    """Kind, number, length of the body and checksum.

    Raises:
        CorruptFrameError: there is no such kind.
    """
    kind, number, length, checksum = HEADER.unpack(header)
    try:
        return Kind(kind), number, length, checksum
    except ValueError:
        raise CorruptFrameError(f"a frame of kind {kind}") from None


def checked(kind: Kind, number: int, checksum: int, body: bytes) -> Frame:
    """The frame, if its body is what was sent.

    Raises:
        CorruptFrameError: the body has another checksum.
    """
    if kind is not Kind.ACK and zlib.crc32(body) != checksum:
        raise CorruptFrameError(f"{kind.name} {number}: {len(body)} bytes with another checksum")
    return Frame(kind, number, checksum, body)


class Parser:
    """Makes frames of the pieces in which they arrive."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes | bytearray | memoryview) -> list[Frame]:
        """The frames that `data` completes.

        Raises:
            CorruptFrameError: what arrived is not what can have been sent.
        """
        self._buffer += data
        frames = []
        start = 0
        while len(self._buffer) - start >= HEADER.size:
            body_start = start + HEADER.size
            kind, number, length, checksum = parse_header(self._buffer[start:body_start])
            end = body_start + length
            if len(self._buffer) < end:
                break
            frames.append(checked(kind, number, checksum, bytes(self._buffer[body_start:end])))
            start = end
        del self._buffer[:start]
        return frames
