"""What happens when SystemExit or KeyboardInterrupt leaves a callback or a task?"""

import asyncio
import gc
import os
import signal
import threading

import pytest

pytestmark = pytest.mark.parametrize("fatal", [SystemExit, KeyboardInterrupt])


def raiser(exception):
    def callback(*_):
        raise exception("text")

    return callback


def test_it_leaves_run_forever(loop, fatal):
    loop.call_soon(raiser(fatal))
    with pytest.raises(fatal) as raised:
        loop.run_forever()
    assert raised.value.args == ("text",)


def test_the_loop_is_neither_running_nor_closed_afterwards(loop, fatal):
    loop.call_soon(raiser(fatal))
    with pytest.raises(fatal):
        loop.run_forever()
    assert not loop.is_running()
    assert not loop.is_closed()
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()
    assert loop.run_until_complete(asyncio.sleep(0, "runs again")) == "runs again"


def test_the_remaining_callbacks_stay_for_the_next_run(loop, turn, fatal):
    seen = []
    loop.call_soon(seen.append, 1)
    loop.call_soon(raiser(fatal))
    loop.call_soon(seen.append, 2)
    loop.call_later(0, seen.append, 3)
    with pytest.raises(fatal):
        loop.run_forever()
    assert seen == [1]
    turn()
    assert seen == [1, 2, 3]


def test_it_leaves_from_a_timer(loop, fatal):
    loop.call_later(0, raiser(fatal))
    with pytest.raises(fatal):
        loop.run_forever()


def test_it_leaves_from_a_call_of_another_thread(loop, fatal):
    thread = threading.Thread(target=loop.call_soon_threadsafe, args=(raiser(fatal),))
    loop.call_soon(thread.start)
    with pytest.raises(fatal):
        loop.run_forever()
    thread.join()


def test_it_leaves_from_a_done_callback(loop, fatal):
    seen = []
    future = loop.create_future()
    future.add_done_callback(raiser(fatal))
    future.add_done_callback(seen.append)
    future.set_result(None)
    with pytest.raises(fatal):
        loop.run_forever()
    assert seen == []
    loop.run_until_complete(asyncio.sleep(0))
    assert seen == [future]


def test_nothing_is_reported(loop, turn, reported, logged, fatal):
    loop.call_soon(raiser(fatal))
    with pytest.raises(fatal):
        loop.run_forever()
    assert reported == []
    assert logged.take() == []


def test_a_stop_of_the_same_turn_does_not_reach_the_next_run(loop, fatal):
    loop.call_soon(loop.stop)
    loop.call_soon(raiser(fatal))
    with pytest.raises(fatal):
        loop.run_forever()
    seen = []

    def second_iteration():
        seen.append("second iteration")
        loop.stop()

    loop.call_soon(loop.call_soon, second_iteration)
    loop.run_forever()
    assert seen == ["second iteration"]


def test_a_task_passes_it_on_and_keeps_it(loop, turn, fatal):
    async def main():
        await asyncio.sleep(0)
        raise fatal("text")

    task = loop.create_task(main())
    with pytest.raises(fatal) as raised:
        loop.run_forever()
    assert task.done() and not task.cancelled()
    assert task.exception() is raised.value


def test_run_until_complete_of_a_coroutine_leaves_no_message(loop, logged, fatal):
    async def main():
        await asyncio.sleep(0)
        raise fatal("text")

    with pytest.raises(fatal):
        loop.run_until_complete(main())
    gc.collect()
    assert logged.take() == []


def test_the_awaiter_gets_it_in_the_next_run(loop, fatal):
    async def child():
        raise fatal("text")

    async def parent():
        try:
            await loop.create_task(child())
        except fatal as error:
            return error.args

    task = loop.create_task(parent())
    with pytest.raises(fatal):
        loop.run_until_complete(task)
    assert not task.done()
    assert loop.run_until_complete(task) == ("text",)


def test_a_task_that_catches_it_goes_on(loop, run, fatal):
    async def main():
        try:
            raise fatal
        except fatal:
            await asyncio.sleep(0)
        return "went on"

    assert run(main()) == "went on"


def test_a_signal_ends_a_loop_that_waits_for_ever(loop, fatal):
    def handler(number, frame):
        raise fatal("from the signal handler")

    previous = signal.signal(signal.SIGINT, handler)
    try:
        thread = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT))
        loop.call_soon(thread.start)
        with pytest.raises(fatal) as raised:
            loop.run_forever()
        thread.join()
    finally:
        signal.signal(signal.SIGINT, previous)
    assert raised.value.args == ("from the signal handler",)
    assert not loop.is_running()
