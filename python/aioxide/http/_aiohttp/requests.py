"""Every request that runs natively and is not usual: its way from the arguments to the response.

aiohttp's ``ClientRequest`` prepares the headers and the body. What follows is native.
"""

from __future__ import annotations

import asyncio
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aiohttp import (
    ClientPayloadError,
    InvalidURL,
    InvalidUrlClientError,
    InvalidUrlRedirectClientError,
    NonHttpUrlClientError,
    TooManyRedirects,
    hdrs,
    payload,
)
from aiohttp.client import IDEMPOTENT_METHODS, ClientTimeout
from aiohttp.client_reqrep import ClientRequest, _merge_ssl_params
from aiohttp.cookiejar import _UnlimitedCookieJar
from aiohttp.helpers import BasicAuth, get_env_proxy_for_url, sentinel, strip_auth_from_url
from aiohttp.tracing import Trace
from multidict import CIMultiDict, istr
from yarl import URL

from .failures import may_repeat
from .redirects import REDIRECTS, next_url
from .sending import send

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

    from .responses import Response
    from .session_state import SessionState

__all__ = ("Request", "keep_cookies")


class Request:
    """One call of a session's method: what it asks for, and how far it has come."""

    def __init__(
        self,
        session: ClientSession,
        state: SessionState,
        method: str,
        str_or_url: str | URL,
        *,
        params: Any = None,
        data: Any = None,
        json: Any = None,
        cookies: Any = None,
        headers: Any = None,
        skip_auto_headers: Any = None,
        auth: BasicAuth | None = None,
        allow_redirects: bool = True,
        max_redirects: int = 10,
        compress: str | bool | None = None,
        chunked: bool | None = None,
        expect100: bool = False,
        raise_for_status: Any = None,
        proxy: Any = None,
        proxy_auth: BasicAuth | None = None,
        timeout: Any = sentinel,
        ssl: Any = True,
        server_hostname: str | None = None,
        proxy_headers: Any = None,
        trace_request_ctx: Any = None,
        read_bufsize: int | None = None,
        auto_decompress: bool | None = None,
    ) -> None:
        # In the order in which aiohttp finds fault.
        self.session = session
        self.state = state
        self.method = method.upper()
        self.ssl = _merge_ssl_params(ssl, None, None, None)
        if auth is not None:
            _deprecated("auth", "headers={'Authorization': ")
        if proxy_auth is not None:
            _deprecated("proxy_auth", "proxy_headers={'Proxy-Authorization': ")
        if data is not None and json is not None:
            raise ValueError("data and json parameters can not be used at the same time")
        if json is not None:
            if session._json_serialize_bytes is not None:
                data = payload.JsonBytesPayload(json, dumps=session._json_serialize_bytes)
            else:
                data = payload.JsonPayload(json, dumps=session._json_serialize)
        if not isinstance(chunked, bool) and chunked is not None:
            warnings.warn("Chunk size is deprecated #1615", DeprecationWarning, stacklevel=1)
        self.data = data
        self.params = params or {}
        self.headers: CIMultiDict[str] = session._prepare_headers(headers)
        try:
            self.url = session._build_url(str_or_url)
        except ValueError as error:
            raise InvalidUrlClientError(str_or_url) from error
        assert session._connector is not None
        if self.url.scheme not in session._connector.allowed_protocol_schema_set:
            raise NonHttpUrlClientError(self.url)
        skip = session._skip_auto_headers
        if skip_auto_headers is not None:
            skip = skip | {istr(name) for name in skip_auto_headers}
        self.skip_auto_headers = skip or None
        self.proxy = session._default_proxy if proxy is None else proxy
        self.proxy_auth = session._default_proxy_auth if proxy_auth is None else proxy_auth
        self.proxy_headers = None
        if self.proxy is not None:
            self.proxy_headers = session._prepare_headers(proxy_headers)
            try:
                self.proxy = URL(self.proxy)
            except ValueError as error:
                raise InvalidURL(self.proxy) from error
        if timeout is sentinel:
            timeout = session._timeout
        elif not isinstance(timeout, ClientTimeout):
            timeout = ClientTimeout(total=timeout)
        self.timeout: ClientTimeout = timeout
        self.cookies = cookies
        self.auth = auth
        self.allow_redirects = allow_redirects
        self.max_redirects = max_redirects
        self.compress = compress
        self.chunked = chunked
        self.expect100 = expect100
        self.raise_for_status = raise_for_status
        self.server_hostname = server_hostname
        self.trace_request_ctx = trace_request_ctx
        self.limit = session._read_bufsize if read_bufsize is None else read_bufsize
        self.inflates = session._auto_decompress if auto_decompress is None else auto_decompress

        self.traces: list[Trace] = []
        self.history: list[ClientResponse] = []
        self.limits = state.limits_of(timeout)
        self.deadline: float | None = None
        self.request: ClientRequest | None = None
        self.response: Response | None = None

    async def run(self, first: Response | None = None) -> Response:
        """Send it, follow redirects, and return the last response.

        Arguments:
            first: the response, if the request was sent already.
        """
        try:
            if first is None:
                self.deadline = self.limits.deadline(self.state.loop.time())
            else:
                self.deadline = first._deadline
            if not self.traces:
                for config in self.session._trace_configs:
                    await self._begin_trace(config)
            async with asyncio.timeout_at(self.deadline):
                response = await self._last_response(first)
            await self._close_body()
            return await self._finish(response)
        except BaseException as error:
            if self.response is not None:
                self.response.close()
            await self._close_body()
            for trace in self.traces:
                if trace._trace_config._on_request_exception:
                    await trace.send_request_exception(
                        self.method, self._traced_url(), self.headers, error
                    )
            raise

    async def _begin_trace(self, config: Any) -> None:
        context = config.trace_config_ctx(trace_request_ctx=self.trace_request_ctx)
        trace = Trace(self.session, config, context)
        if config._on_request_start:
            await trace.send_request_start(self.method, self._traced_url(), self.headers)
        self.traces.append(trace)

    def _traced_url(self) -> URL:
        return self.url.update_query(self.params) if self.params else self.url

    async def _last_response(self, first: Response | None) -> Response:
        repeats = self.session._retry_connection and self.method in IDEMPOTENT_METHODS
        while True:
            self.response = first
            if first is None:
                request = self.request = await self._prepare()
                try:
                    self.response = await send(self, request)
                except OSError as error:
                    repeats = await self._repeat(error, repeats)
                    continue
                except Exception as error:
                    repeats = await self._repeat(error, repeats)
                    continue
            first = None
            response = self.response
            assert response is not None
            if response._native.get("set-cookie") is not None:
                keep_cookies(self.session, response)
            if response.status not in REDIRECTS or not self.allow_redirects:
                return response
            if not await self._redirect(response):
                return response

    async def _repeat(self, error: Exception, repeats: bool) -> bool:
        """Return for one more attempt on a new connection, or raise the error."""
        if not repeats or not may_repeat(error):
            raise error
        request = self.request
        if self.data is not None and request is not None:
            # The body as it is now: a file would be read from where it stands.
            await request.close()
            if request._body is not None and request._body.consumed:
                raise error
            self.data = request._body
        return False

    async def _prepare(self) -> ClientRequest:
        """Return aiohttp's request for the present URL."""
        session = self.session
        self.url, url_auth = strip_auth_from_url(self.url)
        url = self.url
        if not url.raw_host:
            raise (InvalidUrlRedirectClientError if self.history else InvalidUrlClientError)(url)
        if not self.history and self.auth and url_auth:
            raise ValueError("Cannot combine AUTH argument with credentials encoded in URL")
        if self.auth is None or (self.history and url_auth is not None):
            self.auth = url_auth
        if (
            self.auth is None
            and session._default_auth
            and (not session._base_url or session._base_url_origin == url.origin())
        ):
            self.auth = session._default_auth
        if self.auth is None and session._trust_env and url.host is not None:
            self.auth = await self.state.loop.run_in_executor(
                None, session._get_netrc_auth, url.host
            )
        if self.auth is not None and hdrs.AUTHORIZATION in self.headers:
            raise ValueError(
                "Cannot combine AUTHORIZATION header with AUTH argument or credentials "
                "encoded in URL"
            )
        proxy: URL | None = None
        if self.proxy is not None:
            proxy = URL(self.proxy)
        elif session._trust_env:
            with suppress(LookupError):
                proxy, self.proxy_auth = await asyncio.to_thread(get_env_proxy_for_url, url)
        return ClientRequest(
            self.method,
            url,
            params=self.params,
            headers=self.headers,
            skip_auto_headers=self.skip_auto_headers,
            data=self.data,
            cookies=self._cookies(url),
            auth=self.auth,
            version=session._version,
            compress=self.compress,
            chunked=self.chunked,
            expect100=self.expect100,
            loop=self.state.loop,
            response_class=session._response_class,
            proxy=proxy,
            proxy_auth=self.proxy_auth,
            session=session,
            ssl=self.ssl,
            server_hostname=self.server_hostname,
            proxy_headers=self.proxy_headers,
            traces=self.traces,
            trust_env=session._trust_env,
        )

    def _cookies(self, url: URL) -> Any:
        """Return the cookies of the session and of the call that belong to the URL."""
        jar = self.session._cookie_jar
        found = jar.filter_cookies(url)
        if self.cookies is not None:
            own = _UnlimitedCookieJar(
                unsafe=jar.unsafe,
                quote_cookie=jar.quote_cookie,
                treat_as_secure_origin=frozenset(jar.treat_as_secure_origin),
            )
            own.update_cookies(self.cookies)
            if fitting := own.filter_cookies(url):
                found.load(fitting)
        return found

    async def _redirect(self, response: Response) -> bool:
        """Turn to where the response redirects; False: it does not say where."""
        for trace in self.traces:
            if trace._trace_config._on_request_redirect:
                await trace.send_request_redirect(
                    self.method, self._traced_url(), self.headers, response
                )
        history = self.history
        history.append(response)
        if self.max_redirects and len(history) >= self.max_redirects:
            await self._close_body()
            response.close()
            raise TooManyRedirects(history[0].request_info, tuple(history))
        body = None if self.request is None else self.request._body
        status = response.status
        if (status == 303 and response.method != "HEAD") or (
            status in (301, 302) and response.method == "POST"
        ):
            self.method = "GET"
            self.data = None
            if self.headers.get(hdrs.CONTENT_LENGTH):
                self.headers.pop(hdrs.CONTENT_LENGTH)
        elif self.request is not None:
            if body is not None and body.consumed:
                response.close()
                raise ClientPayloadError(
                    "Cannot follow redirect with a consumed request body. Use bytes, a seekable "
                    "file-like object, or set allow_redirects=False."
                )
            self.data = body
        location = response.headers.get(hdrs.LOCATION) or response.headers.get(hdrs.URI)
        if location is None:
            return False
        response.release()
        try:
            url = next_url(self.url, location, self.session._requote_redirect_url)
        except BaseException:
            await self._close_body()
            response.close()
            raise
        if self.url.origin() != url.origin():
            self.auth = None
            self.cookies = None
            for name in (hdrs.AUTHORIZATION, hdrs.COOKIE, hdrs.PROXY_AUTHORIZATION):
                self.headers.popall(name, None)
        self.url = url
        self.params = {}
        return True

    async def _finish(self, response: Response) -> Response:
        check = self.raise_for_status
        if check is None:
            check = self.session._raise_for_status
        if callable(check):
            await check(response)
        elif check:
            response.raise_for_status()
        if self.history:
            response._history = tuple(self.history)
        for trace in self.traces:
            if trace._trace_config._on_request_end:
                await trace.send_request_end(
                    self.method, self._traced_url(), self.headers, response
                )
        return response

    async def _close_body(self) -> None:
        request = self.request
        if request is not None and request._body is not None:
            await request._body.close()


def keep_cookies(session: ClientSession, response: Response) -> None:
    """Give the session's jar the cookies of a response."""
    values = [_decoded(value) for value in response._native.get_all("set-cookie")]
    response._raw_cookie_headers = tuple(values)
    session._cookie_jar.update_cookies_from_headers(values, response._url)


def _decoded(value: str) -> str:
    if value.isascii():
        return value
    return value.encode("latin-1").decode("utf-8", "surrogateescape")


def _deprecated(name: str, instead: str) -> None:
    warnings.warn(
        f"The '{name}' parameter is deprecated and will be removed in v4;"
        f" pass {instead}aiohttp.encode_basic_auth(login, password)}} instead",
        DeprecationWarning,
        stacklevel=6,
    )
