"""A client of SOCKS5 (RFC 1928), with user and password (RFC 1929); bytes in, bytes out."""

from __future__ import annotations

import ipaddress

from ._errors import ProxyError

__all__ = ("Negotiation",)

VERSION = 5
NO_AUTHENTICATION = 0
USER_AND_PASSWORD = 2
NONE_ACCEPTABLE = 255
CONNECT = 1
IPV4, NAME, IPV6 = 1, 3, 4

_METHODS = {
    NO_AUTHENTICATION: "NO AUTHENTICATION REQUIRED",
    1: "GSSAPI",
    USER_AND_PASSWORD: "USERNAME/PASSWORD",
    NONE_ACCEPTABLE: "NO ACCEPTABLE METHODS",
}
_REPLIES = {
    1: "General SOCKS server failure",
    2: "Connection not allowed by ruleset",
    3: "Network unreachable",
    4: "Host unreachable",
    5: "Connection refused",
    6: "TTL expired",
    7: "Command not supported",
    8: "Address type not supported",
}


class Negotiation:
    """Asks a proxy to connect to a host.

    Arguments:
        host: an address, or a name, which the proxy resolves.
        port: of the host.
        auth: user and password; None offers no authentication.

    Raises:
        ProxyError: a name, user or password is too long for the protocol.

    Send `first`; then hand each piece that is received to `receive`, and send what that returns,
    until `is_done`.
    """

    def __init__(self, host: str, port: int, auth: tuple[bytes, bytes] | None = None) -> None:
        method = NO_AUTHENTICATION if auth is None else USER_AND_PASSWORD
        self._method = method
        self._login = b"" if auth is None else _login(*auth)
        self._request = bytes((VERSION, CONNECT, 0)) + _address(host) + port.to_bytes(2, "big")
        self._step = self._chosen_method
        self.first = bytes((VERSION, 1, method))
        self.is_done = False

    def receive(self, received: bytearray) -> bytes:
        """Take one message of the proxy off the front of ``received``; return the answer to it.

        The answer is empty while the message is incomplete, and at the end.

        Raises:
            ProxyError: the proxy refuses, or does not speak SOCKS5.
        """
        return self._step(received)

    def _chosen_method(self, received: bytearray) -> bytes:
        if len(received) < 2:
            return b""
        version, method = _take(received, 2)
        _check_version(version)
        if method != self._method:
            wanted = _METHODS[self._method]
            raise ProxyError(
                f"Requested {wanted} from proxy server, but got {_METHODS.get(method, 'UNKNOWN')}."
            )
        if method == USER_AND_PASSWORD:
            self._step = self._logged_in
            return self._login
        self._step = self._reply
        return self._request

    def _logged_in(self, received: bytearray) -> bytes:
        if len(received) < 2:
            return b""
        _, status = _take(received, 2)  # The version here is 1, which not all proxies send.
        if status != 0:
            raise ProxyError("Invalid username/password")
        self._step = self._reply
        return self._request

    def _reply(self, received: bytearray) -> bytes:
        if len(received) < 2:
            return b""
        _check_version(received[0])
        if received[1] != 0:
            # Some proxies send no address with a failure.
            reason = _REPLIES.get(received[1], "UNKNOWN")
            raise ProxyError(f"Proxy Server could not connect: {reason}.")
        if len(received) < 5:
            return b""
        size = {IPV4: 4, IPV6: 16, NAME: 1 + received[4]}.get(received[3])
        if size is None:
            raise ProxyError(
                f"the SOCKS proxy's reply has an address of unknown type {received[3]}"
            )
        if len(received) >= 4 + size + 2:
            _take(received, 4 + size + 2)
            self.is_done = True
        return b""


def _take(received: bytearray, count: int) -> bytes:
    taken = bytes(received[:count])
    del received[:count]
    return taken


def _check_version(version: int) -> None:
    if version != VERSION:
        raise ProxyError(f"the proxy does not speak SOCKS5: its reply begins with {version}")


def _login(user: bytes, password: bytes) -> bytes:
    # RFC 1929 does not allow an empty password; proxies that only look at the name do.
    if not 1 <= len(user) <= 255:
        raise ProxyError("the username for a SOCKS5 proxy must have 1 to 255 bytes")
    if len(password) > 255:
        raise ProxyError("the password for a SOCKS5 proxy must have at most 255 bytes")
    return bytes((1, len(user))) + user + bytes((len(password),)) + password


def _address(host: str) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        try:
            name = host.encode("ascii")
        except UnicodeEncodeError:
            name = host.encode("idna")
        if not 1 <= len(name) <= 255:
            raise ProxyError("a host name for a SOCKS5 proxy must have 1 to 255 bytes") from None
        return bytes((NAME, len(name))) + name
    return bytes((IPV4 if address.version == 4 else IPV6,)) + address.packed
