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


@pytest.mark.parametrize(
    "method, positional, named, message",
    [
        ("call_soon", (), {}, "missing 1 required positional argument: 'callback'"),
        ("call_soon", (print,), {"callback": 1}, "got multiple values for argument 'callback'"),
        ("call_soon", (print,), {"delay": 1}, "got an unexpected keyword argument 'delay'"),
        ("call_later", (), {}, "missing 2 required positional arguments: 'delay' and 'callback'"),
        ("call_later", (1, print), {"delay": 1}, "got multiple values for argument 'delay'"),
        ("call_at", (1,), {"context": None}, "missing 1 required positional argument: 'callback'"),
        ("create_task", (1, 2), {}, "takes 2 positional arguments but 3 were given"),
        ("create_task", (1,), {"coro": 2}, "got multiple values for argument 'coro'"),
    ],
)
def test_a_wrong_argument_is_named(loop, method, positional, named, message):
    with pytest.raises(TypeError) as caught:
        getattr(loop, method)(*positional, **named)
    assert str(caught.value).endswith(f"{method}() {message}")


def test_keyword_only_arguments_are_counted_apart(run, api):
    with pytest.raises(TypeError) as caught:
        api.wait([], 1, timeout=2)
    text = "takes 1 positional argument but 2 positional arguments (and 1 keyword-only argument)"
    assert str(caught.value) == f"wait() {text} were given"
