"""What a request of the HTTP soak asks for: all of it stands in the path, and the body follows."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

#: Bytes to answer and to upload from. What is sent differs by where it begins.
BLOCK = random.Random("block").randbytes(1 << 20)
PIECE_BYTES = 16 * 1024

#: How an answer ends, and how many of a hundred end so.
#:
#: length, chunked: whole; the connection goes on. close: whole, without a length. slow: in small
#: pieces. cut: in the middle, by a reset. silent: never, until the client leaves.
HOW = {"length": 45, "chunked": 30, "close": 5, "slow": 8, "cut": 5, "silent": 7}


@dataclass(frozen=True)
class Asked:
    """One request."""

    name: int
    how: str
    #: Milliseconds until the answer begins.
    delay: int
    #: Bytes of the answer.
    size: int
    #: Bytes of the request's body; 0 is a GET.
    upload: int

    @property
    def path(self) -> str:
        return f"/{self.name}/{self.how}/{self.delay}/{self.size}/{self.upload}"

    @classmethod
    def parse(cls, path: str) -> Asked:
        """What a path asks for.

        Raises:
            ValueError: nothing that this soak would.
        """
        _, name, how, *numbers = path.split("/")
        delay, size, upload = map(int, numbers)
        if how not in HOW:
            raise ValueError(path)
        return cls(int(name), how, delay, size, upload)

    def answer(self) -> bytes:
        """The body of the answer."""
        return bytes_of(self.name, self.size)

    def body(self) -> bytes:
        """The body of the request."""
        return bytes_of(-self.name, self.upload)


def bytes_of(name: int, size: int) -> bytes:
    """Bytes that differ from name to name."""
    start = name * 7919 % (len(BLOCK) - size)
    return BLOCK[start : start + size]


def pieces(data: bytes) -> Iterator[bytes]:
    """The same in pieces."""
    for start in range(0, len(data), PIECE_BYTES):
        yield data[start : start + PIECE_BYTES]


def checksum(data: bytes) -> int:
    return zlib.crc32(data)
