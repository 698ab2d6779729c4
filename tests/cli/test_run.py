"""aioxide.run() and aioxide.Runner: asyncio's, with our loop inside."""

import asyncio
import contextvars
import gc
import sys
import threading

import pytest


@pytest.fixture
def ours():
    """The package under test; imported late, so that collecting does not need it."""
    import aioxide

    yield aioxide
    asyncio.set_event_loop(None)


async def describe():
    loop = asyncio.get_running_loop()
    return type(loop), loop.get_debug()


def test_returns_the_result(ours):
    assert ours.run(describe()) == (ours.Loop, False)


@pytest.mark.parametrize(("debug", "expected"), [(None, False), (False, False), (True, True)])
def test_debug(ours, monkeypatch, debug, expected):
    monkeypatch.delenv("PYTHONASYNCIODEBUG", raising=False)
    assert ours.run(describe(), debug=debug) == (ours.Loop, expected)


def test_debug_of_the_environment_can_be_overruled(run_script):
    finished = run_script(
        """
        import aioxide, asyncio

        async def main():
            return asyncio.get_running_loop().get_debug()

        print(aioxide.run(main()), aioxide.run(main(), debug=False))
        """,
        env={"PYTHONASYNCIODEBUG": "1"},
    )
    assert (finished.stdout, finished.stderr) == ("True False\n", "")


def test_loop_factory(ours):
    kind, _ = ours.run(describe(), loop_factory=asyncio.SelectorEventLoop)
    assert kind is asyncio.SelectorEventLoop


def test_exception_is_raised(ours):
    async def main():
        raise LookupError("from main")

    with pytest.raises(LookupError, match="^from main$"):
        ours.run(main())


def describe_failure(function):
    with pytest.raises(Exception) as info:
        function()
    return type(info.value), str(info.value)


@pytest.mark.parametrize("useless", [None, 5, "text", describe, lambda: None])
def test_what_is_not_a_coroutine_is_refused_as_asyncio_does(ours, useless):
    failure = describe_failure(lambda: ours.run(useless))
    assert failure == describe_failure(lambda: asyncio.run(useless))
    if sys.version_info < (3, 14):  # Since then any awaitable will do.
        assert repr(useless) in failure[1] or type(useless).__name__ in failure[1]


@pytest.mark.parametrize("outer", ["aioxide", "asyncio"])
@pytest.mark.parametrize("inner", ["aioxide", "asyncio"])
def test_not_inside_a_running_loop(ours, outer, inner):
    modules = {"aioxide": ours, "asyncio": asyncio}

    async def main():
        coroutine = describe()
        try:
            return describe_failure(lambda: modules[inner].run(coroutine))
        finally:
            coroutine.close()

    assert modules[outer].run(main()) == (
        RuntimeError,
        "asyncio.run() cannot be called from a running event loop",
    )


def test_left_over_tasks_are_cancelled(ours):
    outcome = []

    async def forever():
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            outcome.append("cancelled")
            raise

    async def main():
        task = asyncio.ensure_future(forever())
        await asyncio.sleep(0)
        return task

    assert ours.run(main()).cancelled()
    assert outcome == ["cancelled"]


def test_asynchronous_generators_are_closed(ours):
    outcome = []

    async def generator():
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            outcome.append("closed")

    async def main():
        kept.append(generator())
        await anext(kept[0])

    kept = []
    ours.run(main())
    assert outcome == ["closed"]


def test_loop_and_threads_are_gone_afterwards(ours):
    before = threading.active_count()

    async def main():
        await asyncio.to_thread(int)
        return asyncio.get_running_loop()

    assert ours.run(main()).is_closed()
    gc.collect()
    assert threading.active_count() == before


def test_runner_keeps_loop_and_context_between_runs(ours):
    variable = contextvars.ContextVar("variable", default=0)

    async def count():
        variable.set(variable.get() + 1)
        return variable.get()

    with ours.Runner() as runner:
        loop = runner.get_loop()
        assert type(loop) is ours.Loop
        assert [runner.run(count()) for _ in range(3)] == [1, 2, 3]
        assert runner.get_loop() is loop
    assert loop.is_closed()
    assert variable.get() == 0


def test_runner_takes_asyncios_arguments(ours):
    assert issubclass(ours.Runner, asyncio.Runner)
    with ours.Runner(debug=True) as runner:
        assert runner.get_loop().get_debug()
    with ours.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        assert type(runner.get_loop()) is asyncio.SelectorEventLoop


def test_closed_runner_fails_as_asyncios(ours):
    def use_after_close(runner):
        with runner:
            runner.get_loop()
        return describe_failure(runner.get_loop)

    expected = use_after_close(asyncio.Runner(loop_factory=asyncio.SelectorEventLoop))
    assert use_after_close(ours.Runner()) == expected == (RuntimeError, "Runner is closed")


def test_current_loop_is_reset(ours):
    ours.run(describe())
    with pytest.raises(RuntimeError, match="no current event loop"):
        asyncio.get_event_loop()
