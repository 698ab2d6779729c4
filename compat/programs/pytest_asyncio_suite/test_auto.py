"""Tests and fixtures without any mark: automatic mode runs them."""

import asyncio

import pytest


@pytest.fixture
async def future():
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, "set")
    return future


async def test_fixture_without_mark(future):
    assert await future == "set"


async def test_loop_without_mark(loop_class):
    assert type(asyncio.get_running_loop()) is loop_class
