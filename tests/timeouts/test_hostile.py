"""Deadlines of any kind, and timeouts that are initialised twice, never, or given another class."""

import asyncio
import decimal
import fractions
import sys

import pytest


def attempt(function, *arguments):
    try:
        return function(*arguments)
    except BaseException as error:
        return type(error)


# Far away or over: no test waits for one.
DEADLINES = [None, 0, -1, -1.5, 10**9, 1e9, 10**400, -(10**400), float("inf"), -float("inf")]
DEADLINES += [True, fractions.Fraction(10**9), fractions.Fraction(-1), "1", (), object]
DEADLINES += [decimal.Decimal(-1), sys.float_info.max, 2**63, 2**64 + 0.5]


async def enter_and_leave(api, when, steps):
    timeout = api.timeout_at(when)
    seen = [timeout.when() is when]
    try:
        async with timeout:
            seen.append("entered")
            for _ in range(steps):
                await asyncio.sleep(0)
    except Exception as error:
        seen.append(type(error))
    seen += [timeout.expired(), timeout.when() is when, timeout._state.value]
    return seen


@pytest.mark.parametrize("steps", [0, 3])
@pytest.mark.parametrize("when", DEADLINES, ids=repr)
def test_a_deadline_of_any_kind(run, api, when, steps):
    seen = run(enter_and_leave(api, when, steps))
    # asyncio's loop cannot wait until what a float cannot hold.
    too_large = isinstance(when, int) and when > 2**1024
    assert seen == asyncio.run(enter_and_leave(asyncio, None if too_large else when, steps))


def test_a_deadline_beyond_all_numbers_does_not_stop_the_loop(run, api):
    async def main():
        for when in (10**400, decimal.Decimal("1e400"), fractions.Fraction(10**400)):
            async with api.timeout_at(when) as timeout:
                await asyncio.sleep(0.001)
            assert not timeout.expired() and timeout.when() is when

    if api is not asyncio:
        # asyncio's loop ends by an OverflowError or a TypeError.
        run(main())


def test_a_deadline_that_is_not_a_number(run, api):
    async def main():
        async with api.timeout_at(float("nan")) as timeout:
            await asyncio.sleep(0)
        return timeout.expired(), repr(timeout)

    assert run(main()) == (False, "<Timeout [finished]>")


DELAYS = [0, -1, 10**9, 1e9, -1e9, float("inf"), -float("inf"), True, None]
DELAYS += [fractions.Fraction(10**9), decimal.Decimal(1), "1", (), 10**400]


async def delay(api, seconds):
    try:
        timeout = api.timeout(seconds)
    except Exception as error:
        return type(error), str(error)
    try:
        async with timeout:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
    except Exception as error:
        return type(error), timeout.expired(), type(timeout.when())
    return timeout.expired(), type(timeout.when())


@pytest.mark.parametrize("seconds", DELAYS, ids=repr)
def test_a_delay_of_any_kind(run, api, seconds):
    assert run(delay(api, seconds)) == asyncio.run(delay(asyncio, seconds))


async def reschedule_in_each_state(api, when):
    seen = []

    def note(timeout):
        try:
            timeout.reschedule(when)
            seen.append(("rescheduled", timeout.when() is when))
        except Exception as error:
            seen.append((type(error), str(error)))
        seen.append(timeout._state.value)

    timeout = api.timeout_at(None)
    note(timeout)
    try:
        async with timeout:
            note(timeout)
            await asyncio.sleep(0)
            note(timeout)
            await asyncio.sleep(0)
    except Exception as error:
        seen.append(type(error))
    note(timeout)
    timeout = api.timeout_at(0)
    try:
        async with timeout:
            try:
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            finally:
                note(timeout)
    except Exception as error:
        seen.append(type(error))
    note(timeout)
    return seen


@pytest.mark.parametrize("when", [None, 0, 1e9, "1", True], ids=repr)
def test_reschedule_in_each_state(run, api, when):
    seen = run(reschedule_in_each_state(api, when))
    assert seen == asyncio.run(reschedule_in_each_state(asyncio, when))


async def use_before_init(api):
    seen = []
    for name in ("when", "expired", "__repr__", "__aenter__", "__aexit__", "_on_timeout"):
        timeout = api.Timeout.__new__(api.Timeout)
        arguments = [None] * 3 if name == "__aexit__" else []
        result = attempt(getattr(timeout, name), *arguments)
        if hasattr(result, "__await__"):
            try:
                result = await result
            except Exception as error:
                result = type(error)
        seen.append((name, result))
    seen.append(attempt(api.Timeout.__new__(api.Timeout).reschedule, 1))
    return seen


def test_use_before_init(run, api):
    assert run(use_before_init(api)) == asyncio.run(use_before_init(asyncio))


def test_init_a_second_time_inside(run, api):
    async def main():
        timeout = api.timeout_at(0)
        with pytest.raises(AssertionError):
            async with timeout:
                timeout.__init__(None)
        assert repr(timeout) == "<Timeout [created]>"
        async with timeout:
            assert timeout.when() is None
        return timeout.expired()

    loop = asyncio.new_event_loop()
    loop.close()

    async def quiet():
        # asyncio's first alarm still rings.
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        return await main()

    assert run(quiet()) is False


async def class_assigned(api):
    noted = []

    class Mine(api.Timeout):
        __slots__ = ()

        def reschedule(self, when):
            noted.append(("reschedule", when))
            return api.Timeout.reschedule(self, when)

        def _on_timeout(self):
            noted.append("on_timeout")
            return api.Timeout._on_timeout(self)

    timeout = api.timeout_at(None)
    timeout.__class__ = Mine
    try:
        async with timeout:
            timeout.reschedule(0)
            timeout.__class__ = api.Timeout
            await asyncio.sleep(0)
            await asyncio.sleep(0)
    except TimeoutError:
        noted.append("late")
    timeout = api.timeout_at(0)
    try:
        async with timeout:
            timeout.__class__ = Mine
            await asyncio.sleep(0)
            await asyncio.sleep(0)
    except TimeoutError:
        noted.append("late")
    return noted


def test_the_class_is_changed_inside(run, api):
    assert run(class_assigned(api)) == asyncio.run(class_assigned(asyncio))


class Meddling:
    """A deadline whose comparison does something first, once."""

    def __init__(self, value, meddle):
        self.value, self.meddle = value, meddle

    def __le__(self, other):
        meddle, self.meddle = self.meddle, lambda: None
        meddle()
        return self.value <= other

    def __float__(self):
        self.meddle()
        return float(self.value)


async def compare_meddling(api, how):
    async def work():
        meddles = {
            "init": lambda: timeout.__init__(None),
            "reschedule": lambda: timeout.reschedule(None),
            "past": lambda: timeout.reschedule(0),
            "raise": lambda: 1 / 0,
            "cancel": lambda: asyncio.current_task().cancel(),
        }
        timeout = api.Timeout(Meddling(0, meddles[how]))
        try:
            async with timeout:
                await asyncio.sleep(0)
                await asyncio.sleep(0)
        except BaseException as error:
            return type(error), timeout._state.value
        return timeout._state.value

    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    return await asyncio.gather(asyncio.ensure_future(work()), return_exceptions=True)


@pytest.mark.parametrize("how", ["init", "past", "raise", "cancel"])
def test_a_comparison_that_comes_back(run, api, how):
    assert run(compare_meddling(api, how)) == asyncio.run(compare_meddling(asyncio, how))
