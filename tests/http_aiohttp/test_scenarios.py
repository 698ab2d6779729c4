"""The same program on aiohttp as it is and natively: results, exceptions, and bytes on the wire."""

import importlib

import pytest
from http_aiohttp.scenarios import SCENARIOS
from http_aiohttp.sides import NATIVE_SIDES, outcome_of

for module in ("plain_requests", "bodies", "redirected", "failing", "traced", "compressed"):
    importlib.import_module(f"http_aiohttp.{module}")

_expected = {}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(10)
@pytest.mark.parametrize("native_side", NATIVE_SIDES)
@pytest.mark.parametrize("name", SCENARIOS)
def test_as_on_aiohttp(name, native_side):
    scenario = SCENARIOS[name]
    if name not in _expected:
        _expected[name] = outcome_of("plain", scenario)
    expected = _expected[name]
    found = outcome_of(native_side, scenario)
    if "text" in scenario.differs:
        found.error, expected.error = found.error[:1], expected.error[:1]
    for part in ("error", "result", "requests", "connections", "warnings"):
        if part not in scenario.differs:
            assert getattr(found, part) == getattr(expected, part)
