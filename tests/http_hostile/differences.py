"""Where a client of ours differs from the library on purpose, and why.

`DIFFERENCES[case][package]` is a pair: the list of outcomes, and the reason. A case that stands
here and does not differ fails, so that the table stays true.
"""

from . import differences_of_aiohttp
from .clients import Answered, Failed

#: Two parties that read these bytes differently can be made to disagree about where a response
#: ends, or what it says. The library is lenient, RFC 9112 allows to refuse.
SMUGGLING = "a lenient reading is what response smuggling needs"
TWO_FRAMES = "a length beside chunked is refused (RFC 9112, 6.3): " + SMUGGLING
EXTENSION = "no CR stands in a chunk's extension, and none is longer than the limit"
VERSION = "only HTTP/1.0 and HTTP/1.1 are spoken"
LIMIT = "the head has a limit in bytes and in fields, however fast it arrives"
POISON = "bytes after an answer close the connection: the next request must not get them"
AS_SENT = "fields are shown as the server has sent them; h11 rewrites those of the frame"
OWN_CLASS = "the library lets another package's exception through; ours is its own ReadError"


def refused(package):
    """One request, and the library's own error for a broken answer."""
    return [Failed(f"{package}.RemoteProtocolError")]


def answered(body, *fields, status=200):
    return Answered(status, fields, body)


def length(count):
    return ("content-length", str(count))


#: What the second request of `TWICE` gets on a connection of its own.
SECOND = answered(b"second", length(6))


def of_httpx(package):
    """Outcomes and reasons by case; httpx and httpx2 have the same."""
    chunked = ("transfer-encoding", "chunked")
    return {
        **{
            f"status line: {name}": (refused(package), reason)
            for name, reason in (
                ("HTTP/2", VERSION),
                ("HTTP/0.9", VERSION),
                ("HTTP/1.2", VERSION),
            )
        },
        **{
            f"field: {name}": (refused(package), reason)
            for name, reason in (("10,000 of them", LIMIT),)
        },
        "a flood of 103": (refused(package), LIMIT),
        "frame: the same length twice": (
            [answered(b"hello", length(5), length(5))],
            AS_SENT,
        ),
        "frame: a list of the same length": (
            [answered(b"hello", ("content-length", "5, 5"))],
            AS_SENT,
        ),
        "frame: chunked, in capitals": (
            [answered(b"hello", ("transfer-encoding", "CHUNKED"))],
            AS_SENT,
        ),
        "frame: length, then chunked": (refused(package), TWO_FRAMES),
        "frame: chunked, then length": (refused(package), TWO_FRAMES),
        "frame: 204 with a body": ([answered(b"", length(5), status=204), SECOND], POISON),
        "frame: HEAD with a body": ([answered(b"", length(5)), SECOND], POISON),
        "chunks: an extension of 100 KiB": (refused(package), EXTENSION),
        "chunks: a CR in an extension": (refused(package), EXTENSION),
        **{
            f"after the answer: {name}": ([answered(b"hello", length(5)), SECOND], POISON)
            for name in ("a word", "a response", "an empty line", "half a response")
        },
        "after the answer: a response after chunks": ([answered(b"", chunked), SECOND], POISON),
        "redirects: with a port of six digits": (
            [Failed(f"{package}.ConnectError")],
            "anyio raises an ExceptionGroup of OverflowError, which nobody expects",
        ),
        **{
            f"tls: junk {where}": ([Failed(f"{package}.ReadError")], OWN_CLASS)
            for where in (
                "before the answer",
                "within the head",
                "within the body",
                "within a body until the end",
            )
        },
    }


def by_case(**packages):
    """``{case: {package: …}}`` from ``{package: {case: …}}``."""
    cases = {}
    for package, differences in packages.items():
        for case, difference in differences.items():
            cases.setdefault(case, {})[package] = difference
    return cases


DIFFERENCES = by_case(
    aiohttp=differences_of_aiohttp.DIFFERENCES,
    httpx=of_httpx("httpx"),
    httpx2=of_httpx("httpx2"),
)
