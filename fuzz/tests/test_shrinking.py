"""Of many steps, those that matter are left."""

import random

import pytest
import shrinking


@pytest.mark.parametrize("needed", [set(), {0}, {59}, {3, 17}, {0, 1, 2, 30, 58}])
def test_the_steps_that_fail_are_left(needed):
    assert shrinking.shrink(range(60), needed.issubset, attempts=1000) == needed


def test_it_stops_after_so_many_attempts():
    calls = []

    def fails(kept):
        calls.append(kept)
        return len(kept) > 50

    kept = shrinking.shrink(range(60), fails, attempts=10)
    assert len(calls) <= 11
    assert fails(kept)


def test_what_is_left_fails_even_if_steps_depend_on_each_other():
    rng = random.Random(5)
    pairs = [{rng.randrange(30), rng.randrange(30)} for _ in range(3)]

    def fails(kept):
        return any(pair <= kept for pair in pairs)

    kept = shrinking.shrink(range(30), fails)
    assert any(kept == pair for pair in pairs)
