"""One request in one call of the native pool, and what is done with its response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp.client import IDEMPOTENT_METHODS

from .failures import FAILURES, before_response, may_repeat
from .redirects import REDIRECTS
from .requests import keep_cookies
from .responses import Response, request_info
from .session_state import Limits

if TYPE_CHECKING:
    from aiohttp import ClientSession
    from aiohttp.client import ClientTimeout

    from .heads import Head
    from .session_state import SessionState, Target

__all__ = ("check_status", "send")


async def send(
    session: ClientSession,
    state: SessionState,
    target: Target,
    method: str,
    head: Head,
    body: bytes | None,
    timeout: ClientTimeout,
) -> Response:
    """Send a request once, or twice if aiohttp would, and return its response.

    Raises aiohttp's exceptions. The session's jar gets the response's cookies.
    """
    limits = state.limits if timeout is state.timeout else Limits(timeout)
    now = state.loop.time()
    deadline = limits.deadline(now)
    origin = target.place.origin
    origin.attempt = (None, (), timeout)
    repeats = method in IDEMPOTENT_METHODS and session._retry_connection
    while True:
        try:
            if limits.connect is None:
                native = await state.connections.pool.request(
                    origin,
                    method,
                    target.path,
                    head,
                    body,
                    timeouts=limits.steps,
                    deadline=deadline,
                )
            else:
                native = await state.connections.pool.request(
                    origin,
                    method,
                    target.path,
                    head,
                    body,
                    timeouts=limits.steps,
                    acquire_timeout=limits.acquiring(now),
                    deadline=deadline,
                )
            break
        except FAILURES as error:
            info = request_info(target.url, target.real_url, method, head)
            failure = before_response(error, target.url, info)
            if not repeats or not may_repeat(failure):
                raise failure from failure.__cause__
            repeats = False
    response = Response(native, method, target.real_url, target.url, session, head)
    if state.is_custom:
        response._limit = state.read_bufsize
        response._inflates = state.inflates
    if response.status in REDIRECTS:
        response._deadline = deadline
    if native.get("set-cookie") is not None:
        keep_cookies(session, response)
    return response


async def check_status(response: Response, check: Any) -> None:
    """Do what `raise_for_status` asks for; a response that is refused is closed."""
    try:
        if callable(check):
            await check(response)
        else:
            response.raise_for_status()
    except BaseException:
        response.close()
        raise
