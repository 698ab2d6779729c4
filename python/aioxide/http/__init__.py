"""An HTTP/1.1 client on the loop, behind the interfaces of other libraries.

- ``Transport`` is a transport for httpx and httpx2.

https://www.python-httpx.org/advanced/transports/
"""

from __future__ import annotations

from ._transport import Transport

__all__ = ("Transport",)
