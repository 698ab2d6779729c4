"""Runs the tests on the loop that ``AIOXIDE_EXAMPLE_LOOP`` names: aioxide, asyncio or uvloop."""

import asyncio
import os
import sys

import pytest

KIND = os.environ.get("AIOXIDE_EXAMPLE_LOOP", "asyncio")


def loop_factory():
    if KIND == "aioxide":
        import aioxide

        return aioxide.new_event_loop()
    if KIND == "uvloop":
        import uvloop

        return uvloop.new_event_loop()
    return asyncio.new_event_loop()


@pytest.fixture
def run():
    """Runs a coroutine function on a new loop."""

    def run(main):
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(main())

    if KIND == "aioxide":
        import aioxide  # noqa: F401 - before a coroutine is made
    yield run
    assert ("aioxide._aioxide" in sys.modules) == (KIND == "aioxide")


@pytest.fixture
def kind():
    return KIND
