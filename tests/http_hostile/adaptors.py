"""The clients under test, each beside the library whose behaviour it has to have."""

import os
from collections.abc import Callable
from dataclasses import dataclass

import aioxide.http

from .clients import Aiohttp, Httpx


@dataclass(frozen=True)
class Adaptor:
    """How to make a client, and on which loop it runs."""

    name: str
    #: The library that is the reference.
    package: str
    #: ``make(tls)`` with the context that the client trusts by, or None.
    make: Callable
    #: "asyncio" for the libraries themselves, which are the reference.
    kind: str = "aioxide"
    #: Whether it is ours: the libraries themselves may leave a closing connection to the loop.
    is_ours: bool = False
    #: Whether it is the library in whose place ours is put by ``aioxide.install(http=True)``.
    is_in_place: bool = False


def our_session(tls):
    return Aiohttp(aioxide.http.ClientSession, tls=tls)


def httpx_of(package):
    return lambda tls: Httpx(package, tls=tls)


def transport_of(package):
    def make(tls):
        return Httpx(package, aioxide.http.Transport, tls, is_native=True)

    return make


def in_place_of(package):
    return lambda tls: Httpx(package, tls=tls, is_native=True)


#: The libraries as they are, on asyncio's loop.
REFERENCES = {
    "aiohttp": Adaptor("aiohttp on asyncio", "aiohttp", lambda tls: Aiohttp(tls=tls), "asyncio"),
    "httpx": Adaptor("httpx on asyncio", "httpx", httpx_of("httpx"), "asyncio"),
    "httpx2": Adaptor("httpx2 on asyncio", "httpx2", httpx_of("httpx2"), "asyncio"),
}

#: What must behave as they do.
ON_AIOXIDE = (
    Adaptor("aiohttp", "aiohttp", lambda tls: Aiohttp(tls=tls)),
    Adaptor("ClientSession", "aiohttp", our_session, is_ours=True),
    Adaptor("aiohttp in place", "aiohttp", lambda tls: Aiohttp(tls=tls), "aioxide", True, True),
    Adaptor("httpx", "httpx", httpx_of("httpx")),
    Adaptor("httpx2", "httpx2", httpx_of("httpx2")),
    Adaptor("Transport, httpx", "httpx", transport_of("httpx"), is_ours=True),
    Adaptor("Transport, httpx2", "httpx2", transport_of("httpx2"), is_ours=True),
    Adaptor("httpx in place", "httpx", in_place_of("httpx"), is_ours=True, is_in_place=True),
    Adaptor("httpx2 in place", "httpx2", in_place_of("httpx2"), is_ours=True, is_in_place=True),
)

#: What is tried. Without aioxide's loop the references are, against themselves.
ADAPTORS = (
    ON_AIOXIDE
    if "aioxide" in os.environ.get("AIOXIDE_TEST_LOOPS", "aioxide")
    else tuple(REFERENCES.values())
)
