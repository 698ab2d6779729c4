"""The native half: the pool, and what it hands out."""

from __future__ import annotations

from .._aioxide import HttpExchange, HttpLease, HttpPool, HttpResponse

__all__ = ("HttpExchange", "HttpLease", "HttpPool", "HttpResponse")
