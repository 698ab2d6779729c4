"""``CONNECT`` to an HTTP proxy (RFC 9110, section 9.3.6); bytes in, bytes out."""

from __future__ import annotations

from typing import NamedTuple

from ._errors import ProxyError

__all__ = ("Answer", "authority", "connect_request", "take_answer")

#: The most bytes of a proxy's response head, with all of its informational responses.
LONGEST_HEAD = 64 * 1024

_FORBIDDEN = frozenset(b"\0\r\n")


class Answer(NamedTuple):
    """The head of a proxy's response."""

    status: int
    reason: str
    headers: tuple[tuple[bytes, bytes], ...]


def authority(host: str, port: int) -> bytes:
    """Return ``host:port``, as it stands in the request and in its ``Host``."""
    name = host.encode("ascii") if host.isascii() else host.encode("idna")
    return b"[%b]:%d" % (name, port) if b":" in name else b"%b:%d" % (name, port)


def connect_request(host: str, port: int, headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """Return the request for a tunnel to ``host`` and ``port``.

    Arguments:
        headers: the caller's, such as ``Proxy-Authorization``. They replace the two that are sent
            otherwise, ``Host`` and ``Accept``.

    Raises:
        ProxyError: a name or a header cannot be sent.
    """
    target = authority(host, port)
    given = {name.lower() for name, _ in headers}
    fields = [
        field for field in ((b"Host", target), (b"Accept", b"*/*")) if field[0].lower() not in given
    ]
    fields += headers
    for part in (target, *(part for field in fields for part in field)):
        if not _FORBIDDEN.isdisjoint(part):
            raise ProxyError(f"{part!r} cannot be sent to a proxy")
    lines = [b"CONNECT %b HTTP/1.1" % target]
    lines += [b"%b: %b" % field for field in fields]
    return b"\r\n".join((*lines, b"", b""))


def take_answer(received: bytearray) -> Answer | None:
    """Take the head of the final response off the front of ``received``; None if it is incomplete.

    Raises:
        ProxyError: it is no HTTP, or too long.
    """
    while True:
        end = received.find(b"\r\n\r\n", 0, LONGEST_HEAD)
        if end < 0:
            if len(received) >= LONGEST_HEAD:
                raise ProxyError(f"the proxy's response head has more than {LONGEST_HEAD} bytes")
            if received and not b"HTTP/".startswith(received[:5]):
                raise ProxyError(f"the proxy does not speak HTTP: {bytes(received[:32])!r}")
            return None
        answer = _parse(bytes(received[:end]))
        del received[: end + 4]
        if not 100 <= answer.status < 200:
            return answer


def _parse(head: bytes) -> Answer:
    first, *lines = head.split(b"\r\n")
    version, _, rest = first.partition(b" ")
    status, _, reason = rest.partition(b" ")
    if version not in (b"HTTP/1.1", b"HTTP/1.0") or len(status) != 3 or not status.isdigit():
        raise ProxyError(f"the proxy does not speak HTTP: {first[:64]!r}")
    headers = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name or name != name.strip():
            raise ProxyError(f"the proxy sent an invalid header: {line[:64]!r}")
        headers.append((name, value.strip()))
    return Answer(int(status), reason.decode("latin-1"), tuple(headers))
