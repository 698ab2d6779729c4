"""Bodies whose frames lie, whose chunks are broken, whose compression is a trap."""

import gzip
import zlib

from .cases import GOOD, STALL, TWICE, Case, answering, answering_twice
from .clients import Ask

OK = b"HTTP/1.1 200 OK\r\n"
STALLS = (Ask(timeout=STALL),)
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"


def framed(name, fields, body=b"hello", **options):
    """A case with these fields about a body of five bytes, after which the server closes."""
    return Case(f"frame: {name}", answering(OK + fields + b"\r\n\r\n" + body), **options)


def chunked(name, body):
    """A case with these bytes as a chunked body, after which the server closes."""
    return Case(f"chunks: {name}", answering(CHUNKED + body))


def encoded(name, encoding, body, **options):
    """A case with a body of that content coding."""
    fields = b"content-encoding: %s\r\ncontent-length: %d\r\n\r\n" % (encoding, len(body))
    return Case(f"coding: {name}", answering(OK + fields + body, then="wait"), **options)


def too_much(name, first):
    """A case whose first answer has bytes behind it; the second request is to get its own."""
    return Case(f"after the answer: {name}", answering_twice(first), TWICE)


def endless_chunks(connection):
    connection.read()
    connection.send(CHUNKED)
    while True:
        connection.send(b"400\r\n" + b"x" * 1024 + b"\r\n")


def endless_chunks_of_one_byte(connection):
    connection.read()
    connection.send(CHUNKED)
    while True:
        connection.send(b"1\r\nx\r\n" * 1000)


def endless_body(connection):
    connection.read()
    connection.send(OK + b"\r\n")
    while True:
        connection.send(b"x" * 65536)


def slow(interval, answer):
    def script(connection):
        connection.read()
        connection.drip(answer, interval)
        connection.wait_for_close()

    return script


def stall_within(answer):
    def script(connection):
        connection.read()
        connection.send(answer)
        connection.wait_for_close()

    return script


def late_junk(connection):
    """Bytes that come when the connection is idle."""
    while True:
        request = connection.read()
        connection.send(GOOD)
        if request.path == "/first":
            connection.settle()
            connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison")


def end_of_idle(connection):
    """The server closes the idle connection."""
    connection.read()
    connection.send(GOOD)


def reset_of_idle(connection):
    connection.read()
    connection.send(GOOD)
    connection.settle()
    connection.reset()


ZEROS = bytes(4 << 20)
TEXT = b"hello world" * 3
RAW_DEFLATE = zlib.compressobj(wbits=-15)

