"""Metrics have no counterpart in the standard library."""

import os

import pytest


@pytest.fixture(autouse=True)
def aioxide_is_wanted():
    wanted = os.environ.get("AIOXIDE_TEST_LOOPS")
    if wanted and "aioxide" not in wanted.split(","):
        pytest.skip(f"AIOXIDE_TEST_LOOPS={wanted} leaves aioxide out")


@pytest.fixture
def recording():
    """Records while the test runs."""
    import aioxide

    with aioxide.record() as recording:
        yield recording
