"""What names where a connection goes: the keys of a pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import ssl

__all__ = ("Origin", "Proxy")

#: The ports that a URL does not have to name.
DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443, "socks5": 1080, "socks5h": 1080}


class Proxy(NamedTuple):
    """A proxy, and what it is told."""

    scheme: str  # "http", "https", "socks5", or "socks5h", which means the same here
    host: str
    port: int
    #: User and password for SOCKS; an HTTP proxy gets these in `headers`.
    auth: tuple[bytes, bytes] | None = None
    #: Sent with CONNECT, and by the door with a forwarded request.
    headers: tuple[tuple[bytes, bytes], ...] = ()
    #: For the connection to an "https" proxy.
    tls: ssl.SSLContext | None = None

    @property
    def is_socks(self) -> bool:
        """Whether it speaks SOCKS5."""
        return self.scheme.startswith("socks")


class Origin(NamedTuple):
    """Where to connect, and how: connections with equal origins may serve each other's requests.

    What does not differ between the requests of one pool is in its `Connector`. The hash of a
    context is its identity, so hashing an origin costs little more than seven pointers.
    """

    scheme: str  # "http", "https", "ws" or "wss"
    host: str  # without brackets; for TLS through a proxy and for SOCKS, resolved there
    port: int
    #: None: no TLS.
    tls: ssl.SSLContext | None = None
    #: The name in the handshake, with which the certificate is compared; None means `host`.
    server_hostname: str | None = None
    proxy: Proxy | None = None
    #: The path of a Unix socket to connect to, instead of host and port.
    unix_path: str | None = None

    @property
    def is_forwarded(self) -> bool:
        """Whether requests go to an HTTP proxy as they are, with the whole URL as their target."""
        return self.proxy is not None and self.scheme == "http" and not self.proxy.is_socks
