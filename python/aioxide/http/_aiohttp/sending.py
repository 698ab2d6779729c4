"""One attempt to send a prepared request: in one call of the native pool, or step by step.

Step by step goes what somebody watches (traces of connections, headers, chunks) and what is written
while the response may come already (files, generators, `Expect: 100-continue`, compression).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aiohttp import ConnectionTimeoutError, hdrs
from aiohttp.client_reqrep import ClientRequest
from aiohttp.helpers import ceil_timeout
from aiohttp.payload import BytesPayload

from .failures import FAILURES, before_response
from .responses import Response
from .uploads import Upload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp.tracing import Trace
    from yarl import URL

    from .._native import HttpLease, HttpResponse
    from .connections import Origin
    from .heads import Head
    from .requests import Request

__all__ = ("STEPS", "send")

#: Signals of what happens between the begin and the end of a request.
STEPS = (
    "_on_connection_queued_start",
    "_on_connection_queued_end",
    "_on_connection_create_start",
    "_on_connection_create_end",
    "_on_connection_reuseconn",
    "_on_dns_resolvehost_start",
    "_on_dns_resolvehost_end",
    "_on_dns_cache_hit",
    "_on_dns_cache_miss",
    "_on_request_headers_sent",
    "_on_request_chunk_sent",
)


async def send(call: Request, request: ClientRequest) -> Response:
    """Send aiohttp's request natively and return the response once its head is there.

    Raises aiohttp's exceptions.
    """
    target = _complete_head(call, request)
    origin = call.state.connections.origin(request.connection_key, request.url)
    if request.proxy is not None and not request.is_ssl():
        connector = call.session._connector
        assert connector is not None
        connector._update_proxy_auth_header_and_build_proxy_req(request)
    body = request._body
    in_steps = (
        request._continue is not None
        or request.compress
        or (body is not None and not isinstance(body, BytesPayload))
        or _watched(call.traces)
    )
    upload = None
    try:
        if in_steps:
            native, upload = await _in_steps(call, request, origin, target)
        else:
            native = await _at_once(call, request, origin, target)
    except FAILURES as error:
        info = request.request_info
        failure = before_response(error, request.url, info, tuple(call.history))
        raise failure from failure.__cause__
    addressed = _Addressed(request.url, request.original_url)
    response = Response(native, request.method, addressed, call.session, request.headers)
    response._limit = call.limit
    response._inflates = call.inflates
    if call.traces:
        response._traces = call.traces
    if upload is not None and not upload.task.done():
        response._writing = upload.task
    return response


class _Addressed(NamedTuple):
    """Where a request has gone."""

    url: URL
    real_url: URL


def _complete_head(call: Request, request: ClientRequest) -> bytes:
    """Add the headers that depend on the connection; return the request's target."""
    headers = request.headers
    skip = request._skip_auto_headers
    if (
        request.method in request.POST_METHODS
        and (skip is None or hdrs.CONTENT_TYPE not in skip)
        and hdrs.CONTENT_TYPE not in headers
    ):
        headers[hdrs.CONTENT_TYPE] = "application/octet-stream"
    connector = call.session._connector
    assert connector is not None
    if connector.force_close and hdrs.CONNECTION not in headers:
        headers[hdrs.CONNECTION] = "close"
    if request.method == "CONNECT":
        return f"{request.url.host_subcomponent}:{request.url.port}".encode()
    if request.proxy and not request.is_ssl():
        return str(request.url).encode()
    return request.url.raw_path_qs.encode()


def _head(request: ClientRequest) -> Head:
    head = list(request.headers.items())
    for header in head:
        if not isinstance(header[1], str):
            raise TypeError(f"Cannot serialize non-str key {header[1]!r}")
    return head


async def _at_once(
    call: Request, request: ClientRequest, origin: Origin, target: bytes
) -> HttpResponse:
    limits = call.limits
    body = request._body
    data: bytes | None = None
    if body is not None:
        length = request._get_content_length()
        data = bytes(body._value if length is None else body._value[:length])
    origin.attempt = (request, call.traces, call.timeout)
    return await call.state.connections.pool.request(
        origin,
        request.method,
        target,
        _head(request),
        data,
        timeouts=limits.steps,
        acquire_timeout=limits.acquiring(call.state.loop.time()),
        deadline=call.deadline,
    )


async def _in_steps(
    call: Request, request: ClientRequest, origin: Origin, target: bytes
) -> tuple[HttpResponse, Upload | None]:
    lease = await _connected(call, request, origin)
    try:
        for trace in call.traces:
            await trace.send_request_headers(request.method, request.url, request.headers)
        exchange = lease.open(
            request.method,
            target,
            _head(request),
            read_timeout=call.limits.steps[2],
            deadline=call.deadline,
        )
    except BaseException:
        lease.close()
        raise
    upload = None
    try:
        if request._continue is not None and not await exchange.wait_continue():
            pass
        elif request._body is not None:
            upload = Upload(request, exchange, _chunk_watcher(call, request))
            request._writer = upload.task
        return await exchange.response(), upload
    except BaseException as error:
        exchange.close()
        if upload is not None:
            upload.task.cancel()
            if upload.failure is not None and isinstance(error, Exception):
                raise upload.failure from upload.failure.__cause__
        raise


async def _connected(call: Request, request: ClientRequest, origin: Origin) -> HttpLease:
    """Return a place in the pool with a connection, telling the traces of it."""
    pool = call.state.connections.pool
    traces = call.traces
    timeout = call.timeout
    try:
        async with ceil_timeout(timeout.connect, timeout.ceil_threshold):
            lease = pool.try_acquire(origin)
            if lease is None:
                for trace in traces:
                    await trace.send_connection_queued_start()
                lease = await pool.acquire(origin)
                for trace in traces:
                    await trace.send_connection_queued_end()
            try:
                if lease.is_connected:
                    for trace in traces:
                        await trace.send_connection_reuseconn()
                else:
                    for trace in traces:
                        await trace.send_connection_create_start()
                    origin.attempt = (request, traces, timeout)
                    await lease.connect()
                    for trace in traces:
                        await trace.send_connection_create_end()
            except BaseException:
                lease.close()
                raise
            return lease
    except TimeoutError as error:
        if error.errno is not None:
            raise
        raise ConnectionTimeoutError(f"Connection timeout to host {request.url}") from error


def _chunk_watcher(call: Request, request: ClientRequest) -> Any:
    """Return what tells the traces of a piece that is sent; None: nobody listens."""
    if not any(trace._trace_config._on_request_chunk_sent for trace in call.traces):
        return None

    async def tell(chunk: bytes) -> None:
        for trace in call.traces:
            await trace.send_request_chunk_sent(request.method, request.url, chunk)

    return tell


def _watched(traces: Sequence[Trace]) -> bool:
    """Tell whether somebody listens to more than the begin and the end of a request."""
    return any(getattr(trace._trace_config, name) for trace in traces for name in STEPS)
