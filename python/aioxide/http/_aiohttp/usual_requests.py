"""The usual request, in as few steps as possible: one call of the native pool, one response.

Usual is: no traces, cookies, credentials or proxy; a body that is there as bytes. Whatever else
there is goes to :mod:`.requests`, which knows everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import CookieJar, DummyCookieJar, hdrs
from aiohttp.client import ClientTimeout
from aiohttp.helpers import sentinel
from aiohttp.payload import TOO_LARGE_BYTES_BODY
from multidict import CIMultiDict

from .eligibility import ORIGINAL
from .failures import FAILURES
from .heads import KINDS, is_usual, with_headers
from .redirects import REDIRECTS
from .requests import Request
from .session_state import Limits, target_at
from .single_calls import attempt, check_status, response_of, second_attempt
from .traced_requests import are_simple, traced_request

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession
    from yarl import URL

    from .session_state import SessionState

__all__ = ("usual_request",)


async def usual_request(
    session: ClientSession,
    state: SessionState,
    method: str,
    str_or_url: str | URL,
    *,
    params: Any = None,
    data: Any = None,
    json: Any = None,
    headers: Any = None,
    allow_redirects: bool = True,
    timeout: Any = sentinel,
    raise_for_status: Any = None,
    trace_request_ctx: Any = None,
    **rest: Any,
) -> ClientResponse:
    """Send a request and return its response; see ``aiohttp.ClientSession.request``."""
    kind = KINDS.get(method)
    if kind is None:
        method = method.upper()
        kind = KINDS.get(method)
    jar = session._cookie_jar
    if timeout is sentinel:
        timeout = session._timeout
    elif not isinstance(timeout, ClientTimeout):
        timeout = ClientTimeout(total=timeout)
    if (
        rest
        or kind is None
        or ((configs := session._trace_configs) and not are_simple(state, configs))
        or session._trust_env
        or session._default_auth is not None
        or session._default_proxy is not None
        or session._skip_auto_headers
        or (data is not None and (json is not None or type(data) is not bytes))
        or (json is not None and session._json_serialize_bytes is not None)
        or (target := state.targets.get(str_or_url) or state.target(session, str_or_url)) is None
    ):
        head = None
    else:
        if params:
            target = target_at(target.place, target.real_url.extend_query(params))
        place = target.place
        if json is None:
            body = data
            content_type = "application/octet-stream"
        else:
            body = session._json_serialize(json).encode()
            content_type = "application/json"
        if jar._cookies if type(jar) is CookieJar else type(jar) is not DummyCookieJar:
            cookies = jar.filter_cookies(target.url)
        else:
            cookies = None
        if body is not None and len(body) > TOO_LARGE_BYTES_BODY:
            # aiohttp warns of it.
            head = None
        elif configs:
            options = {
                "data": data,
                "json": json,
                "headers": headers,
                "allow_redirects": allow_redirects,
                "timeout": timeout,
                "raise_for_status": raise_for_status,
            }
            return await traced_request(
                session,
                state,
                target,
                method,
                kind,
                body,
                content_type,
                timeout,
                trace_request_ctx,
                cookies,
                options,
            )
        elif headers or cookies:
            merged = session._prepare_headers(headers)
            if is_usual(merged):
                head = with_headers(place, merged, kind, content_type, body, cookies)
            else:
                head = None
        elif body is None:
            head = place.head(session, kind)
        else:
            head = place.head_with_body(session, content_type, body)
    if head is None:
        options = {
            "params": params,
            "data": data,
            "json": json,
            "headers": headers,
            "allow_redirects": allow_redirects,
            "timeout": timeout,
            "raise_for_status": raise_for_status,
            "trace_request_ctx": trace_request_ctx,
            **rest,
        }
        if method == "CONNECT" or asks_for_upgrade(headers):
            # What follows is no HTTP any more: the program takes aiohttp's connection over.
            return await ORIGINAL(session, method, str_or_url, **options)
        return await Request(session, state, method, str_or_url, **options).run()

    # As `send` does it, without a coroutine for it.
    limits = state.limits if timeout is state.timeout else Limits(timeout)
    deadline = limits.deadline(state.loop.time())
    try:
        native = await attempt(state, target, method, head, body, timeout, deadline, limits)
    except FAILURES as error:
        native = await second_attempt(
            error, session, state, target, method, head, body, timeout, deadline, limits
        )
    response = response_of(native, session, state, target, method, head, deadline)
    if response.status in REDIRECTS and allow_redirects:
        call = Request(
            session,
            state,
            method,
            str_or_url,
            params=params,
            data=data,
            json=json,
            headers=headers,
            timeout=timeout,
            raise_for_status=raise_for_status,
        )
        return await call.run(response)
    if raise_for_status is None:
        raise_for_status = session._raise_for_status
    if raise_for_status:
        await check_status(response, raise_for_status)
    return response


def asks_for_upgrade(headers: Any) -> bool:
    """Tell whether a request asks for another protocol on its connection."""
    if not headers:
        return False
    try:
        return hdrs.UPGRADE in CIMultiDict(headers)
    except (TypeError, ValueError):
        return False
