"""What the HTTP soak asks for, and that a soak which does too little is no soak."""

from collections import Counter

import pytest
from http_run import missing_kinds
from http_wire import HOW, Asked, bytes_of, pieces


def test_a_path_says_all_that_is_asked_for():
    asked = Asked(17, "chunked", 250, 1000, 30)
    assert Asked.parse(asked.path) == asked


@pytest.mark.parametrize("path", ["/", "/1/length/0/0", "/1/other/0/0/0", "/1/length/0/x/0"])
def test_another_path_is_refused(path):
    with pytest.raises(ValueError):
        Asked.parse(path)


def test_the_bytes_of_two_requests_differ():
    assert bytes_of(1, 1000) != bytes_of(2, 1000)
    asked = Asked(3, "length", 0, 1000, 1000)
    assert asked.answer() != asked.body()


def test_pieces_are_the_whole():
    data = bytes_of(1, 100_000)
    assert b"".join(pieces(data)) == data


def test_the_ways_of_answering_are_a_hundred():
    assert sum(HOW.values()) == 100


def test_an_end_that_never_came_is_named():
    assert missing_kinds(Counter(done=5, cancelled=1, lost=2)) == ["no request was timed out"]
