"""What is a coroutine, and what is none?"""

import asyncio
import collections.abc
import sys
import types

import pytest


class LookAlike:
    """Has the methods of a coroutine, and is therefore one."""

    def send(self, value):
        raise StopIteration(value)

    def throw(self, *exception):
        raise exception[0]

    def close(self):
        pass

    def __await__(self):
        return iter(())


class Derived(collections.abc.Coroutine):
    def send(self, value):
        raise StopIteration(value)

    def throw(self, *exception):
        raise exception[0]

    def __await__(self):
        return iter(())


class Awaitable:
    def __await__(self):
        return iter(())


@pytest.fixture
def recognised(api):
    """What the side's ``iscoroutine`` says of an object, as often as it is asked."""

    def ask(candidate):
        answers = {api.iscoroutine(candidate) for _ in range(3)}
        assert len(answers) == 1
        return answers.pop()

    return ask


def test_a_coroutine_of_the_interpreters(recognised):
    async def function():
        pass

    coroutine = function()
    assert recognised(coroutine) is True
    coroutine.close()
    assert recognised(coroutine) is True
    assert recognised(function) is False


def test_a_native_coroutine(recognised, api):
    for coroutine in (api.sleep(0), api.Lock().acquire(), api.Queue().get()):
        assert recognised(coroutine) is True
        coroutine.close()


def test_whatever_has_the_methods(recognised):
    assert recognised(LookAlike()) is True
    assert recognised(Derived()) is True


def test_a_generator_was_one_up_to_3_11(recognised):
    @types.coroutine
    def based_on_a_generator():
        yield

    counts = sys.version_info < (3, 12)
    assert recognised(based_on_a_generator()) is counts
    assert recognised(item for item in ()) is counts


@pytest.mark.parametrize("candidate", [None, 7, "text", object(), Awaitable(), LookAlike, len])
def test_everything_else_is_none(recognised, candidate):
    assert recognised(candidate) is False


def test_a_future_is_none(recognised, loop):
    assert recognised(loop.create_future()) is False


def test_an_object_that_refuses_to_be_looked_at(api):
    class Touchy:
        @property
        def __class__(self):
            raise LookupError("hands off")

    with pytest.raises(LookupError, match="hands off"):
        api.iscoroutine(Touchy())


def test_one_argument_is_expected(api):
    with pytest.raises(TypeError):
        api.iscoroutine()
    with pytest.raises(TypeError):
        api.iscoroutine(1, 2)
    assert api.iscoroutine(obj=7) is False


def test_what_is_recognised_becomes_a_task(api, run):
    async def main():
        return await asyncio.gather(api.ensure_future(LookAlike()), api.create_task(Derived()))

    assert run(main()) == [None, None]
