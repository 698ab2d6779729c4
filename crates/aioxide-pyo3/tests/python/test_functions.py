"""What Python sees of functions and methods: arguments, results, names."""

import asyncio
import collections.abc
import inspect
from pathlib import Path

import pytest


def test_arguments_and_results_are_those_of_pyo3(probe, run):
    async def main():
        assert await probe.nothing() is None
        assert await probe.both(1, "a") == (1, "a")
        assert await probe.both(text="a", number=1) == (1, "a")
        thing = object()
        assert await probe.same(thing) is thing
        assert await probe.renamed(None) is None
        assert await probe.renamed(3) == 3

    run(main)


def test_signatures_are_kept(probe, run):
    async def main():
        assert await probe.defaults(1) == 6
        assert await probe.defaults(1, 1, 10, 20, c=1) == 33

    run(main)
    assert str(inspect.signature(probe.defaults)) == "(a, /, b=2, *rest, c=3)"
    assert str(inspect.signature(probe.Client.greet)) == "(self, /, greeting=Ellipsis)"
    assert probe.renamed.__doc__ == "Its documentation."
    assert probe.Client.greet.__doc__ == "Says hello."


def test_wrong_arguments_are_refused_by_the_call(probe):
    with pytest.raises(TypeError, match="cannot be interpreted as an integer"):
        probe.both("a", "a")
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'text'"):
        probe.both(1)


def test_errors_of_rust_become_exceptions(probe, run):
    async def main():
        with pytest.raises(OSError, match="negative"):
            await probe.renamed(-1)

    run(main)


def test_methods(probe, run):
    async def main():
        client = await probe.Client.open("ada")
        assert type(client) is probe.Client
        assert await client.greet() == "hello, ada"
        assert await client.greet(greeting="bye") == "bye, ada"
        assert await client.twice() == ("hello, ada", "again, ada")
        assert await probe.Client.count([1, 2]) == 2
        async with client as entered:
            assert entered is client
            raise ValueError("is swallowed")

    run(main)


def test_it_is_a_coroutine(probe, has_aioxide):
    coroutine = probe.later(1)
    try:
        assert isinstance(coroutine, collections.abc.Coroutine)
        assert inspect.isawaitable(coroutine)
        assert asyncio.iscoroutine(coroutine)
        assert coroutine.__name__ == "later"
        assert coroutine.__qualname__ == "later"
        assert coroutine.cr_await is None
        assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
        assert not coroutine.cr_running
        assert not coroutine.cr_suspended
        assert "later" in repr(coroutine)
    finally:
        coroutine.close()
    made_by = type(coroutine).__module__
    assert made_by == ("aioxide" if has_aioxide else "aioxide_pyo3")


def test_names_of_methods_have_the_class(probe):
    coroutine = probe.Client("ada").greet()
    assert coroutine.__qualname__ == "Client.greet"
    assert coroutine.__name__ == "greet"
    coroutine.close()


def test_its_code_is_the_function_in_rust(probe):
    coroutine = probe.Client("ada").greet()
    code = coroutine.cr_code
    assert code.co_filename.endswith("probe/src/objects.rs")
    assert code.co_name == "aioxide_pyo3_probe::objects::Client::greet"
    # The compiler was given a path from the root of the workspace.
    source = Path(__file__).resolve().parents[4] / code.co_filename
    line = source.read_text().splitlines()[code.co_firstlineno - 1]
    assert "async fn greet" in line
    coroutine.close()


def test_one_that_is_never_awaited_warns(probe):
    with pytest.warns(RuntimeWarning, match="coroutine 'nothing' was never awaited"):
        probe.nothing()


def test_it_can_be_stepped_by_hand(probe, run):
    async def main():
        coroutine = probe.gives_way(2)
        with pytest.raises(TypeError, match="can't send non-None value"):
            coroutine.send(1)
        assert coroutine.send(None) is None
        assert inspect.getcoroutinestate(coroutine) == inspect.CORO_SUSPENDED
        assert coroutine.cr_suspended
        assert coroutine.send(None) is None
        with pytest.raises(StopIteration) as stopped:
            coroutine.send(None)
        assert stopped.value.value == 2
        with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
            coroutine.send(None)
        assert coroutine.cr_frame is None
        assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED
        coroutine.close()

    run(main)


def test_a_result_that_is_a_tuple_or_an_exception_stays_one(probe, run):
    async def main():
        assert await probe.same((1, 2)) == (1, 2)
        error = ValueError("no")
        assert await probe.same(error) is error

    run(main)


def test_throw_and_close_drop_the_future(probe, run):
    async def main():
        dropped = probe.dropped()
        coroutine = probe.forever()
        coroutine.send(None)
        coroutine.close()
        assert probe.dropped() == dropped + 1
        coroutine = probe.forever()
        coroutine.send(None)
        with pytest.raises(KeyError, match="thrown"):
            coroutine.throw(KeyError("thrown"))
        assert probe.dropped() == dropped + 2
        # One that has not begun has nothing to drop.
        coroutine = probe.forever()
        with pytest.raises(KeyError):
            coroutine.throw(KeyError)
        assert probe.dropped() == dropped + 2

    run(main)


def test_without_a_loop_it_says_so(probe):
    coroutine = probe.nothing()
    with pytest.raises(RuntimeError, match="no running event loop"):
        coroutine.send(None)