CASES = (
    framed("too long", b"content-length: 10"),
    framed("too short", b"content-length: 3"),
    framed("the same length twice", b"content-length: 5\r\ncontent-length: 5"),
    framed("two lengths", b"content-length: 5\r\ncontent-length: 3"),
    framed("two lengths, the longer last", b"content-length: 3\r\ncontent-length: 5"),
    framed("a list of the same length", b"content-length: 5, 5"),
    framed("a list of lengths", b"content-length: 5, 3"),
    framed("a negative length", b"content-length: -5"),
    framed("a sign", b"content-length: +5"),
    framed("hexadecimal", b"content-length: 0x5"),
    framed("a fraction", b"content-length: 5.0"),
    framed("an underscore", b"content-length: 1_0"),
    framed("a space within", b"content-length: 1 0"),
    framed("spaces around", b"content-length:   5  "),
    framed("leading zeros", b"content-length: 0005"),
    framed("no digits", b"content-length: "),
    framed("2^64", b"content-length: 18446744073709551616"),
    framed("2^63", b"content-length: 9223372036854775808"),
    framed("thirty digits", b"content-length: 1" + b"0" * 29),
    framed("other digits", "content-length: ٥".encode()),
    framed(
        "length, then chunked",
        b"content-length: 5\r\ntransfer-encoding: chunked",
        b"5\r\nhello\r\n0\r\n\r\n",
    ),
    framed(
        "chunked, then length",
        b"transfer-encoding: chunked\r\ncontent-length: 3",
        b"5\r\nhello\r\n0\r\n\r\n",
    ),
    framed("chunked twice", b"transfer-encoding: chunked, chunked", b"5\r\nhello\r\n0\r\n\r\n"),
    framed(
        "chunked in two fields",
        b"transfer-encoding: chunked\r\ntransfer-encoding: chunked",
        b"5\r\nhello\r\n0\r\n\r\n",
    ),
    framed("chunked, in capitals", b"Transfer-Encoding: CHUNKED", b"5\r\nhello\r\n0\r\n\r\n"),
    framed("identity", b"transfer-encoding: identity"),
    framed("gzip, then chunked", b"transfer-encoding: gzip, chunked", b"5\r\nhello\r\n0\r\n\r\n"),
    framed("chunked, then gzip", b"transfer-encoding: chunked, gzip"),
    framed("a coding nobody knows", b"transfer-encoding: xchunked"),
    framed(
        "chunked with a parameter", b"transfer-encoding: chunked;a=b", b"5\r\nhello\r\n0\r\n\r\n"
    ),
    framed("an empty coding", b"transfer-encoding: ", b"hello"),
    framed("a vertical tab before chunked", b"transfer-encoding: \x0bchunked", b"0\r\n\r\n"),
    framed("no length: until the end", b"x-a: b"),
    framed("a length in 204", b"content-length: 5", b"hello"),
    Case(
        "frame: chunked in HTTP/1.0",
        answering(b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    ),
    Case(
        "frame: 204 with a body",
        answering_twice(b"HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello"),
        TWICE,
    ),
    Case(
        "frame: 304 with a length",
        answering_twice(b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n"),
        TWICE,
    ),
    Case(
        "frame: HEAD with a length",
        answering_twice(OK + b"content-length: 5\r\n\r\n"),
        (Ask("/first", "HEAD"), Ask("/second", is_late=True)),
    ),
    Case(
        "frame: HEAD with a body",
        answering_twice(OK + b"content-length: 5\r\n\r\nhello"),
        (Ask("/first", "HEAD"), Ask("/second", is_late=True)),
    ),
    chunked("good", b"5\r\nhello\r\n0\r\n\r\n"),
    chunked("none", b"0\r\n\r\n"),
    chunked("in capitals", b"A\r\n0123456789\r\n0\r\n\r\n"),
    chunked("an extension", b"5;name=value\r\nhello\r\n0\r\n\r\n"),
    chunked("a quoted extension", b'5;name="a;b"\r\nhello\r\n0\r\n\r\n'),
    chunked("an extension of 100 KiB", b"5;" + b"x" * 100_000 + b"\r\nhello\r\n0\r\n\r\n"),
    chunked("a CR in an extension", b"5;a\rb\r\nhello\r\n0\r\n\r\n"),
    chunked("a LF in an extension", b"5;a\nb\r\nhello\r\n0\r\n\r\n"),
    chunked("trailers", b"5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n"),
    chunked("a length among the trailers", b"5\r\nhello\r\n0\r\ncontent-length: 9\r\n\r\n"),
    chunked("a bad trailer", b"5\r\nhello\r\n0\r\nnonsense\r\n\r\n"),
    chunked("trailers of 1 MiB", b"5\r\nhello\r\n0\r\n" + b"x-a: b\r\n" * 130_000 + b"\r\n"),
    chunked("no size", b"\r\nhello\r\n0\r\n\r\n"),
    chunked("a size in letters", b"five\r\nhello\r\n0\r\n\r\n"),
    chunked("a negative size", b"-5\r\nhello\r\n0\r\n\r\n"),
    chunked("a sign", b"+5\r\nhello\r\n0\r\n\r\n"),
    chunked("0x", b"0x5\r\nhello\r\n0\r\n\r\n"),
    chunked("an underscore", b"0_5\r\nhello\r\n0\r\n\r\n"),
    chunked("a space after the size", b"5 \r\nhello\r\n0\r\n\r\n"),
    chunked("a space before the size", b" 5\r\nhello\r\n0\r\n\r\n"),
    chunked("leading zeros", b"000005\r\nhello\r\n0\r\n\r\n"),
    chunked("100 leading zeros", b"0" * 100 + b"5\r\nhello\r\n0\r\n\r\n"),
    chunked("a size beyond 64 bits", b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
    chunked("a size of 63 bits", b"7fffffffffffffff\r\nhello"),
    chunked("LF after the size", b"5\nhello\r\n0\r\n\r\n"),
    chunked("LF after the data", b"5\r\nhello\n0\r\n\r\n"),
    chunked("LF everywhere", b"5\nhello\n0\n\n"),
    chunked("CR after the size", b"5\rhello\r\n0\r\n\r\n"),
    chunked("too much data", b"5\r\nhello world\r\n0\r\n\r\n"),
    chunked("too little data", b"5\r\nhel\r\n0\r\n\r\n"),
    chunked("no end", b"5\r\nhello\r\n"),
    chunked("the end without its last line", b"5\r\nhello\r\n0\r\n"),
    chunked("100,000 of one byte", b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n"),
    Case("chunks: endless", endless_chunks, (Ask(stop_after=1 << 20),)),
    Case("chunks: endless, of one byte", endless_chunks_of_one_byte, (Ask(stop_after=10_000),)),
    Case("an endless body", endless_body, (Ask(stop_after=1 << 20),)),
    Case("slow, but not too slow", slow(0.002, OK + b"content-length: 5\r\n\r\nhello")),
    Case(
        "slow chunks",
        slow(0.002, CHUNKED + b"5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n"),
    ),
    Case("silence within a body", stall_within(OK + b"content-length: 5\r\n\r\nhel"), STALLS),
    Case("silence within a chunk", stall_within(CHUNKED + b"5\r\nhel"), STALLS),
    Case("silence between chunks", stall_within(CHUNKED + b"5\r\nhello\r\n"), STALLS),
    Case("silence after the last chunk", stall_within(CHUNKED + b"0\r\n"), STALLS),
    Case("silence in a body until the end", stall_within(OK + b"\r\nhello"), STALLS),
    too_much("a word", OK + b"content-length: 5\r\n\r\nhelloworld"),
    too_much(
        "a response", OK + b"content-length: 5\r\n\r\nhello" + GOOD.replace(b"second", b"poison")
    ),
    too_much(
        "a response after chunks", CHUNKED + b"0\r\n\r\n" + GOOD.replace(b"second", b"poison")
    ),
    too_much("an empty line", OK + b"content-length: 5\r\n\r\nhello\r\n"),
    too_much("half a response", OK + b"content-length: 5\r\n\r\nhelloHTTP/1.1 2"),
    Case("after the answer: a response to nothing", late_junk, TWICE),
    Case("after the answer: the end", end_of_idle, TWICE),
    Case("after the answer: a reset", reset_of_idle, TWICE),
    encoded("gzip", b"gzip", gzip.compress(TEXT)),
    encoded("x-gzip", b"x-gzip", gzip.compress(TEXT)),
    encoded("gzip, in capitals", b"GZIP", gzip.compress(TEXT)),
    encoded("deflate", b"deflate", zlib.compress(TEXT)),
    encoded(
        "deflate without its frame", b"deflate", RAW_DEFLATE.compress(TEXT) + RAW_DEFLATE.flush()
    ),
    encoded("a bomb of 4 MiB", b"gzip", gzip.compress(ZEROS)),
    encoded("a bomb within a bomb", b"gzip, gzip", gzip.compress(gzip.compress(ZEROS))),
    encoded("gzip that is none", b"gzip", b"this is not compressed"),
    encoded("deflate that is none", b"deflate", b"\xffthis is not compressed"),
    encoded("gzip that ends early", b"gzip", gzip.compress(TEXT)[:-10]),
    encoded("gzip with a wrong sum", b"gzip", gzip.compress(TEXT)[:-8] + bytes(8)),
    encoded("gzip and more", b"gzip", gzip.compress(TEXT) + b"more"),
    encoded("two members of gzip", b"gzip", gzip.compress(TEXT) + gzip.compress(TEXT)),
    encoded("gzip of nothing", b"gzip", b""),
    encoded("a coding nobody knows", b"lzma", b"hello"),
    encoded("identity", b"identity", b"hello"),
    encoded("an empty coding", b"", b"hello"),
    Case(
        "coding: gzip in chunks of one byte",
        answering(
            OK
            + b"content-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n"
            + b"".join(b"1\r\n%c\r\n" % byte for byte in gzip.compress(TEXT))
            + b"0\r\n\r\n"
        ),
    ),
)
