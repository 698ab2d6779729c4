"""The usual request of a session that is told of begins and ends, as OpenTelemetry's traces are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp.tracing import Trace
from multidict import CIMultiDict

from .heads import is_usual, with_headers
from .redirects import REDIRECTS
from .requests import Request
from .sending import STEPS
from .single_calls import check_status, send

if TYPE_CHECKING:
    from aiohttp import ClientSession
    from aiohttp.client import ClientTimeout
    from yarl import URL

    from .responses import Response
    from .session_state import SessionState, Target

__all__ = ("are_simple", "traced_request")


def are_simple(state: SessionState, configs: list[Any]) -> bool:
    """Tell whether a session's traces listen to nothing that happens within one native call."""
    known = state.simple_traces
    if known is not None and known == configs:
        return True
    for config in configs:
        if any(getattr(config, name) for name in STEPS) or config._on_request_redirect:
            return False
    state.simple_traces = list(configs)
    return True


async def traced_request(
    session: ClientSession,
    state: SessionState,
    target: Target,
    method: str,
    kind: int,
    body: bytes | None,
    content_type: str,
    timeout: ClientTimeout,
    trace_request_ctx: Any,
    cookies: Any,
    options: dict[str, Any],
) -> Response:
    """Send a usual request and tell the session's traces of its begin and its end.

    Arguments:
        cookies: of the session's jar, for this URL.
        options: what the request was called with, for aiohttp's longer way.
    """
    headers = session._prepare_headers(options["headers"])
    url: URL = target.real_url
    traces: list[Trace] = []
    call: Request | None = None
    try:
        for config in session._trace_configs:
            context = config.trace_config_ctx(trace_request_ctx=trace_request_ctx)
            trace = Trace(session, config, context)
            if config._on_request_start:
                await trace.send_request_start(method, url, headers)
            traces.append(trace)
        if not is_usual(headers):
            call = _longer_way(session, state, method, target, traces, headers, options)
            return await call.run()
        # What is traced stays as it was: the head is made of a copy.
        head = with_headers(target.place, CIMultiDict(headers), kind, content_type, body, cookies)
        response = await send(session, state, target, method, head, body, timeout)
        response._traces = traces
        if response.status in REDIRECTS and options["allow_redirects"]:
            call = _longer_way(session, state, method, target, traces, headers, options)
            return await call.run(response)
        check = options["raise_for_status"]
        if check is None:
            check = session._raise_for_status
        if check:
            await check_status(response, check)
        for trace in traces:
            if trace._trace_config._on_request_end:
                await trace.send_request_end(method, url, headers, response)
        return response
    except BaseException as error:
        if call is None:
            for trace in traces:
                if trace._trace_config._on_request_exception:
                    await trace.send_request_exception(method, url, headers, error)
        raise


def _longer_way(
    session: ClientSession,
    state: SessionState,
    method: str,
    target: Target,
    traces: list[Trace],
    headers: Any,
    options: dict[str, Any],
) -> Request:
    call = Request(session, state, method, target.real_url, **{**options, "params": None})
    call.headers = headers
    call.traces = traces
    return call
