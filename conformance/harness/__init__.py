"""Runs CPython's own asyncio tests with another event loop in asyncio's place."""
