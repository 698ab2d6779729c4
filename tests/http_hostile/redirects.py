"""Redirects without end or sense, and cookies with bad attributes."""

from .cases import Case
from .clients import Ask

FOLLOW = (Ask(follow_redirects=True),)


def redirect(location, status=302):
    """Every request but that for /end is sent to `location`."""

    def script(connection):
        while True:
            path = connection.read().path
            if path == "/end":
                answer = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nend"
            else:
                field = b"" if location is None else b"location: " + location + b"\r\n"
                answer = b"HTTP/1.1 %d Moved\r\n%scontent-length: 0\r\n\r\n" % (status, field)
            connection.send(answer)

    return script


def ten_thousand(connection):
    while True:
        number = int(connection.read().path[1:] or 0)
        if number < 10_000:
            head = b"HTTP/1.1 302 Found\r\nlocation: /%d\r\n" % (number + 1)
        else:
            head = b"HTTP/1.1 200 OK\r\n"
        connection.send(head + b"content-length: 0\r\n\r\n")


def with_an_endless_body(connection):
    while True:
        if connection.read().path == "/end":
            connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nend")
        else:
            connection.send(
                b"HTTP/1.1 302 Found\r\nlocation: /end\r\ncontent-length: 5\r\n\r\nhello"
            )


def cookies(*fields):
    """The first answer sets cookies; the second one has in its body what the client sent back."""

    def script(connection):
        while True:
            request = connection.read()
            if request.path == "/first":
                lines = b"".join(b"set-cookie: " + field + b"\r\n" for field in fields)
                connection.send(b"HTTP/1.1 200 OK\r\n" + lines + b"content-length: 0\r\n\r\n")
                continue
            sent = [
                line for line in request.head.split(b"\r\n") if line.lower().startswith(b"cookie:")
            ]
            body = b"\n".join(line.partition(b":")[2].strip() for line in sent)
            connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

    return script


def jar(name, *fields):
    """A case of cookies."""
    return Case(f"cookies: {name}", cookies(*fields), (Ask("/first"), Ask("/second")))


CASES = (
    Case("redirects: 10,000", ten_thousand, FOLLOW),
    Case("redirects: to itself", redirect(b"/"), FOLLOW),
    Case("redirects: to the end", redirect(b"/end"), FOLLOW),
    Case("redirects: to a relative path", redirect(b"end"), FOLLOW),
    Case("redirects: up", redirect(b"../../end"), FOLLOW),
    Case("redirects: to a fragment", redirect(b"/end#part"), FOLLOW),
    Case("redirects: without a location", redirect(None), FOLLOW),
    Case("redirects: to nothing", redirect(b""), FOLLOW),
    Case("redirects: without a host", redirect(b"http:///end"), FOLLOW),
    Case("redirects: with a port that is none", redirect(b"http://127.0.0.1:port/end"), FOLLOW),
    Case("redirects: with a port of six digits", redirect(b"http://127.0.0.1:999999/"), FOLLOW),
    Case("redirects: to ftp", redirect(b"ftp://127.0.0.1/"), FOLLOW),
    Case("redirects: to a file", redirect(b"file:///etc/passwd"), FOLLOW),
    Case("redirects: to javascript", redirect(b"javascript:alert(1)"), FOLLOW),
    Case("redirects: to spaces", redirect(b"/a b/../end"), FOLLOW),
    Case("redirects: to bytes above 127", redirect(b"/\xff"), FOLLOW),
    Case("redirects: to an unclosed bracket", redirect(b"http://[::1/end"), FOLLOW),
    Case("redirects: 300 KiB away", redirect(b"/" + b"x" * 300_000), FOLLOW),
    *(
        Case(
            f"redirects: {status} of a POST",
            redirect(b"/end", status),
            (Ask(method="POST", body=b"form", follow_redirects=True),),
        )
        for status in (301, 302, 303, 307, 308)
    ),
    Case(
        "redirects: 307 of a body that is gone",
        redirect(b"/end", 307),
        (Ask(method="POST", body=32_768, follow_redirects=True),),
    ),
    Case("redirects: with a body of their own", with_an_endless_body, FOLLOW),
    jar("good", b"a=1; Path=/", b"b=2; HttpOnly"),
    jar("no name", b"=1"),
    jar("no value", b"a"),
    jar("nothing", b""),
    jar("only separators", b";;;;"),
    jar("a date that is none", b"a=1; Expires=yesterday"),
    jar("a date in the past", b"a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
    jar("an age that is none", b"a=1; Max-Age=x"),
    jar("a negative age", b"a=1; Max-Age=-1"),
    jar("a huge age", b"a=1; Max-Age=99999999999999999999"),
    jar("another domain", b"a=1; Domain=example.com"),
    jar("a path that is none", b"a=1; Path=elsewhere"),
    jar("another path", b"a=1; Path=/elsewhere"),
    jar("secure over plain TCP", b"a=1; Secure"),
    jar("attributes nobody knows", b"a=1; SameSite=Odd; Priority=High; Partitioned"),
    jar("quotes", b'a="1;2"'),
    jar("bytes above 127", b"a=\xff\xfe"),
    jar("a name with spaces", b"a b=1"),
    jar("a reserved name", b"path=/x; Path=/"),
    jar("200 of them", *(b"c%d=v" % number for number in range(200))),
    jar("the same one twice", b"a=1", b"a=2"),
    jar("a value of 5 KiB", b"a=" + b"x" * 5000),
)
