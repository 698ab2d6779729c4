"""When do those who wait at a barrier go on, and what if it is broken or reset?"""

import asyncio
import gc
import re
import weakref

import pytest


async def settle():
    """Lets everything that is ready run."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_all_go_on_when_all_are_there(run, api):
    async def main():
        barrier, passed = api.Barrier(3), []

        async def party(name):
            index = await barrier.wait()
            passed.append((name, index))

        tasks = [asyncio.ensure_future(party(name)) for name in "ab"]
        await settle()
        assert not passed and barrier.n_waiting == 2
        await party("c")
        await asyncio.gather(*tasks)
        assert barrier.n_waiting == 0 and not barrier.broken
        return passed

    assert run(main()) == [("c", 2), ("a", 0), ("b", 1)]


def test_it_can_be_passed_again_and_again(run, api):
    async def main():
        barrier, rounds = api.Barrier(4), []

        async def party():
            for number in range(5):
                await barrier.wait()
                rounds.append(number)

        await asyncio.gather(*(party() for _ in range(4)))
        return rounds

    assert run(main()) == [number for number in range(5) for _ in range(4)]


def test_more_come_than_it_takes(run, api):
    async def main():
        barrier, passed = api.Barrier(3), []

        async def party(name):
            passed.append((name, await barrier.wait()))

        tasks = [asyncio.ensure_future(party(number)) for number in range(8)]
        await settle()
        left = barrier.n_waiting
        await barrier.abort()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        broken = sum(isinstance(outcome, asyncio.BrokenBarrierError) for outcome in outcomes)
        return passed, left, broken

    passed, left, broken = run(main())
    assert [index for _, index in passed] == [2, 0, 1, 2, 0, 1]
    assert sorted(name for name, _ in passed) == list(range(6))
    assert (left, broken) == (2, 2)


def test_async_with_gives_the_number(run, api):
    async def main():
        barrier = api.Barrier(2)

        async def party():
            async with barrier as index:
                return index

        return await asyncio.gather(party(), party())

    assert run(main()) == [0, 1]


def test_who_waits_is_told_of_an_abort_and_who_comes_later_too(run, api):
    async def main():
        barrier = api.Barrier(3)
        tasks = [asyncio.ensure_future(barrier.wait()) for _ in range(2)]
        await settle()
        await barrier.abort()
        for task in tasks:
            with pytest.raises(api.BrokenBarrierError, match="^Abort or reset of barrier$"):
                await task
        assert barrier.broken and barrier.n_waiting == 0
        for _ in range(2):
            with pytest.raises(asyncio.BrokenBarrierError, match="^Barrier aborted$"):
                await barrier.wait()
        await barrier.reset()
        assert not barrier.broken
        return await asyncio.gather(*(barrier.wait() for _ in range(3)))

    assert run(main()) == [0, 1, 2]


def test_who_waits_is_told_of_a_reset_and_who_comes_meanwhile_waits(run, api):
    async def main():
        barrier = api.Barrier(3)
        tasks = [asyncio.ensure_future(barrier.wait()) for _ in range(2)]
        await settle()
        await barrier.reset()
        state = barrier._state.value, barrier.n_waiting
        late = [asyncio.ensure_future(barrier.wait()) for _ in range(3)]
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        return state, [str(outcome) for outcome in outcomes], await asyncio.gather(*late)

    state, outcomes, late = run(main())
    assert state == ("resetting", 0)
    assert outcomes == ["Abort or reset of barrier"] * 2
    assert late == [0, 1, 2]


def test_an_abort_during_a_reset(run, api):
    async def main():
        barrier = api.Barrier(2)
        waiting = asyncio.ensure_future(barrier.wait())
        await settle()
        await barrier.reset()
        late = asyncio.ensure_future(barrier.wait())
        await barrier.abort()
        outcomes = await asyncio.gather(waiting, late, return_exceptions=True)
        return [str(outcome) for outcome in outcomes], barrier.broken, barrier._count

    assert run(main()) == (["Abort or reset of barrier", "Barrier aborted"], True, 0)


def test_a_cancelled_one_leaves_and_the_others_wait_on(run, api):
    async def main():
        barrier = api.Barrier(3)
        tasks = [asyncio.ensure_future(barrier.wait()) for _ in range(2)]
        await settle()
        tasks[0].cancel("enough")
        with pytest.raises(asyncio.CancelledError) as caught:
            await tasks[0]
        assert barrier.n_waiting == 1
        more = [asyncio.ensure_future(barrier.wait()) for _ in range(2)]
        return caught.value.args, await asyncio.gather(tasks[1], *more)

    arguments, indices = run(main())
    assert arguments == ("enough",)
    assert indices == [1, 1, 2]


@pytest.mark.parametrize("whom", [0, 1, 2])
def test_one_is_cancelled_when_all_are_there(run, api, whom):
    async def main():
        barrier = api.Barrier(3)
        tasks = [asyncio.ensure_future(barrier.wait()) for _ in range(2)]
        await settle()
        tasks.append(asyncio.ensure_future(barrier.wait()))
        await asyncio.sleep(0)
        tasks[whom].cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert barrier._count == 0 and barrier._state.value == "filling"
        return [outcome if type(outcome) is int else type(outcome) for outcome in outcomes]

    # The last one has come and gone already; asyncio cancels the others late.
    expected = [0, 1, 2]
    if whom < 2:
        expected[whom] = asyncio.CancelledError
    assert run(main()) == expected


def test_one_is_cancelled_while_it_takes_the_lock(run, api):
    async def main():
        barrier = api.Barrier(2)
        await barrier._cond.acquire()
        tasks = [asyncio.ensure_future(barrier.wait()) for _ in range(2)]
        resetting = asyncio.ensure_future(barrier.reset())
        await settle()
        tasks[0].cancel()
        resetting.cancel()
        await settle()
        assert tasks[0].cancelled() and resetting.cancelled() and barrier._count == 0
        barrier._cond.release()
        await settle()
        assert barrier.n_waiting == 1
        assert await barrier.wait() == 1
        return await tasks[1]

    assert run(main()) == 0


def test_one_that_waits_for_others_to_leave_may_be_cancelled(run, api):
    async def main():
        barrier = api.Barrier(1)
        blocked = []

        async def party():
            blocked.append(await barrier.wait())

        two = api.Barrier(2)
        waiting = asyncio.ensure_future(two.wait())
        await settle()
        await two.reset()
        late = asyncio.ensure_future(two.wait())
        await asyncio.sleep(0)
        late.cancel()
        outcomes = await asyncio.gather(waiting, late, return_exceptions=True)
        await party()
        assert two._count == 0 and not two._cond.locked()
        return [type(outcome) for outcome in outcomes], blocked, two._state.value

    kinds, blocked, state = run(main())
    assert kinds == [asyncio.BrokenBarrierError, asyncio.CancelledError]
    assert (blocked, state) == ([0], "filling")


def test_a_barrier_for_nobody(api):
    # Later releases of 3.13 have the text of 3.14.
    with pytest.raises(ValueError, match=r"^parties must be (>= 1|> 0)$") as expected:
        asyncio.locks.Barrier(0)
    for parties in (0, -1, 0.5):
        with pytest.raises(ValueError) as refused:
            api.Barrier(parties)
        assert str(refused.value) == str(expected.value)
    with pytest.raises(TypeError):
        api.Barrier("many")
    with pytest.raises(TypeError):
        api.Barrier()


def test_parties_are_what_was_given(run, api):
    async def main():
        barrier = api.Barrier(2.0)
        return repr(barrier.parties), await asyncio.gather(barrier.wait(), barrier.wait())

    assert run(main()) == ("2.0", [0, 1])


def test_repr_tells_the_state(run, api):
    async def main():
        barrier = api.Barrier(2)
        shown = [repr(barrier)]
        waiting = asyncio.ensure_future(barrier.wait())
        await settle()
        shown.append(repr(barrier))
        await barrier.abort()
        shown.append(repr(barrier))
        await asyncio.wait([waiting])
        assert isinstance(waiting.exception(), asyncio.BrokenBarrierError)
        return shown

    name = r"<asyncio\.locks\.Barrier object at 0x[0-9a-f]+ "
    states = ["filling, waiters:0/2", "filling, waiters:1/2", "broken"]
    for shown, state in zip(run(main()), states, strict=True):
        assert re.fullmatch(name + rf"\[{state}\]>", shown)


def test_a_subclass_is_asked_for_its_wait(run, api):
    class Derived(api.Barrier):
        def __init__(self):
            super().__init__(1)

        async def wait(self):
            return "derived", await super().wait()

    async def main():
        async with Derived() as entered:
            return entered

    assert run(main()) == ("derived", 0)


def test_a_barrier_of_which_init_never_ran(run, api):
    async def main():
        barrier = api.Barrier.__new__(api.Barrier)
        for waiting in (barrier.wait, barrier.reset, barrier.abort):
            with pytest.raises(AttributeError, match="'Barrier' object has no attribute '_cond'"):
                await waiting()

    run(main())


def test_a_barrier_belongs_to_one_loop(api, new_loop):
    barrier = api.Barrier(2)

    async def in_vain():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(barrier.wait(), 0.01)

    async def elsewhere():
        with pytest.raises(RuntimeError, match="Condition.* is bound to a different event loop"):
            await barrier.wait()
        assert barrier._count == 0 and not barrier._cond.locked()

    first, second = new_loop(), new_loop()
    first.run_until_complete(in_vain())
    second.run_until_complete(elsewhere())


def test_a_barrier_that_somebody_waits_at_is_collected(run, api):
    async def main():
        barrier = api.Barrier(2)
        barrier._cond.barrier = barrier
        task = asyncio.ensure_future(barrier.wait())
        await settle()
        task.cancel()
        await asyncio.wait([task])
        return weakref.ref(barrier)

    reference = run(main())
    gc.collect()
    assert reference() is None
