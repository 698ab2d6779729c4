"""A proxy as the packages describe it."""

from __future__ import annotations

import base64
import ssl

from .._origins import DEFAULT_PORTS, Proxy

__all__ = ("http_proxy", "socks_proxy")


def http_proxy(
    scheme: str,
    host: str,
    port: int | None,
    auth: tuple[bytes, bytes] | None,
    headers: tuple[tuple[bytes, bytes], ...],
    tls: ssl.SSLContext | None,
) -> Proxy:
    """Return an HTTP proxy, which is told user and password in a header.

    Raises:
        RuntimeError: there is a context, but no TLS.
    """
    if scheme == "http" and tls is not None:
        raise RuntimeError("The `proxy_ssl_context` argument is not allowed for the http scheme")
    if auth is not None:
        basic = b"Basic " + base64.b64encode(b":".join(auth))
        headers = ((b"Proxy-Authorization", basic), *headers)
    return Proxy(scheme, host, port or DEFAULT_PORTS[scheme], None, tuple(headers), tls)


def socks_proxy(
    scheme: str, host: str, port: int | None, auth: tuple[bytes, bytes] | None
) -> Proxy:
    """Return a SOCKS proxy."""
    return Proxy(scheme, host, port or DEFAULT_PORTS[scheme], auth)
