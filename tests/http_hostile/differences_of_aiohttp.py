"""Where ``aioxide.http.ClientSession`` differs from aiohttp on purpose: for `differences.py`."""

from .clients import Answered, Failed

DIFFERENCES = {}


def differs(reason, *outcomes, of):
    """Note the outcomes of cases, and the reason."""
    DIFFERENCES.update((case, (list(outcomes), reason)) for case in of)


def answered(body, *headers, status=200):
    return Answered(status, headers, body)


REFUSED = Failed("aiohttp.ClientResponseError")
BROKEN = Failed("aiohttp.ClientPayloadError")
SECOND = answered(b"second", ("Content-Length", "6"))

differs(
    "A version that is not spoken is not understood (RFC 9110, 2.5).",
    REFUSED,
    of=("status line: HTTP/2", "status line: HTTP/0.9"),
)
differs(
    "It is no status line (RFC 9112, 4).",
    REFUSED,
    of=(
        "status line: status 99",
        "status line: a NUL in the reason",
        "status line: empty lines before",
    ),
)
differs(
    "A fold before any field hides it from others on the way.",
    REFUSED,
    of=("a fold before any field",),
)
differs(
    "A fold is a space, whatever it is made of (RFC 9112, 5.2).",
    answered(b"ok", ("x-name", "a b"), ("Content-Length", "2")),
    of=("field: a fold with a tab",),
)
differs(
    "The head is not complete when the server closes.",
    Failed("aiohttp.ServerDisconnectedError"),
    of=("all lines end by CR",),
)
differs(
    "Nobody sends more than 100 of them in good faith.",
    REFUSED,
    of=("a flood of 103",),
)
differs(
    "The connection speaks no protocol that was asked for.",
    REFUSED,
    of=("101 nobody asked for",),
)
differs(
    "An interim response does not end the limit for reading.",
    Failed("aiohttp.SocketTimeoutError"),
    of=("102 and silence",),
)
differs(
    "The body is as long as the head says; what follows closes the connection.",
    answered(b"hel", ("Content-Length", "3")),
    of=("frame: too short",),
)
differs(
    "The two agree (RFC 9110, 8.6).",
    answered(b"hello", ("Content-Length", "5"), ("Content-Length", "5")),
    of=("frame: the same length twice",),
)
differs(
    "All in the list agree (RFC 9110, 8.6).",
    answered(b"hello", ("Content-Length", "5, 5")),
    of=("frame: a list of the same length",),
)
differs(
    "Where such a body ends is a guess: this is how responses are smuggled (RFC 9112, 6.3).",
    REFUSED,
    of=(
        "frame: chunked twice",
        "frame: chunked in two fields",
        "frame: identity",
        "frame: a coding nobody knows",
        "frame: chunked with a parameter",
        "frame: an empty coding",
        "frame: a vertical tab before chunked",
    ),
)
TOO_MUCH = "What nobody asked for closes the connection; the next request has another one."
differs(
    TOO_MUCH,
    answered(b"", ("Content-Length", "5"), status=204),
    SECOND,
    of=("frame: 204 with a body",),
)
differs(TOO_MUCH, answered(b"", ("Content-Length", "5")), SECOND, of=("frame: HEAD with a body",))
differs(
    TOO_MUCH, answered(b"hello", ("Content-Length", "5")), SECOND, of=("after the answer: a word",)
)
differs(TOO_MUCH, SECOND, SECOND, of=("after the answer: a response to nothing",))
differs(
    "Implementations disagree on where such a chunk begins.",
    BROKEN,
    of=(
        "chunks: an extension of 100 KiB",
        "chunks: 100 leading zeros",
        "chunks: LF after the data",
    ),
)
differs(
    "The body is broken, not the head: with aiohttp that depends on whether both come at once.",
    BROKEN,
    of=(
        "chunks: a CR in an extension",
        "chunks: a LF in an extension",
        "chunks: a bad trailer",
        "chunks: trailers of 1 MiB",
        "chunks: no size",
        "chunks: a size in letters",
        "chunks: a negative size",
        "chunks: a sign",
        "chunks: 0x",
        "chunks: an underscore",
        "chunks: a space before the size",
        "chunks: a size beyond 64 bits",
        "chunks: LF after the size",
        "chunks: LF everywhere",
        "chunks: CR after the size",
        "chunks: too much data",
        "chunks: too little data",
    ),
)
differs(
    "A length among the trailers says nothing (RFC 9110, 6.5.1).",
    answered(b"hello", ("Transfer-Encoding", "chunked")),
    of=("chunks: a length among the trailers",),
)
differs(
    "A connection that fails does not say that the body is complete.",
    BROKEN,
    of=("reset within a body until the end", "tls: junk within a body until the end"),
)
