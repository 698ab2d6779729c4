"""Heads of responses that are wrong, huge or odd."""

from .cases import STALL, TWICE, Case, answering, answering_twice
from .clients import Ask

BODY = b"content-length: 2\r\n\r\nok"
STALLS = (Ask(timeout=STALL),)


def line(name, text, **options):
    """A case that differs in the status line."""
    return Case(f"status line: {name}", answering(text + b"\r\n" + BODY), **options)


def header(name, text):
    """A case that differs in one field."""
    data = b"HTTP/1.1 200 OK\r\n" + text + b"\r\n" + BODY
    return Case(f"field: {name}", answering(data))


def many_informational(connection, count=10_000):
    connection.read()
    connection.send(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * count)
    connection.send(b"HTTP/1.1 200 OK\r\n" + BODY)


def endless_head(connection):
    connection.read()
    connection.send(b"HTTP/1.1 200 OK\r\n")
    # Far more than any client may keep; none of ours gets to the end.
    for number in range(2000):
        connection.send(b"x-%d: " % number + b"y" * 8000 + b"\r\n")
    connection.send(BODY)


CASES = (
    line("empty", b""),
    line("no version", b"200 OK"),
    line("another protocol", b"SSH-2.0-OpenSSH_9.2"),
    line("lower case", b"http/1.1 200 OK"),
    line("a version of three parts", b"HTTP/1.1.1 200 OK"),
    line("HTTP/2", b"HTTP/2.0 200 OK"),
    line("HTTP/0.9", b"HTTP/0.9 200 OK"),
    line("HTTP/1.2", b"HTTP/1.2 200 OK"),
    line("no reason", b"HTTP/1.1 200"),
    line("an empty reason", b"HTTP/1.1 200 "),
    line("a reason in UTF-8", "HTTP/1.1 200 schön".encode()),
    line("two digits", b"HTTP/1.1 20 OK"),
    line("four digits", b"HTTP/1.1 2000 OK"),
    line("a letter", b"HTTP/1.1 2x0 OK"),
    line("a sign", b"HTTP/1.1 -20 OK"),
    line("status 99", b"HTTP/1.1 099 Low"),
    line("status 999", b"HTTP/1.1 999 High"),
    line("no status", b"HTTP/1.1 "),
    line("two spaces", b"HTTP/1.1  200 OK"),
    line("a tab", b"HTTP/1.1\t200 OK"),
    line("a NUL in the reason", b"HTTP/1.1 200 O\0K"),
    line("a CR in the reason", b"HTTP/1.1 200 O\rK"),
    line("a long reason", b"HTTP/1.1 200 " + b"x" * 20_000),
    line("empty lines before", b"\r\n\r\nHTTP/1.1 200 OK"),
    line("a space before", b" HTTP/1.1 200 OK"),
    header("no colon", b"nonsense"),
    header("an empty name", b": value"),
    header("an empty value", b"x-empty:"),
    header("a space before the colon", b"x-name : value"),
    header("a tab before the colon", b"x-name\t: value"),
    header("a space in the name", b"x name: value"),
    header("a NUL in the name", b"x\0name: value"),
    header("a NUL in the value", b"x-name: a\0b"),
    header("a CR in the value", b"x-name: a\rb"),
    header("a LF that ends it", b"x-name: a\nx-other: b"),
    header("a control character in the value", b"x-name: a\x01b"),
    header("DEL in the value", b"x-name: a\x7fb"),
    header("a tab in the value", b"x-name: a\tb"),
    header("bytes above 127 in the value", b"x-name: \xff\xfe"),
    header("bytes above 127 in the name", b"x-\xff: a"),
    header("a fold", b"x-name: a\r\n b"),
    header("a fold with a tab", b"x-name: a\r\n\tb"),
    header("a fold of nothing", b"x-name: a\r\n \r\nx-other: b"),
    header("separators in the name", b'x"(name): a'),
    header("the same one twice", b"x-name: a\r\nx-name: b"),
    header("a value of 7 KiB", b"x-name: " + b"a" * 7_000),
    header("a value of 100 KiB", b"x-name: " + b"a" * 100_000),
    header("a value of 1 MiB", b"x-name: " + b"a" * 1_000_000),
    header("a name of 100 KiB", b"x" * 100_000 + b": a"),
    header("90 of them", b"\r\n".join(b"x-%d: a" % number for number in range(90))),
    header("10,000 of them", b"\r\n".join(b"x-%d: a" % number for number in range(10_000))),
    Case(
        "a fold before any field",
        answering(b"HTTP/1.1 200 OK\r\n x-name: a\r\n" + BODY),
    ),
    Case("all lines end by LF", answering(b"HTTP/1.1 200 OK\ncontent-length: 2\n\nok")),
    Case("all lines end by CR", answering(b"HTTP/1.1 200 OK\rcontent-length: 2\r\rok")),
    Case("an endless head", endless_head),
    Case("a head without end, and silence", answering(b"HTTP/1.1 200 OK\r\n", then="wait"), STALLS),
    Case("silence", answering(b"", then="wait"), STALLS),
    Case("only a NUL", answering(b"\0")),
    Case("1 MiB of zeros", answering(bytes(1_000_000)), is_race=True),
    Case("1 MiB without a line end", answering(b"x" * 1_000_000), is_race=True),
    Case("103 before the answer", lambda connection: many_informational(connection, 1)),
    Case("a flood of 103", many_informational),
    Case(
        "100 nobody waits for",
        answering(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n" + BODY),
    ),
    Case(
        "a 1xx with a length",
        answering(b"HTTP/1.1 103 Hints\r\ncontent-length: 5\r\n\r\nHTTP/1.1 200 OK\r\n" + BODY),
    ),
    Case("101 nobody asked for", answering(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n")),
    Case("only a 103", answering(b"HTTP/1.1 103 Early Hints\r\n\r\n")),
    Case("102 and silence", answering(b"HTTP/1.1 102 Processing\r\n\r\n", then="wait"), STALLS),
    Case(
        "HTTP/1.0, which the client must not keep",
        answering_twice(b"HTTP/1.0 200 OK\r\n" + BODY),
        TWICE,
    ),
    Case(
        "connection: close, and the server does not",
        answering_twice(b"HTTP/1.1 200 OK\r\nconnection: close\r\n" + BODY),
        TWICE,
    ),
    Case(
        "connection: keep-alive in HTTP/1.0",
        answering_twice(b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n" + BODY),
        TWICE,
    ),
)
