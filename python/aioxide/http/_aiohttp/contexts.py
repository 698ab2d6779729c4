"""What ``async with session.get(...)`` enters: aiohttp's context manager in fewer steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp.client import _BaseRequestContextManager

from .responses import Response

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from types import TracebackType

__all__ = ("RequestContext",)


class _Over:
    """An awaitable that is over: nothing is left to do."""

    __slots__ = ()

    # Called without an argument, since it is no function: no Python code runs.
    __await__ = ().__iter__


_over: Any = _Over()


class RequestContext(_BaseRequestContextManager[Any]):
    """``aiohttp.client._RequestContextManager``, which it replaces.

    aiohttp's is a generic alias, which takes as long to make an object as a tenth of everything
    that Python does for a request.
    """

    __slots__ = ()

    async def __aenter__(self) -> Any:
        response = self._resp = await self._coro
        if type(response) is Response:
            response._in_context = True
            return response
        return await response.__aenter__()

    # No coroutine function: a native response needs nothing that waits.
    def __aexit__(  # type: ignore[override]
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> Awaitable[None]:
        response = self._resp
        if type(response) is not Response or response._writing is not None:
            return response.__aexit__(exc_type, exc, tb)  # type: ignore[no-any-return]
        response._in_context = False
        response.release()
        return _over  # type: ignore[no-any-return]
