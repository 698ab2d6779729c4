"""Frames: what is put together of pieces, and what is refused."""

import zlib

import pytest
from session import BLOCK, Session, pieces
from wire import HEADER, CorruptFrameError, Kind, Parser, ack, frame


class Complaints(list):
    add = list.append


class Book:
    def __init__(self):
        self.complaints = Complaints()
        self.notes = []
        self.open = 0

    def note(self, **entry):
        self.notes.append(entry)


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
def test_frames_are_put_together_of_pieces_of_any_size(size):
    sent = frame(Kind.HELLO, 5) + frame(Kind.DATA, 1, b"x" * 3000) + ack(1, 99)
    parser = Parser()
    found = [it for at in range(0, len(sent), size) for it in parser.feed(sent[at : at + size])]
    assert [(it.kind, it.number) for it in found] == [
        (Kind.HELLO, 5),
        (Kind.DATA, 1),
        (Kind.ACK, 1),
    ]
    assert found[1].body == b"x" * 3000
    assert found[2].checksum == 99


def test_a_byte_that_has_changed_is_seen():
    sent = bytearray(frame(Kind.DATA, 1, b"hello"))
    sent[-1] ^= 1
    with pytest.raises(CorruptFrameError, match="DATA 1: 5 bytes with another checksum"):
        Parser().feed(sent)


def test_a_kind_that_does_not_exist_is_refused():
    with pytest.raises(CorruptFrameError, match="a frame of kind 200"):
        Parser().feed(HEADER.pack(200, 0, 0, 0))


def take(session, *parts):
    return [session.take(it) for it in Parser().feed(b"".join(parts))]


def test_an_acknowledgement_covers_all_that_came_before():
    book = Book()
    session = Session(book)
    todo = take(session, frame(Kind.HELLO, 5), frame(Kind.DATA, 1, b"a"), frame(Kind.DATA, 2, b"b"))
    assert todo[-1].answer == ack(2, zlib.crc32(b"ab"))
    session.end()
    assert book.notes == [{"name": 5, "count": 2, "running": zlib.crc32(b"ab"), "is_cut": False}]
    assert not book.complaints
    assert book.open == 0


def test_a_message_out_of_turn_is_complained_of():
    book = Book()
    take(Session(book), frame(Kind.HELLO, 5), frame(Kind.DATA, 2, b"b"))
    assert book.complaints == ["connection 5: frame 2 after 0"]


def test_pieces_add_up():
    found = Parser().feed(b"".join(pieces(100_000)))
    assert sum(len(it.body) for it in found) == found[-1].number == 100_000
    assert found[0].body == BLOCK[: len(found[0].body)]
