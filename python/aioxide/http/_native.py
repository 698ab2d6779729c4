"""The native half: the pool, what it hands out, and what reads a body."""

from __future__ import annotations

from .._aioxide import HttpExchange, HttpLease, HttpPool, HttpResponse, parse_json

__all__ = ("HttpExchange", "HttpLease", "HttpPool", "HttpResponse", "parse_json")
