"""When does a rate limiter let whom in?"""

import asyncio
import gc
import weakref

import pytest
from aioxide.patterns import RateLimiter


def test_a_burst_and_then_one_by_one(run, loop):
    async def main():
        limiter, start, times = RateLimiter(2, per=1, burst=3), loop.time(), []
        for _ in range(6):
            async with limiter:
                times.append(loop.time() - start)
        return times

    assert run(main()) == [0, 0, 0, 0.5, 1.0, 1.5]


def test_the_burst_is_the_rate_unless_given(run, loop):
    async def main():
        limiter, start = RateLimiter(4), loop.time()
        for _ in range(5):
            await limiter.acquire()
        return loop.time() - start

    assert run(main()) == 0.25


def test_less_than_one_per_period(run, loop):
    async def main():
        limiter, start = RateLimiter(0.5), loop.time()
        await limiter.acquire()
        await limiter.acquire()
        return loop.time() - start

    assert run(main()) == 2.0


def test_a_bucket_is_never_more_than_full(run, loop):
    async def main():
        limiter, times = RateLimiter(1, burst=2), []
        await limiter.acquire()
        await asyncio.sleep(100)
        start = loop.time()
        for _ in range(3):
            await limiter.acquire()
            times.append(loop.time() - start)
        return times

    assert run(main()) == [0, 0, 1]


def test_the_rate_holds_over_many(run, loop):
    async def main():
        limiter, start = RateLimiter(3, per=0.7, burst=1), loop.time()
        await asyncio.gather(*(limiter.acquire() for _ in range(3001)))
        return loop.time() - start

    assert run(main()) == pytest.approx(700, abs=1e-6)


def test_who_need_not_wait_lets_nobody_else_run(run):
    async def main():
        limiter, ran = RateLimiter(1), []
        asyncio.get_running_loop().call_soon(ran.append, True)
        await limiter.acquire()
        return ran

    assert run(main()) == []


def test_a_small_request_does_not_overtake_a_large_one(run, loop):
    async def main():
        limiter, start, order = RateLimiter(1, burst=5), loop.time(), []

        async def worker(n):
            await limiter.acquire(n)
            order.append((n, loop.time() - start))

        await asyncio.gather(*map(worker, [4, 5, 1, 2]))
        return order

    assert run(main()) == [(4, 0), (5, 4), (1, 5), (2, 7)]


def test_one_that_comes_late_does_not_overtake(run, loop, settle):
    async def main():
        limiter, order = RateLimiter(1), []
        await limiter.acquire()

        async def worker(name):
            await limiter.acquire()
            order.append(name)

        first = asyncio.ensure_future(worker("first"))
        await settle()
        loop.now += 10
        await asyncio.gather(worker("second"), first)
        return order

    assert run(main()) == ["first", "second"]


def test_a_cancelled_waiter_takes_nothing(run, loop, settle):
    async def main():
        limiter, start = RateLimiter(1, burst=10), loop.time()
        await limiter.acquire(10)
        large = asyncio.ensure_future(limiter.acquire(10))
        small = asyncio.ensure_future(limiter.acquire(1))
        await settle()
        large.cancel()
        await small
        assert large.cancelled()
        return loop.time() - start

    assert run(main()) == 1


def test_one_cancelled_when_its_turn_has_come_gives_it_on(run, loop):
    async def main():
        limiter, start = RateLimiter(1), loop.time()
        await limiter.acquire()
        first = asyncio.ensure_future(limiter.acquire())
        second = asyncio.ensure_future(limiter.acquire())
        # Behind the limiter's timer, before the first waiter has run.
        loop.call_later(1, lambda: None)
        await asyncio.sleep(0)
        (timer,) = [timer for _, _, timer in loop.timers if timer is limiter._timer]
        loop.now += 1
        timer._run()
        first.cancel()
        await second
        assert first.cancelled()
        return loop.time() - start

    assert run(main()) == 1


def test_many_waiters_may_be_cancelled(run, settle):
    async def main():
        limiter = RateLimiter(1)
        await limiter.acquire()
        waiters = [asyncio.ensure_future(limiter.acquire()) for _ in range(2000)]
        await settle()
        assert "waiters:2000" in repr(limiter)
        for waiter in reversed(waiters):
            waiter.cancel()
        await asyncio.wait(waiters)
        assert "waiters" not in repr(limiter)
        await limiter.acquire()

    run(main())


def test_a_timeout_around_it(run, loop):
    async def main():
        limiter, start = RateLimiter(1), loop.time()
        await limiter.acquire()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(limiter.acquire(), 0.25)
        await limiter.acquire()
        return loop.time() - start

    assert run(main()) == 1


def test_it_belongs_to_one_loop(new_loop):
    limiter = RateLimiter(1)
    first, second = new_loop(), new_loop()
    first.run_on_clock(limiter.acquire())
    with pytest.raises(RuntimeError, match="1 per second, burst:1> is bound to a different"):
        second.run_on_clock(limiter.acquire())


def test_it_is_collected(run):
    async def main():
        limiter = RateLimiter(1)
        await limiter.acquire()
        await limiter.acquire()
        return weakref.ref(limiter)

    reference = run(main())
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize("name", ["rate", "per", "burst"])
@pytest.mark.parametrize(
    "value, error",
    [
        (0, ValueError),
        (-1, ValueError),
        (float("nan"), ValueError),
        (float("inf"), ValueError),
        ("1", TypeError),
    ],
)
def test_what_is_no_limit(name, value, error):
    with pytest.raises(error, match=f"^{name} must be .*, not {value!r}$"):
        RateLimiter(**{"rate": 1, name: value})


@pytest.mark.parametrize(
    "n, message",
    [(0, "n must be positive and finite, not 0"), (3, "3 tokens are more than the burst of 2")],
)
def test_a_number_that_is_never_there(run, n, message):
    with pytest.raises(ValueError, match=message):
        run(RateLimiter(2).acquire(n))
