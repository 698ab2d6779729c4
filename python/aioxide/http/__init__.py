"""An HTTP client on the loop, behind the interfaces of other libraries.

- ``Transport`` is a transport for httpx and httpx2.
- ``ClientSession`` is aiohttp's session. It needs aiohttp, which ``aioxide[http]`` brings.

https://www.python-httpx.org/advanced/transports/
https://docs.aiohttp.org/en/stable/client_reference.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._transport import Transport

if TYPE_CHECKING:
    from ._aiohttp.sessions import ClientSession

__all__ = ("ClientSession", "Transport")


def __getattr__(name: str) -> Any:
    # Only who asks for it needs aiohttp.
    if name == "ClientSession":
        from ._aiohttp.sessions import ClientSession

        return ClientSession
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
