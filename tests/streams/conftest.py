"""What the running Python's streams can do."""

import sys

import pytest


@pytest.fixture
def several_separators():
    """Skips where ``readuntil`` takes one separator only."""
    if sys.version_info < (3, 13):
        pytest.skip("one separator only before Python 3.13")
