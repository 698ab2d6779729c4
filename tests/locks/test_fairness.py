"""In which order do those who wait go on, and what does a cancelled one leave behind?"""

import asyncio

import pytest


@pytest.fixture(params=["Lock", "Semaphore", "BoundedSemaphore"])
def make(api, request):
    """Makes something that one task can have at a time."""
    return getattr(api, request.param)


async def settle():
    """Lets everything that is ready run."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_waiters_go_on_in_the_order_of_their_coming(run, make):
    async def main():
        shared, order = make(), []

        async def worker(number):
            async with shared:
                order.append(number)
                await asyncio.sleep(0)

        await asyncio.gather(*(worker(number) for number in range(20)))
        return order

    assert run(main()) == list(range(20))


def test_a_newcomer_does_not_overtake_one_that_was_woken(run, make):
    async def main():
        shared, order = make(), []
        await shared.acquire()

        async def worker(number):
            await shared.acquire()
            order.append(number)
            shared.release()

        first = asyncio.ensure_future(worker("first"))
        await settle()
        shared.release()
        # The first one is woken but has not run yet.
        second = asyncio.ensure_future(worker("second"))
        await asyncio.gather(first, second)
        return order

    assert run(main()) == ["first", "second"]


@pytest.mark.parametrize("moment", ["before the release", "after the release"])
def test_a_cancelled_waiter_passes_its_turn_on(run, make, moment):
    async def main():
        shared = make()
        await shared.acquire()
        first = asyncio.ensure_future(shared.acquire())
        second = asyncio.ensure_future(shared.acquire())
        await settle()
        if moment == "before the release":
            first.cancel()
            shared.release()
        else:
            shared.release()
            first.cancel()
        assert await asyncio.wait_for(second, 5)
        with pytest.raises(asyncio.CancelledError):
            await first
        assert shared.locked()
        shared.release()
        assert not shared.locked()

    run(main())


def test_the_last_of_many_waiters_may_be_cancelled_first(run, make):
    async def main():
        shared = make()
        await shared.acquire()
        waiters = [asyncio.ensure_future(shared.acquire()) for _ in range(2000)]
        await settle()
        for waiter in reversed(waiters[1:]):
            waiter.cancel()
        await settle()
        assert all(waiter.cancelled() for waiter in waiters[1:])
        shared.release()
        assert await waiters[0]

    run(main())


def test_an_event_wakes_everybody_at_once(run, api):
    async def main():
        event, woken = api.Event(), []

        async def worker(number):
            assert await event.wait() is True
            woken.append(number)

        workers = [asyncio.ensure_future(worker(number)) for number in range(10)]
        await settle()
        workers[3].cancel()
        event.set()
        event.clear()
        await asyncio.gather(*workers, return_exceptions=True)
        assert not event.is_set()
        return woken

    assert run(main()) == [0, 1, 2, 4, 5, 6, 7, 8, 9]


def test_a_semaphore_lets_in_as_many_as_it_has(run, api):
    async def main():
        semaphore, inside, most = api.Semaphore(5), 0, 0

        async def worker():
            nonlocal inside, most
            async with semaphore:
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0)
                inside -= 1

        await asyncio.gather(*(worker() for _ in range(100)))
        return most

    assert run(main()) == 5
