"""What is tried again, after which pause, and what does the last exception tell?"""

import asyncio
import gc
import random
import weakref

import pytest
from aioxide.patterns import retry


class Flaky:
    """Fails with these exceptions, one after the other, and then returns its arguments."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.calls = []

    async def __call__(self, *args, **kwargs):
        self.calls.append(asyncio.get_running_loop().time())
        if self.errors:
            raise self.errors.pop(0)
        return args, kwargs

    @property
    def pauses(self):
        return [after - before for before, after in zip(self.calls, self.calls[1:], strict=False)]


def test_the_result_of_the_first_attempt_that_succeeds(run):
    flaky = Flaky(ValueError("one"), ValueError("two"))
    assert run(retry(3)(flaky)(1, two=2)) == ((1,), {"two": 2})
    assert len(flaky.calls) == 3


def test_the_last_exception_tells_of_the_others(run):
    last = ValueError("three")
    flaky = Flaky(KeyError("one"), OSError(2, "two"), last, ValueError("four"))
    with pytest.raises(ValueError) as caught:
        run(retry(3)(flaky)())
    assert caught.value is last
    assert last.__notes__ == [
        "attempt 1 failed: KeyError('one')",
        "attempt 2 failed: FileNotFoundError(2, 'two')",
    ]


def test_a_single_attempt_adds_nothing(run):
    error = ValueError("one")
    with pytest.raises(ValueError):
        run(retry(1)(Flaky(error))())
    assert not hasattr(error, "__notes__")


def test_an_exception_without_a_working_repr_does_not_get_in_the_way(run):
    class Broken(Exception):
        def __repr__(self):
            raise KeyError("repr")

    with pytest.raises(ValueError) as caught:
        run(retry(2)(Flaky(Broken(), ValueError()))())
    assert "<Broken instance at 0x" in caught.value.__notes__[0]


def test_pauses_are_doubled(run):
    flaky = Flaky(*[ValueError()] * 4)
    run(retry(5, backoff=0.5, jitter=0)(flaky)())
    assert flaky.pauses == [0.5, 1, 2, 4]


def test_pauses_are_doubled_up_to_a_minute(run):
    flaky = Flaky(*[ValueError()] * 1999)
    run(retry(2000, backoff=16, jitter=0)(flaky)())
    assert flaky.pauses[:4] == [16, 32, 60, 60]
    assert flaky.pauses[-1] == 60


def test_a_longer_pause_stays_as_it_is(run):
    flaky = Flaky(*[ValueError()] * 3)
    run(retry(4, backoff=100, jitter=0)(flaky)())
    assert flaky.pauses == [100, 100, 100]


def test_a_backoff_of_ones_own(run):
    flaky = Flaky(*[ValueError()] * 3)
    run(retry(4, backoff=lambda failures: failures * 10, jitter=0)(flaky)())
    assert flaky.pauses == [10, 20, 30]


def test_a_backoff_of_ones_own_that_is_wrong(run):
    with pytest.raises(ValueError, match="backoff must be a number of seconds, not -1"):
        run(retry(2, backoff=lambda failures: -1)(Flaky(ValueError()))())


@pytest.mark.parametrize("jitter, pauses", [(0, [8, 8]), (0.5, [8, 6]), (1, [8, 4])])
def test_jitter_is_the_part_of_a_pause_that_is_random(run, monkeypatch, jitter, pauses):
    numbers = iter([0.0, 0.5])
    monkeypatch.setattr(random, "random", lambda: next(numbers))
    flaky = Flaky(ValueError(), ValueError())
    run(retry(3, backoff=lambda failures: 8, jitter=jitter)(flaky)())
    assert flaky.pauses == pauses


@pytest.mark.parametrize(
    "on",
    [OSError, (KeyError, OSError), lambda error: error.errno == 2],
    ids=["class", "tuple", "function"],
)
def test_only_what_is_worth_it_is_tried_again(run, on):
    flaky = Flaky(OSError(2, "worth it"), OSError(2, "too"))
    run(retry(3, on=on)(flaky)())
    assert len(flaky.calls) == 3


@pytest.mark.parametrize("on", [OSError, (KeyError, OSError), lambda error: False])
def test_what_is_not_worth_it_is_raised_at_once(run, on):
    flaky = Flaky(ValueError("one"))
    with pytest.raises(ValueError, match="one"):
        run(retry(3, on=on)(flaky)())
    assert len(flaky.calls) == 1


def test_what_is_not_worth_it_tells_of_what_was(run):
    with pytest.raises(ValueError) as caught:
        run(retry(3, on=OSError)(Flaky(OSError("one"), ValueError("two")))())
    assert caught.value.__notes__ == ["attempt 1 failed: OSError('one')"]


def test_each_attempt_has_its_timeout(run, loop):
    starts = []

    @retry(3, backoff=1, jitter=0, on=KeyError, timeout=5)
    async def hang():
        starts.append(loop.time() - 1000)
        await asyncio.sleep(3600)

    with pytest.raises(TimeoutError) as caught:
        run(hang())
    assert starts == [0, 6, 13]
    assert loop.time() - 1000 == 18
    assert caught.value.__notes__ == [
        "attempt 1 failed: TimeoutError()",
        "attempt 2 failed: TimeoutError()",
    ]


def test_a_timeout_of_the_functions_own_is_one_exception_among_others(run):
    flaky = Flaky(TimeoutError("own"))
    with pytest.raises(TimeoutError, match="own"):
        run(retry(3, on=KeyError, timeout=5)(flaky)())
    assert len(flaky.calls) == 1


@pytest.mark.parametrize("moment", ["in an attempt", "in a pause"])
@pytest.mark.parametrize("timeout", [None, 100])
def test_cancellation_is_not_tried_again(run, loop, settle, moment, timeout):
    calls = []

    @retry(3, backoff=10, jitter=0, on=lambda error: True, timeout=timeout)
    async def work():
        calls.append(loop.time())
        if moment == "in a pause":
            raise ValueError
        await asyncio.sleep(50)

    async def main():
        task = asyncio.create_task(work())
        await settle()
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError, match="enough"):
            await task

    run(main())
    assert len(calls) == 1


@pytest.mark.parametrize("error", [asyncio.CancelledError(), SystemError(), GeneratorExit()])
def test_only_an_exception_proper_is_given_to_on(run, error):
    given = []
    flaky = Flaky(error)
    with pytest.raises(type(error)):
        run(retry(2, on=lambda error: given.append(error))(flaky)())
    assert given == ([error] if isinstance(error, Exception) else [])
    assert len(flaky.calls) == 1


def test_an_exception_in_place_of_cancellation_is_not_tried_again(run, settle):
    calls = []

    @retry(3)
    async def work():
        calls.append(True)
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            raise ConnectionError("lost") from None

    async def main():
        task = asyncio.create_task(work())
        await settle()
        task.cancel()
        with pytest.raises(ConnectionError, match="lost"):
            await task

    run(main())
    assert len(calls) == 1


def test_a_timeout_around_everything(run, loop):
    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(25):
                await retry(100, backoff=10, jitter=0)(Flaky(*[ValueError()] * 100))()

    run(main())
    assert loop.time() == 1025


def test_around_a_block(run):
    async def main():
        numbers = []
        async for attempt in retry(5):
            async with attempt:
                numbers.append((attempt.number, attempt.last))
                if attempt.number < 3:
                    raise ValueError(attempt.number)
        return numbers

    assert run(main()) == [(1, False), (2, False), (3, False)]


def test_the_last_attempt_of_a_block(run):
    async def main():
        async for attempt in retry(2):
            async with attempt:
                assert attempt.last == (attempt.number == 2)
                raise ValueError(attempt.number)

    with pytest.raises(ValueError, match="2") as caught:
        run(main())
    assert caught.value.__notes__ == ["attempt 1 failed: ValueError(1)"]


def test_a_block_may_be_left(run):
    async def returns():
        async for attempt in retry(5):
            async with attempt:
                return attempt.number

    async def breaks():
        async for attempt in retry(5):
            async with attempt:
                break
        return attempt.number

    assert run(returns()) == run(breaks()) == 1


def test_an_attempt_that_was_not_made(run):
    async def main():
        async for _attempt in retry(5):
            pass

    with pytest.raises(RuntimeError, match="attempt 1 was not made"):
        run(main())


def test_an_attempt_is_made_once(run):
    async def main():
        async for attempt in retry(5):
            async with attempt:
                pass
            assert repr(attempt) == "<Attempt 1 of 5 succeeded>"
            async with attempt:
                pass

    with pytest.raises(RuntimeError, match="has already been entered"):
        run(main())


def test_one_retry_may_be_used_at_the_same_time(run):
    policy = retry(3, jitter=0)
    first, second = Flaky(ValueError(), ValueError()), Flaky(ValueError())

    async def main():
        await asyncio.gather(policy(first)(), policy(second)())

    run(main())
    assert (len(first.calls), len(second.calls)) == (3, 2)


def test_methods_and_names(run):
    class Client:
        def __init__(self):
            self.calls = 0

        @retry(2)
        async def get(self):
            """Get it."""
            self.calls += 1
            if self.calls == 1:
                raise ValueError
            return self.calls

    assert Client.get.__name__ == "get" and Client.get.__doc__ == "Get it."
    assert run(Client().get()) == 2


def test_exceptions_are_not_kept(run):
    class Local(Exception):
        pass

    seen = []

    @retry(3)
    async def work():
        error = Local()
        seen.append(weakref.ref(error))
        try:
            raise error
        finally:
            del error

    gc.disable()
    try:
        with pytest.raises(Local):
            run(work())
        assert [reference() for reference in seen[:2]] == [None, None]
    finally:
        gc.enable()


def test_a_function_whose_result_cannot_be_awaited(run):
    calls = []
    with pytest.raises(TypeError, match=r"append.* returned None, which cannot be awaited"):
        run(retry(3)(calls.append)(1))
    assert calls == [1]


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"attempts": 0}, ValueError, "attempts must be at least 1, not 0"),
        ({"attempts": "3"}, TypeError, "attempts must be an int, not '3'"),
        ({"backoff": -1}, ValueError, "backoff must be a number of seconds, not -1"),
        ({"backoff": "1"}, TypeError, "backoff must be a number, not '1'"),
        ({"jitter": 2}, ValueError, "jitter must be from 0 to 1, not 2"),
        ({"timeout": 0}, ValueError, "timeout must be positive and finite, not 0"),
        ({"on": 3}, TypeError, "on must be exceptions or a function, not 3"),
        ({"on": int}, TypeError, "on must be a class of Exception, not <class 'int'>"),
        ({"on": (OSError, 3)}, TypeError, "on must be a class of Exception, not 3"),
        ({"on": asyncio.CancelledError}, TypeError, "not <class '.*CancelledError'>"),
    ],
)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        retry(**arguments)


def test_what_is_no_coroutine_function():
    async def generate():
        yield

    for wrong in (generate, 3):
        with pytest.raises(TypeError, match="a coroutine function was expected, got "):
            retry()(wrong)
    with pytest.raises(TypeError, match="attempts must be an int, not <function"):
        retry(generate)
