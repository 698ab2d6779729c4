"""What keeps other web pages, and what cards contain, from doing anything here.

The server listens on loopback only, but every page that the browser shows can send requests there.
So each request must name one of our own hosts (a name that an attacker points at 127.0.0.1 is
refused), one that changes something must come from our own pages (`Origin`) and carry a token that
only they have, and the pages themselves run no script and load nothing from elsewhere (CSP).
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Awaitable, Callable

from starlette.datastructures import FormData, Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

#: Bytes of a request's body at most: decks are uploaded.
MAXIMUM_BODY = 128 * 1024 * 1024

SAFE = ("GET", "HEAD")


class Guard:
    """Refuses what does not come from our own pages; adds the headers that protect them.

    Args:
        app: what answers the rest.
        port: where the server listens.
    """

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}
        self._origins = {f"http://{host}" for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if "cache-control" not in headers:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        refusal = self._refuse(scope)
        if refusal is not None:
            await refusal(scope, receive, send_with_headers)
            return
        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAXIMUM_BODY:
                raise HTTPException(413, f"A request has at most {MAXIMUM_BODY} bytes.")
            return message

        await self._app(scope, receive_limited, send_with_headers)

    def _refuse(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        if host not in self._hosts:
            return PlainTextResponse(f"This server is not {host!r}.", 421)
        if scope["method"] in SAFE:
            return None
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in self._origins:
            return PlainTextResponse(f"Requests from {origin!r} are refused.", 403)
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return PlainTextResponse("Requests from other sites are refused.", 403)
        return None


Change = Callable[[Request, FormData], Awaitable[Response]]


def change(handler: Change) -> Callable[[Request], Awaitable[Response]]:
    """Make an endpoint of ``handler(request, form)``: it is called for a right token only."""

    @functools.wraps(handler)
    async def endpoint(request: Request) -> Response:
        async with request.form(max_files=2000, max_fields=100, max_part_size=1 << 20) as form:
            given = request.headers.get("x-token") or form.get("token") or ""
            right = request.app.state.token
            if not isinstance(given, str) or not secrets.compare_digest(
                given.encode(), right.encode()
            ):
                raise HTTPException(
                    403, "The page's token is missing or wrong. Load the page again."
                )
            return await handler(request, form)

    endpoint.__dict__["checks_token"] = True
    return endpoint


def text(form: FormData, name: str, default: str | None = None) -> str:
    """Return a field of a form.

    Raises:
        HTTPException: it is missing and has no default, or is a file.
    """
    value = form.get(name, default)
    if not isinstance(value, str):
        raise HTTPException(400, f"The form has no text {name!r}.")
    return value


def number(form: FormData, name: str) -> int:
    """Return a field of a form that is a whole number.

    Raises:
        HTTPException: it is missing or something else.
    """
    return whole(name, text(form, name))


def whole(name: str, value: str) -> int:
    """Return the whole number, not negative, that a text is.

    Raises:
        HTTPException: it is something else.
    """
    if not (value.isascii() and value.isdigit() and len(value) <= 18):
        raise HTTPException(400, f"{name} must be a whole number, got {value!r}.")
    return int(value)
