"""Which calls may run natively: aiohttp is a version that is known here, and nothing is replaced.

Tests put other functions in the place of aiohttp's own. Whatever of that a native request would
pass by, sends the call to aiohttp's code instead, so that no test reaches the network by surprise.
"""

from __future__ import annotations

import inspect

import aiohttp
from aiohttp.client_reqrep import ClientRequest, ClientResponse
from aiohttp.connector import BaseConnector, TCPConnector, UnixConnector

from .._versions import are_known

__all__ = ("CONNECTORS", "OPTIONS", "ORIGINAL", "is_known", "is_untouched")

#: aiohttp's function that every request goes through.
ORIGINAL = aiohttp.ClientSession._request

#: The beginnings of the versions whose inner parts are known here.
KNOWN = ("3.14.",)

#: What `_request` takes in these versions.
ARGUMENTS = frozenset(
    "params data json cookies headers skip_auto_headers auth allow_redirects max_redirects compress"
    " chunked expect100 raise_for_status read_until_eof proxy proxy_auth timeout verify_ssl"
    " fingerprint ssl_context ssl server_hostname proxy_headers trace_request_ctx read_bufsize"
    " auto_decompress max_line_size max_field_size max_headers middlewares upload_tracker".split()
)

#: Those that a native request knows. The rest is deprecated or rare, and aiohttp's own code.
OPTIONS = ARGUMENTS - {
    "verify_ssl",
    "fingerprint",
    "ssl_context",
    "middlewares",
    "upload_tracker",
    "max_line_size",
    "max_field_size",
    "max_headers",
    # As web sockets ask for it. A client that asks for a response without its body is as rare.
    "read_until_eof",
}

CONNECTORS = (TCPConnector, UnixConnector)


def is_known() -> bool:
    """Tell whether the installed aiohttp is a version known here; if not, log one line."""
    taken = {
        name
        for name, parameter in inspect.signature(ORIGINAL).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    return are_known("aiohttp", {"aiohttp": KNOWN}) and taken <= ARGUMENTS


_connect = BaseConnector.connect
_tcp = TCPConnector._create_connection
_unix = UnixConnector._create_connection
_send = ClientRequest.send
_start = ClientResponse.start
_read = ClientResponse.read
_text = ClientResponse.text
_json = ClientResponse.json
_raise = ClientResponse.raise_for_status
_release = ClientResponse.release
_close = ClientResponse.close


def is_untouched() -> bool:
    """Tell whether aiohttp's classes have their own functions where native requests have others."""
    return (
        TCPConnector.connect is _connect
        and UnixConnector.connect is _connect
        and TCPConnector._create_connection is _tcp
        and UnixConnector._create_connection is _unix
        and ClientRequest.send is _send
        and ClientResponse.start is _start
        and ClientResponse.read is _read
        and ClientResponse.text is _text
        and ClientResponse.json is _json
        and ClientResponse.raise_for_status is _raise
        and ClientResponse.release is _release
        and ClientResponse.close is _close
    )
