"""Water marks may be whatever can be compared and divided."""

import asyncio

import pytest

from .peers import tcp_pair


@pytest.fixture
def limits(run, loop):
    """Sets water marks and returns what the transport says they are."""

    def set_and_get(*arguments, **keywords):
        async def main():
            near, far = tcp_pair()
            with far:
                transport, _ = await loop.create_connection(asyncio.Protocol, sock=near)
                try:
                    transport.set_write_buffer_limits(*arguments, **keywords)
                    return transport.get_write_buffer_limits()
                finally:
                    transport.abort()
                    await asyncio.sleep(0)

        return run(main())

    return set_and_get


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"high": 1e6}, (250000.0, 1e6)),
        ({"high": 2**70}, (2**68, 2**70)),
        ({"low": 7.5}, (7.5, 30.0)),
        ({"high": True}, (0, True)),
        ({"high": 0}, (0, 0)),
        ({"high": float("inf"), "low": 1}, (1, float("inf"))),
    ],
)
def test_marks_are_kept_as_given(limits, given, meant):
    shown = limits(**given)
    assert shown == meant
    assert list(map(type, shown)) == list(map(type, meant))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ((1, 2), r"high \(1\) must be >= low \(2\) must be >= 0"),
        ((-1.5, None), r"high \(-1.5\) must be >= low \(-1.0\) must be >= 0"),
        ((float("nan"), 0), r"high \(nan\) must be >= low \(0\) must be >= 0"),
    ],
)
def test_marks_that_do_not_fit_together_are_refused(limits, given, text):
    with pytest.raises(ValueError, match=text):
        limits(*given)


def test_marks_that_are_no_numbers_are_refused(limits):
    with pytest.raises(TypeError, match="unsupported operand type"):
        limits("high")
