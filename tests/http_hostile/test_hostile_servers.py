"""Every case with every client: the library's own outcome, in time, and nothing left behind."""

import pytest

from . import bodies, connections, heads, redirects, tls
from .adaptors import ADAPTORS, REFERENCES
from .clients import Answered, Failed
from .differences import DIFFERENCES

# The first test of a client runs all cases of it and of the one it is compared with.
pytestmark = pytest.mark.timeout(300)

CASES = (
    *heads.CASES,
    *bodies.CASES,
    *connections.CASES,
    *redirects.CASES,
    *tls.CASES,
)


@pytest.mark.parametrize("adaptor", ADAPTORS, ids=lambda it: it.name)
@pytest.mark.parametrize("case", CASES, ids=lambda it: it.name)
def test_hostile_server(case, adaptor, outcomes_of, expected_of):
    found, left = outcomes_of(case, adaptor)
    assert not left
    if case.is_race:
        assert all(isinstance(outcome, Answered | Failed) for outcome in found)
        return
    reference = expected_of(case, adaptor.package)
    difference = DIFFERENCES.get(case.name, {}).get(adaptor.package) if adaptor.is_ours else None
    if difference is not None:
        on_purpose, _ = difference
        assert found != reference, "the difference is none any more"
        assert found == on_purpose
        return
    assert found == reference


def test_every_case_has_its_own_name():
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)


def test_differences_are_of_cases_and_libraries():
    names = {case.name for case in CASES}
    for name, by_package in DIFFERENCES.items():
        assert name in names
        assert set(by_package) <= set(REFERENCES)
