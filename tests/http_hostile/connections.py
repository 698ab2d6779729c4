"""Connections that end, or speak, when they should not."""

import time

from .cases import GOOD, STALL, TWICE, Case
from .clients import Ask

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
MEBIBYTE = 1 << 20


def after(data, how):
    """Ends in this way after the request and these bytes of an answer."""

    def script(connection):
        connection.read()
        connection.send(data)
        connection.settle()
        if how == "reset":
            connection.reset()

    return script


def at_once(how):
    """Ends in this way before a request has come."""

    def script(connection):
        if how == "reset":
            connection.reset()

    return script


def before_the_request(data, how):
    """Speaks first."""

    def script(connection):
        connection.send(data)
        if how == "wait":
            connection.wait_for_close()

    return script


def second_connection_only(connection):
    """The first connection is closed when it is used for the second time."""
    connection.read()
    connection.send(GOOD)
    if connection.number == 0:
        connection.read_head()
        connection.reset()


def answers_without_reading(answer, how):
    """Answers an upload after its head, and reads nothing of its body."""

    def script(connection):
        connection.read_head()
        connection.send(answer)
        connection.settle()
        if how == "reset":
            connection.reset()
        elif how == "wait":
            connection.wait_for_close()

    return script


def reads_a_little(connection):
    connection.read_head()
    connection.sock.recv(1000)
    connection.reset()


def never_reads(connection):
    connection.read_head()
    time.sleep(2 * STALL)


def answers_in_the_middle(connection):
    connection.read_head()
    connection.send(GOOD)
    connection.wait_for_close()


REFUSAL = b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno"
UPLOAD = (Ask(method="POST", body=MEBIBYTE),)
BYTES = (Ask(method="POST", body=b"u" * 1000),)

CASES = (
    *(
        Case(f"{how} {when}", after(data, how))
        for how in ("end", "reset")
        for when, data in (
            ("before the answer", b""),
            ("within the status line", b"HTTP/1.1 2"),
            ("after the status line", b"HTTP/1.1 200 OK\r\n"),
            ("within the fields", b"HTTP/1.1 200 OK\r\nx-a: b\r\nx-"),
            ("after the head", HEAD),
            ("within the body", HEAD + b"hel"),
            ("after the body", HEAD + b"hello"),
            ("within a size", CHUNKED + b"5"),
            ("within a chunk", CHUNKED + b"5\r\nhel"),
            ("between chunks", CHUNKED + b"5\r\nhello\r\n"),
            ("within the last chunk", CHUNKED + b"5\r\nhello\r\n0\r\n"),
            ("within a trailer", CHUNKED + b"0\r\nx-sum"),
            ("after the last chunk", CHUNKED + b"0\r\n\r\n"),
            ("within a body until the end", b"HTTP/1.1 200 OK\r\n\r\nhello"),
            ("after 100", b"HTTP/1.1 100 Continue\r\n\r\n"),
        )
    ),
    # The kernel may report these when connecting, writing or reading.
    Case("end at once", at_once("end"), is_race=True),
    Case("reset at once", at_once("reset"), is_race=True),
    Case(
        "an answer before the request, and the end", before_the_request(GOOD, "end"), is_race=True
    ),
    Case(
        "an answer before the request",
        before_the_request(GOOD, "wait"),
        (Ask(timeout=STALL),),
        is_race=True,
    ),
    Case(
        "half an answer before the request",
        before_the_request(HEAD, "wait"),
        (Ask(timeout=STALL),),
        is_race=True,
    ),
    Case(
        "a banner before the request",
        before_the_request(b"220 mail\r\n", "wait"),
        (Ask(timeout=STALL),),
        is_race=True,
    ),
    Case("the kept connection is reset by its second request", second_connection_only, TWICE),
    Case(
        "the kept connection is reset by a POST",
        second_connection_only,
        (Ask("/first"), Ask("/second", method="POST", body=b"once", is_late=True)),
    ),
    Case("POST: end before the answer", after(b"", "end"), BYTES),
    Case("POST: reset before the answer", after(b"", "reset"), BYTES),
    Case("POST: an answer in the middle", answers_in_the_middle, UPLOAD, is_race=True),
    Case(
        "POST: refused, then silence",
        answers_without_reading(REFUSAL, "wait"),
        UPLOAD,
        is_race=True,
    ),
    Case(
        "POST: refused, then the end", answers_without_reading(REFUSAL, "end"), UPLOAD, is_race=True
    ),
    Case(
        "POST: refused, then a reset",
        answers_without_reading(REFUSAL, "reset"),
        UPLOAD,
        is_race=True,
    ),
    Case(
        "POST: a reset in the middle",
        reads_a_little,
        (Ask(method="POST", body=8 * MEBIBYTE),),
        is_race=True,
    ),
    Case(
        "POST: the server does not read",
        never_reads,
        (Ask(method="POST", body=16 * MEBIBYTE, timeout=STALL),),
        is_race=True,
    ),
)
