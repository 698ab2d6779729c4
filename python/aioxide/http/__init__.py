"""An HTTP/1.1 client on the loop, behind the interfaces of other libraries."""

from __future__ import annotations

__all__ = ()
