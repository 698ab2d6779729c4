"""``ClientSession``, and requests of aiohttp's own sessions in place."""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.client import _BaseRequestContextManager

from ...loop import Loop
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
                and OPTIONS.issuperset(options)
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


_CLASSES = (aiohttp.ClientSession, ClientSession)


def install() -> bool:
    """Let the requests of aiohttp's own sessions run natively; tell whether they do now.

    Installing twice is the same as once. Nothing happens if the installed version of aiohttp is
    not known, or if something else has taken the place of ``ClientSession._request``.
    """
    if _is_known and aiohttp.ClientSession._request is ORIGINAL:
        aiohttp.ClientSession._request = _in_place  # type: ignore[method-assign]
        if aiohttp.client._RequestContextManager is _GENERIC:
            # The same class without its generic alias, which takes as long to make an object as
            # a tenth of everything that Python does for a request.
            aiohttp.client._RequestContextManager = _BaseRequestContextManager
    return aiohttp.ClientSession._request is _in_place


def uninstall() -> None:
    """Take out what :func:`install` has put in."""
    if aiohttp.ClientSession._request is _in_place:
        aiohttp.ClientSession._request = ORIGINAL  # type: ignore[method-assign]
    if aiohttp.client._RequestContextManager is _BaseRequestContextManager:
        aiohttp.client._RequestContextManager = _GENERIC
