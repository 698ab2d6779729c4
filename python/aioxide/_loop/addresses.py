"""Numeric addresses, which need no resolver."""

from __future__ import annotations

import itertools
import socket

__all__ = ("interleave", "is_numeric", "numeric_addrinfo")

_PROTOCOL_OF_TYPE = {
    socket.SOCK_STREAM: socket.IPPROTO_TCP,
    socket.SOCK_DGRAM: socket.IPPROTO_UDP,
}
_FAMILIES = (socket.AF_INET, socket.AF_INET6) if socket.has_ipv6 else (socket.AF_INET,)


def numeric_addrinfo(host, port, family, type, proto, flowinfo=0, scopeid=0):
    """Return the entry that ``getaddrinfo()`` returns for a numeric address.

    Arguments:
        host: an IPv4 or IPv6 address in text, str or bytes.
        port: a number, also as str or bytes; empty or None means 0.
        family: the address family, ``AF_UNSPEC`` for either.
        type: ``SOCK_STREAM`` or ``SOCK_DGRAM``.
        proto: 0, or the number of TCP or UDP.
        flowinfo, scopeid: the last two items of an IPv6 socket address.

    Returns:
        ``(family, type, proto, "", socket address)``, or None if the resolver is
        needed: the host is a name or has a zone index, the port is a service
        name, or the socket is of another kind.
    """
    if host is None or proto not in (0, socket.IPPROTO_TCP, socket.IPPROTO_UDP):
        return None
    protocol = _PROTOCOL_OF_TYPE.get(type)
    number = _port_number(port)
    if protocol is None or number is None:
        return None
    if isinstance(host, bytes):
        host = host.decode("idna")
    families = _FAMILIES if family == socket.AF_UNSPEC else (family,)
    found = _numeric_family(host, families)
    if found is None:
        return None
    if found == socket.AF_INET6:
        return found, type, protocol, "", (host, number, flowinfo, scopeid)
    return found, type, protocol, "", (host, number)


def is_numeric(host, port) -> bool:
    """Return whether ``getaddrinfo(host, port)`` needs no lookup.

    This is so if the host is None or a numeric address and the port is None or
    a number: then neither a name server nor a file of the system is read.
    """
    if _port_number(port) is None:
        return False
    if isinstance(host, bytes):
        try:
            host = host.decode("ascii")
        except UnicodeDecodeError:
            return False
    return host is None or _numeric_family(host, _FAMILIES) is not None


def interleave(addrinfos, first_family_count: int = 1) -> list:
    """Reorder addresses so that their families alternate.

    Arguments:
        addrinfos: entries of ``getaddrinfo()``, in order of preference.
        first_family_count: how many entries of the first family come before the
            first entry of another family.

    Returns:
        The same entries; the order within each family is kept.
    """
    by_family: dict[int, list] = {}
    for addrinfo in addrinfos:
        by_family.setdefault(addrinfo[0], []).append(addrinfo)
    families = list(by_family.values())
    head = families[0][: max(first_family_count - 1, 0)]
    families[0] = families[0][len(head) :]
    rounds = itertools.zip_longest(*families)
    return head + [entry for entries in rounds for entry in entries if entry is not None]


def _port_number(port) -> int | None:
    """Return the port as a number, None for a service name."""
    if port is None or (isinstance(port, (str, bytes)) and not port):
        return 0
    try:
        return int(port)
    except (TypeError, ValueError):
        return None


def _numeric_family(host, families):
    # inet_pton() does not take a zone index ("fe80::1%eth0") everywhere.
    if not isinstance(host, str) or "%" in host:
        return None
    for family in families:
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return family
    return None
