"""A response that ends after each of its bytes: what the library makes of it, and nothing else."""

import gzip

import pytest

from .adaptors import ADAPTORS
from .cases import Case
from .clients import Answered, Ask

# As in test_hostile_servers.py.
pytestmark = pytest.mark.timeout(300)

COMPRESSED = gzip.compress(b"hello world" * 3)

RESPONSES = {
    "length": b"HTTP/1.1 200 OK\r\nx-a: b\r\ncontent-length: 11\r\n\r\nhello world",
    "chunked": (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        b"6;a=b\r\nhello \r\n5\r\nworld\r\n0\r\nx-sum: 1\r\n\r\n"
    ),
    "gzip": (
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n%s"
        % (len(COMPRESSED), COMPRESSED)
    ),
    "until the end": b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello",
    "informational": b"HTTP/1.1 103 Hints\r\nx: y\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
}


def truncating(response):
    """The path says after how many bytes the response ends."""

    def script(connection):
        connection.send(response[: int(connection.read().path[1:])])

    return script


CASES = [
    Case(name, truncating(response), tuple(Ask(f"/{end}") for end in range(len(response) + 1)))
    for name, response in RESPONSES.items()
]


@pytest.mark.parametrize("adaptor", ADAPTORS, ids=lambda it: it.name)
@pytest.mark.parametrize("case", CASES, ids=lambda it: it.name)
def test_truncated_response(case, adaptor, outcomes_of, expected_of):
    found, left = outcomes_of(case, adaptor)
    assert not left
    differing = {
        ask.path: (outcome, reference)
        for ask, outcome, reference in zip(
            case.asks, found, expected_of(case, adaptor.package), strict=True
        )
        if outcome != reference
    }
    assert not differing
    assert isinstance(found[-1], Answered), "the whole response is none"
