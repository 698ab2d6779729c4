"""The arithmetic of the benchmark."""

import pytest
import ratios
from rows import GROWTH, MEMORY, REQUESTS, TIME, Limit, Row, Share, Target


def row(quantity, *targets):
    return Row("a row", "module.a_row", quantity, targets)


def test_median_leaves_out_what_failed():
    assert ratios.median([3.0, None, 1.0, 2.0]) == 2.0
    assert ratios.median([None, None]) is None
    assert ratios.median([]) is None


def test_half_the_time_is_twice_as_good():
    assert ratios.times_as_good(TIME, 50, 100) == 2


def test_half_the_memory_is_twice_as_good():
    assert ratios.times_as_good(MEMORY, 50, 100) == 2


def test_twice_the_requests_is_twice_as_good():
    assert ratios.times_as_good(REQUESTS, 100, 50) == 2


def test_costing_nothing_is_infinitely_good():
    assert ratios.times_as_good(MEMORY, 0, 100) == float("inf")


def test_ratio_compares_within_rounds():
    # The machine was ten times slower in the second round. The ratio of the
    # medians would be 1.
    ours, theirs = [100, 1000, 100], [400, 4000, 100]
    assert ratios.ratio(TIME, ours, theirs) == 4


def test_ratio_leaves_out_rounds_in_which_one_failed():
    assert ratios.ratio(TIME, [100, None, 100], [None, 50, 300]) == 3


def test_ratio_of_loops_that_never_ran_together_does_not_exist():
    assert ratios.ratio(TIME, [100, None], [None, 100]) is None
    assert ratios.ratio(TIME, [], [100]) is None


@pytest.mark.parametrize(("ours", "verdict"), [([25, 25, 25], "ok"), ([25.1, 25.1, 25.1], "short")])
def test_target_is_met_at_exactly_its_factor(ours, verdict):
    judgements = ratios.judge(
        row(TIME, Target("uvloop", 4)), {"aioxide": ours, "uvloop": [100, 100, 100]}
    )
    assert ratios.verdict(judgements) == verdict


def test_one_missed_target_of_two_is_short():
    judgements = ratios.judge(
        row(REQUESTS, Target("uvloop", 1), Target("floor", 0.85)),
        {"aioxide": [80], "uvloop": [70], "floor": [100]},
    )
    assert [judgement.met for judgement in judgements] == [True, False]
    assert judgements[1].reached == 0.8
    assert ratios.verdict(judgements) == "short"


@pytest.mark.parametrize(("ours", "verdict"), [([2.0], "ok"), ([2.1], "short")])
def test_limit_is_compared_with_the_number_itself(ours, verdict):
    judgements = ratios.judge(row(GROWTH, Limit(2)), {"aioxide": ours, "uvloop": [1.0]})
    assert ratios.verdict(judgements) == verdict


@pytest.mark.parametrize(("ours", "verdict"), [([60, 60], "ok"), ([61, 61], "short")])
def test_share_is_what_is_used_of_the_peers(ours, verdict):
    judgements = ratios.judge(
        row(MEMORY, Share("asyncio", 0.6)), {"aioxide": ours, "asyncio": [100, 100]}
    )
    assert judgements[0].reached == ours[0] / 100
    assert ratios.verdict(judgements) == verdict


def test_share_of_what_was_not_measured_is_not_judged():
    values = {"aioxide": [60], "asyncio": [None]}
    assert ratios.verdict(ratios.judge(row(MEMORY, Share("asyncio", 0.6)), values)) == "–"


def test_without_the_peer_there_is_no_verdict():
    judgements = ratios.judge(row(TIME, Target("uvloop", 4)), {"aioxide": [1.0]})
    assert judgements[0].reached is None
    assert ratios.verdict(judgements) == "–"


def test_without_targets_there_is_no_verdict():
    assert ratios.verdict(ratios.judge(row(TIME), {"aioxide": [1.0]})) == "–"
