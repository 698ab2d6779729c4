"""What waits also has to work on a loop that is not aioxide's."""

import asyncio
import os

import pytest

MIXED = "aioxide on asyncio's loop"


def sides():
    wanted = os.environ.get("AIOXIDE_TEST_LOOPS") or "aioxide,asyncio"
    kinds = [name.strip() for name in wanted.split(",")]
    return [*kinds, MIXED] if "aioxide" in kinds else kinds


@pytest.fixture(params=sides())
def side(request):
    """Whose functions, and on whose loop."""
    return request.param


@pytest.fixture
def kind(side):
    """Whose functions are under test."""
    return "aioxide" if side == MIXED else side


@pytest.fixture
def loop_factory(side, api):
    """A callable without arguments that makes a new loop of the side under test."""
    return api.new_event_loop if side == "aioxide" else asyncio.SelectorEventLoop
