"""A task is cancelled at the await that was chosen, in each of the ways."""

import asyncio

import pytest
from cutting import CutAt


async def three_waits(reached):
    for number in range(1, 4):
        reached.append(number)
        await asyncio.sleep(0.001)
    reached.append("end")


def run(number, manner):
    reached, places = [], set()

    async def main():
        cut = CutAt(three_waits(reached), number, manner, 0.0, places)
        try:
            await cut
        finally:
            assert cut.has_cut == bool(places)

    outcome = None
    try:
        asyncio.run(main())
    except asyncio.CancelledError:
        outcome = "cancelled"
    return outcome, reached, places


@pytest.mark.parametrize("manner", [0, 1])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_chosen_await_is_cancelled(number, manner):
    outcome, reached, places = run(number, manner)
    assert outcome == "cancelled"
    assert reached == list(range(1, number + 1))
    assert len(places) == 1
    assert places.pop().startswith("sleep:")


def test_a_coroutine_that_ends_before_is_left_alone():
    assert run(4, 0) == (None, [1, 2, 3, "end"], set())


def test_a_request_that_comes_later_is_for_nobody_when_all_is_over():
    reached = []

    async def main():
        await CutAt(three_waits(reached), 3, 2, 60.0, set())
        # The timer is gone with what it was to cancel.
        return not asyncio.current_task().cancelling()

    assert asyncio.run(main())
    assert reached == [1, 2, 3, "end"]
