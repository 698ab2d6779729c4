"""TLS that fails at each stage."""

import functools
import socket
import ssl

from .cases import GOOD, STALL, TWICE, Case
from .clients import Ask

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"
#: As in tests/tls.
CERTIFICATES = ("expired", "unknown", "self_signed", "other_server")

#: The fixture's certificates, once they are issued.
issued = None


@functools.cache
def server_context(certificate="server", version=None):
    return issued.server_context(certificate, version)


def with_certificate(name):
    def script(connection):
        connection.start_tls(server_context(name))
        connection.read()
        connection.send(GOOD)

    return script


def cut_flight(share, how, version):
    """Sends a part of the server's first flight."""

    def script(connection):
        flight = connection.first_flight(server_context("server", version))
        connection.send(flight[: int(len(flight) * share)])
        if how == "reset":
            connection.settle()
            connection.reset()
        elif how == "wait":
            connection.wait_for_close()

    return script


def damaged_flight(connection):
    """One bit of the server's first flight is wrong."""
    flight = bytearray(connection.first_flight(server_context()))
    flight[-20] ^= 1
    connection.send(bytes(flight))
    connection.wait_for_close()


def plain_text(connection):
    connection.sock.recv(65536)
    connection.send(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
    connection.wait_for_close()


def alert(connection):
    """A fatal alert in place of the server's first flight: handshake_failure."""
    connection.sock.recv(65536)
    connection.send(b"\x15\x03\x03\x00\x02\x02\x28")


def old_version(connection):
    """A fatal alert of TLS 1.1: protocol_version."""
    connection.sock.recv(65536)
    connection.send(b"\x15\x03\x02\x00\x02\x02\x46")


def after(data, how):
    """Sends these bytes of an answer and ends in this way."""

    def script(connection):
        connection.start_tls(server_context())
        connection.read()
        if data:
            connection.send(data)
        connection.settle()
        if how == "unnotified":
            connection.drop_tls()
        elif how == "reset":
            connection.reset()
        elif how == "notified":
            try:
                connection.sock.unwrap()
            except (OSError, ValueError):
                pass
        elif how == "half":
            connection.sock.shutdown(socket.SHUT_WR)
            connection.settle()
        else:
            # A record that nobody has encrypted.
            with socket.socket(fileno=connection.sock.detach()) as raw:
                raw.sendall(b"\x17\x03\x03\x00\x20" + b"junk" * 8)
                connection.settle()

    return script


def end_after_handshake(connection):
    connection.start_tls(server_context())


def reset_after_handshake(connection):
    connection.start_tls(server_context())
    connection.reset()


def kept(connection):
    """Answers, closes without close_notify while idle, and answers on another connection."""
    connection.start_tls(server_context())
    connection.read()
    connection.send(GOOD)
    connection.settle()
    connection.drop_tls()


SHORT = (Ask(timeout=STALL, connecting=STALL),)
TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

CASES = tuple(
    Case(f"tls: {name}", script, asks, is_tls=True, is_race=is_race)
    for name, script, asks, is_race in (
        *(
            (f"certificate {name}", with_certificate(name), (Ask(),), False)
            for name in CERTIFICATES
        ),
        *(
            (
                f"{how} after {share:.0%} of the flight, {version.name}",
                cut_flight(share, how, version),
                asks,
                False,
            )
            for version in (TLS12, TLS13)
            for how, asks in (("end", (Ask(),)), ("wait", SHORT))
            for share in (0, 0.01, 0.3, 0.6, 0.99)
        ),
        ("reset within the flight", cut_flight(0.5, "reset", TLS13), (Ask(),), True),
        ("a damaged flight", damaged_flight, (Ask(),), False),
        ("plain text", plain_text, (Ask(),), False),
        ("an alert", alert, (Ask(),), False),
        ("an old version", old_version, (Ask(),), False),
        ("end after the handshake", end_after_handshake, (Ask(),), True),
        ("reset after the handshake", reset_after_handshake, (Ask(),), True),
        *(
            (f"{how} {where}", after(data, how), (Ask(),), False)
            for how in ("notified", "unnotified", "half", "junk")
            for where, data in (
                ("before the answer", b""),
                ("within the head", HEAD[:20]),
                ("within the body", HEAD + b"hel"),
                ("after the body", HEAD + b"hello"),
                ("within a body until the end", b"HTTP/1.1 200 OK\r\n\r\nhello"),
            )
        ),
        ("reset within the body", after(HEAD + b"hel", "reset"), (Ask(),), False),
        ("the idle connection ends without notice", kept, TWICE, False),
    )
)
