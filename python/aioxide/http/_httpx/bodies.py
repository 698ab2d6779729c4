"""The body of a response, as the package's client reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, ClassVar

from .._native import HttpResponse
from .errors import FAILURES, translated

if TYPE_CHECKING:
    from .network_streams import NetworkStream
    from .packages import Package

__all__ = ("Body", "UpgradedBody")


class Body:
    """The body of a response.

    A package's client asks for an instance of its ``AsyncByteStream``, so what is used is a class
    made of that and of this one.
    """

    #: Raises the exceptions.
    package: ClassVar[Package]

    _is_closed = False

    def __init__(self, response: HttpResponse, request: Any) -> None:
        self._response = response
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield what has arrived; a failure is raised as the package's exception."""
        response = self._response
        try:
            while True:
                data = response.read_some_nowait()
                if data is None:
                    data = await response.read_some()
                if not data:
                    return
                yield data
        except FAILURES as error:
            raise translated(self.package, error, self._request) from error

    async def aclose(self) -> None:
        """End the response; the connection is closed, unless the whole body has arrived."""
        self._response.release()


class UpgradedBody:
    """The empty body of a response after which the connection is no longer HTTP."""

    def __init__(self, stream: NetworkStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield nothing."""
        for nothing in ():
            yield nothing

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()
