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
    from collections.abc import Coroutine

    from aiohttp import ClientSession
    from aiohttp.client import ClientTimeout

    from .._native import HttpResponse
    from .heads import Head
    from .session_state import SessionState, Target

__all__ = ("attempt", "check_status", "response_of", "second_attempt", "send")


def attempt(
    state: SessionState,
    target: Target,
    method: str,
    head: Head,
    body: bytes | None,
    timeout: ClientTimeout,
    deadline: float | None,
    limits: Limits,
) -> Coroutine[Any, None, HttpResponse]:
    """Return the native call that sends a request and waits for its response."""
    origin = target.place.origin
    origin.attempt = (None, (), timeout)
    if limits.connect is None:
        return state.connections.pool.request(
            origin, method, target.path, head, body, timeouts=limits.steps, deadline=deadline
        )
    return state.connections.pool.request(
        origin,
        method,
        target.path,
        head,
        body,
        timeouts=limits.steps,
        acquire_timeout=limits.acquiring(state.loop.time()),
        deadline=deadline,
    )


async def second_attempt(
    error: BaseException,
    session: ClientSession,
    state: SessionState,
    target: Target,
    method: str,
    head: Head,
    body: bytes | None,
    timeout: ClientTimeout,
    deadline: float | None,
    limits: Limits,
) -> HttpResponse:
    """Send a request once more if aiohttp would; otherwise raise aiohttp's exception.

    Arguments:
        error: of the first attempt.
    """
    repeats = method in IDEMPOTENT_METHODS and session._retry_connection
    while True:
        info = request_info(target.url, target.real_url, method, head)
        failure = before_response(error, target.url, info)
        if not repeats or not may_repeat(failure):
            raise failure from failure.__cause__
        repeats = False
        try:
            return await attempt(state, target, method, head, body, timeout, deadline, limits)
        except FAILURES as again:
            error = again


def response_of(
    native: HttpResponse,
    session: ClientSession,
    state: SessionState,
    target: Target,
    method: str,
    head: Head,
    deadline: float | None,
) -> Response:
    """Return aiohttp's response for a native one; the session's jar gets its cookies."""
    response = Response(native, method, target, session, head)
    if state.is_custom:
        response._limit = state.read_bufsize
        response._inflates = state.inflates
    if response.status in REDIRECTS:
        response._deadline = deadline
    if not response._is_plain and native.get("set-cookie") is not None:
        keep_cookies(session, response)
    return response


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

    Raises aiohttp's exceptions.
    """
    limits = state.limits_of(timeout)
    deadline = limits.deadline(state.loop.time())
    try:
        native = await attempt(state, target, method, head, body, timeout, deadline, limits)
    except FAILURES as error:
        native = await second_attempt(
            error, session, state, target, method, head, body, timeout, deadline, limits
        )
    return response_of(native, session, state, target, method, head, deadline)


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
