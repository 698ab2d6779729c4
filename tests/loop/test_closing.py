"""What does a closed loop refuse, release and still answer?"""

import asyncio
import gc
import warnings
import weakref

import pytest


async def nothing():
    pass


def test_a_loop_can_be_closed_twice(loop):
    assert not loop.is_closed()
    assert loop.close() is None
    assert loop.is_closed()
    assert loop.close() is None
    assert loop.is_closed()


@pytest.mark.parametrize(
    "use",
    [
        lambda loop: loop.call_soon(print),
        lambda loop: loop.call_soon_threadsafe(print),
        lambda loop: loop.call_later(1, print),
        lambda loop: loop.call_at(1, print),
        lambda loop: loop.run_in_executor(None, print),
        lambda loop: loop.run_forever(),
        lambda loop: loop.run_until_complete(loop.create_future()),
    ],
    ids=[
        "call_soon",
        "call_soon_threadsafe",
        "call_later",
        "call_at",
        "run_in_executor",
        "run_forever",
        "run_until_complete",
    ],
)
def test_a_closed_loop_refuses_work(loop, use):
    loop.close()
    with pytest.raises(RuntimeError) as raised:
        use(loop)
    assert str(raised.value) == "Event loop is closed"


def test_a_closed_loop_refuses_tasks(loop):
    loop.close()
    coroutine = nothing()
    with pytest.raises(RuntimeError) as raised:
        loop.create_task(coroutine)
    assert str(raised.value) == "Event loop is closed"
    coroutine.close()


def test_a_closed_loop_still_answers(loop):
    loop.close()
    assert not loop.is_running()
    assert loop.time() > 0
    assert loop.get_debug() is False
    assert loop.create_future().get_loop() is loop
    assert "closed=True" in repr(loop)


def test_a_future_of_a_closed_loop_cannot_tell_its_callbacks(loop):
    future = loop.create_future()
    future.add_done_callback(print)
    loop.close()
    with pytest.raises(RuntimeError) as raised:
        future.set_result(1)
    assert str(raised.value) == "Event loop is closed"


def test_a_future_of_a_closed_loop_without_callbacks_takes_its_result(loop):
    future = loop.create_future()
    loop.close()
    future.set_result(1)
    assert future.result() == 1


def test_a_running_loop_cannot_be_closed(loop, turn, reported):
    loop.call_soon(loop.close)
    turn()
    exception = reported.take_one()["exception"]
    assert type(exception) is RuntimeError
    assert str(exception) == "Cannot close a running event loop"
    assert not loop.is_closed()


def test_closing_releases_what_was_scheduled(loop):
    class Callback:
        def __call__(self):
            raise AssertionError("ran although the loop was closed")

    soon, later, threadsafe = Callback(), Callback(), Callback()
    released = [weakref.ref(callback) for callback in (soon, later, threadsafe)]
    loop.call_soon(soon)
    loop.call_later(3600, later)
    loop.call_soon_threadsafe(threadsafe)
    del soon, later, threadsafe
    loop.close()
    gc.collect()
    assert [reference() for reference in released] == [None, None, None]


def test_handles_outlive_their_loop(loop):
    handle = loop.call_soon(print)
    timer = loop.call_later(3600, print)
    loop.close()
    handle.cancel()
    timer.cancel()
    assert handle.cancelled() and timer.cancelled()


def test_a_loop_dropped_without_closing_warns_and_is_closed(loop_factory):
    unclosed = loop_factory()
    text = f"unclosed event loop {unclosed!r}"
    with pytest.warns(ResourceWarning) as warned:
        del unclosed
        gc.collect()
    assert [str(warning.message) for warning in warned] == [text]


def test_a_closed_loop_is_collected_without_a_warning(loop_factory):
    loop = loop_factory()
    loop.run_until_complete(nothing())
    loop.close()
    collected = weakref.ref(loop)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del loop
        gc.collect()
    assert collected() is None


def test_a_loop_in_a_reference_cycle_is_collected(loop_factory):
    def make():
        loop = loop_factory()
        loop.call_soon(lambda: loop)
        loop.call_later(3600, lambda: loop)
        loop.create_future().add_done_callback(lambda _: loop)
        loop.close()
        return weakref.ref(loop)

    collected = make()
    gc.collect()
    assert collected() is None


def test_many_loops_can_exist_at_once(new_loop):
    loops = [new_loop() for _ in range(20)]
    results = [
        loop.run_until_complete(asyncio.sleep(0, number)) for number, loop in enumerate(loops)
    ]
    assert results == list(range(20))


def test_repr_names_the_class_and_the_state(loop):
    name = type(loop).__name__
    assert repr(loop) == f"<{name} running=False closed=False debug=False>"
    seen = []
    loop.call_soon(lambda: seen.append(repr(loop)))
    loop.set_debug(True)
    loop.stop()
    loop.run_forever()
    assert seen == [f"<{name} running=True closed=False debug=True>"]
    loop.set_debug(False)
    loop.close()
    assert repr(loop) == f"<{name} running=False closed=True debug=False>"


def test_a_loop_is_an_abstract_event_loop(loop):
    assert isinstance(loop, asyncio.AbstractEventLoop)
