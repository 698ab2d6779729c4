"""Are flags, times and numbers taken as asyncio takes them?"""

import decimal
import fractions

import pytest


@pytest.mark.parametrize("flag", [1, "yes", 2.5, [0]])
def test_debug_mode_is_whatever_is_true(loop, flag):
    loop.set_debug(flag)
    assert loop.get_debug()


@pytest.mark.parametrize("flag", [0, None, "", []])
def test_debug_mode_is_not_what_is_false(loop, flag):
    loop.set_debug(True)
    loop.set_debug(flag)
    assert not loop.get_debug()


@pytest.mark.parametrize("when", [10**6, True, fractions.Fraction(1, 3), 0.5], ids=repr)
def test_a_timer_has_the_time_that_was_given(loop, when):
    timer = loop.call_at(when, print)
    assert timer.when() == timer._when == when
    assert type(timer.when()) is type(when)
    assert hash(timer) == hash(when)
    assert f"when={when}" in repr(timer)
    timer.cancel()


def test_a_timer_that_is_used_again_has_a_time_of_its_own(loop):
    loop.call_at(10**6, print).cancel()
    timer = loop.call_at(0.5, print)
    assert timer.when() == 0.5
    assert type(timer.when()) is float
    timer.cancel()


def test_a_delay_may_be_a_fraction(loop, api, run):
    run(api.sleep(fractions.Fraction(1, 1000)))
    loop.call_later(fractions.Fraction(1, 1000), print).cancel()


@pytest.mark.parametrize("delay", [decimal.Decimal("0.001"), "soon", b"", []], ids=repr)
def test_a_delay_has_to_be_added_to_a_float(loop, api, delay):
    text = r"unsupported operand type\(s\) for \+: 'float' and"
    with pytest.raises(TypeError, match=text):
        loop.call_later(delay, print)

    async def waits():
        await api.wait([loop.create_future()], timeout=delay)

    with pytest.raises(TypeError, match=text):
        loop.run_until_complete(waits())


@pytest.mark.parametrize("flag", [1, "yes", None, 0])
def test_private_flags_take_anything(loop, flag):
    future = loop.create_future()
    future._asyncio_future_blocking = flag
    assert future._asyncio_future_blocking is bool(flag)
