"""The list of known failures: what it may say and whom it concerns."""

from pathlib import Path

import pytest
from harness.known_failures import KnownFailure, KnownFailures, read


def entry(*tests, loop="aioxide", versions=()):
    return KnownFailure(tests, loop, versions, "because")


def test_the_checked_in_list_can_be_read():
    path = Path(__file__).resolve().parent.parent / "known_failures.toml"
    for failure in read(path):
        assert failure.tests
        assert failure.reason


def test_an_entry_concerns_its_loop_and_versions_only():
    entries = [entry("a.*", versions=("3.11",)), entry("b.*", loop="uvloop"), entry("c.*")]
    failures = KnownFailures(entries, "aioxide", "3.13")
    assert failures.reason_for("a.T.x") is None
    assert failures.reason_for("b.T.x") is None
    assert failures.reason_for("c.T.x") == "because"


def test_a_pattern_that_matches_nothing_is_told():
    failures = KnownFailures([entry("a.T.*", "a.U.*")], "aioxide", "3.13")
    failures.reason_for("a.T.x")
    assert failures.unused_patterns() == ["a.U.*"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[[failures]]\nreason = "x"', "unknown key 'failures'"),
        ('[[failure]]\nloop = "aioxide"\nreason = "x"', "no 'tests'"),
        ('[[failure]]\ntests = "a"\nloop = "aioxide"\nreason = "x"', "'tests' must be a list"),
        ('[[failure]]\ntests = ["a"]\nloop = "nope"\nreason = "x"', "not 'nope'"),
        ('[[failure]]\ntests = ["a"]\nreason = "x"', "not None"),
        ('[[failure]]\ntests = ["a"]\nloop = "aioxide"', "no 'reason'"),
        ('[[failure]]\ntests = ["a"]\nwhy = 1', "unknown key 'why'"),
    ],
)
def test_a_wrong_entry_is_refused_by_name(tmp_path, text, complaint):
    path = tmp_path / "known_failures.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=complaint):
        read(path)
