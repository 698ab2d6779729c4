"""``ClientSession``, and requests of aiohttp's own sessions in place."""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import TYPE_CHECKING, Any

import aiohttp

from ...loop import Loop
from .contexts import RequestContext
from .eligibility import OPTIONS, ORIGINAL, is_known, is_untouched
from .session_state import ATTRIBUTE, SessionState, state_of
from .usual_requests import usual_request

if TYPE_CHECKING:
    from collections.abc import Coroutine

__all__ = ("ClientSession", "install", "uninstall")

_is_known = is_known()
_get_running_loop = asyncio._get_running_loop
_GENERIC = aiohttp.client._RequestContextManager


def _mark_as_coroutine_function(function: Any) -> None:
    """Let `inspect` say that calling the function gives a coroutine: it does."""
    if hasattr(inspect, "markcoroutinefunction"):
        inspect.markcoroutinefunction(function)
    else:
        function._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]


def _dispatching(asks_class: bool) -> Any:
    """Return a function for the place of ``ClientSession._request``.

    Arguments:
        asks_class: look whether something else has taken the place of aiohttp's own function, and
            call that. Otherwise the function has been called in that place.
    """

    # Not a coroutine function, so that aiohttp's own one, where it is used, has the caller right
    # above itself: its warnings name that line.
    @functools.wraps(ORIGINAL)
    def _request(
        self: aiohttp.ClientSession, method: str, str_or_url: Any, **options: Any
    ) -> Coroutine[Any, Any, aiohttp.ClientResponse]:
        if asks_class:
            current = aiohttp.ClientSession._request
            if current is not ORIGINAL and current is not _in_place:
                return current(self, method, str_or_url, **options)
        state: SessionState | None = self.__dict__.get(ATTRIBUTE)
        if state is not None or (state := _prepared(self)) is not None:
            connector = state.connector
            if (
                connector is self._connector
                and len(connector.__dict__) == state.size
                and connector.connect is state.connect
                and state.loop is _get_running_loop()
                and not connector._closed
                and not self._middlewares
                # Nearly always it is this one.
                and (
                    (len(options) == 1 and "allow_redirects" in options)
                    or OPTIONS.issuperset(options)
                )
                and is_untouched()
            ):
                return usual_request(self, state, method, str_or_url, **options)
        return ORIGINAL(self, method, str_or_url, **options)

    _mark_as_coroutine_function(_request)
    return _request


_in_place = _dispatching(asks_class=False)


def _prepared(session: aiohttp.ClientSession) -> SessionState | None:
    """Return a new state for a session whose requests may run natively."""
    if not _is_known or type(session) not in _CLASSES or not isinstance(session._loop, Loop):
        return None
    return state_of(session)


# aiohttp's methods with the context manager of native requests, unless something else has taken
# their place in aiohttp's class.


def _requesting(method: str, **default: Any) -> Any:
    """Return a method that sends requests of one kind.

    Arguments:
        default: the argument that aiohttp's method passes on also where it is not given.
    """
    name = method.lower()
    original = getattr(aiohttp.ClientSession, name)
    ((key, value),) = default.items()

    @functools.wraps(original)
    def request(self: ClientSession, url: Any, **options: Any) -> Any:
        current = getattr(aiohttp.ClientSession, name)
        if current is not original:
            return current(self, url, **options)
        options.setdefault(key, value)
        return RequestContext(self._request(method, url, **options))

    return request


class _Quiet:
    """Keeps aiohttp from warning of a class that inherits from its session."""

    def __init_subclass__(cls) -> None: ...


class ClientSession(_Quiet, aiohttp.ClientSession):
    """``aiohttp.ClientSession`` whose usual requests run natively on aioxide's loop.

    It takes what aiohttp's class takes, and is one: ``isinstance(session, aiohttp.ClientSession)``
    is true. On another loop, with a version of aiohttp that aioxide does not know, and for what is
    rare (web sockets, middlewares, connectors and responses of classes of their own) it runs
    aiohttp's code. Tests that replace ``aiohttp.ClientSession._request``, or a method of aiohttp's
    connectors and responses, find their replacement used.

    https://docs.aiohttp.org/en/stable/client_reference.html#client-session
    """

    _request = _dispatching(asks_class=True)

    get = _requesting("GET", allow_redirects=True)
    options = _requesting("OPTIONS", allow_redirects=True)
    head = _requesting("HEAD", allow_redirects=False)
    post = _requesting("POST", data=None)
    put = _requesting("PUT", data=None)
    patch = _requesting("PATCH", data=None)


_CLASSES = (aiohttp.ClientSession, ClientSession)


def install() -> bool:
    """Let the requests of aiohttp's own sessions run natively; tell whether they do now.

    Installing twice is the same as once. Nothing happens if the installed version of aiohttp is
    not known, or if something else has taken the place of ``ClientSession._request``.
    """
    if _is_known and aiohttp.ClientSession._request is ORIGINAL:
        aiohttp.ClientSession._request = _in_place  # type: ignore[method-assign]
        if aiohttp.client._RequestContextManager is _GENERIC:
            aiohttp.client._RequestContextManager = RequestContext  # type: ignore[misc]
    return aiohttp.ClientSession._request is _in_place


def uninstall() -> None:
    """Take out what :func:`install` has put in."""
    if aiohttp.ClientSession._request is _in_place:
        aiohttp.ClientSession._request = ORIGINAL  # type: ignore[method-assign]
    if aiohttp.client._RequestContextManager is RequestContext:
        aiohttp.client._RequestContextManager = _GENERIC  # type: ignore[misc]
