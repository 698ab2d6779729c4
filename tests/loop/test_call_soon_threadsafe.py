"""What may other threads do, and does the loop wake up for it?"""

import contextvars
import threading

import pytest


def in_threads(*targets):
    """Runs every target in a thread of its own and waits for all of them."""
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def test_a_call_from_another_thread_wakes_a_loop_that_waits_for_ever(loop):
    seen = []

    def finish(value):
        seen.append((value, threading.get_ident()))
        loop.stop()

    thread = threading.Thread(target=loop.call_soon_threadsafe, args=(finish, "value"))
    loop.call_soon(thread.start)
    loop.run_forever()
    thread.join()
    assert seen == [("value", threading.get_ident())]


def test_a_call_from_another_thread_wakes_a_loop_that_waits_for_a_timer(loop):
    timer = loop.call_later(3600, print)
    thread = threading.Thread(target=loop.call_soon_threadsafe, args=(loop.stop,))
    loop.call_soon(thread.start)
    loop.run_forever()
    thread.join()
    timer.cancel()


def test_each_wake_up_works_not_only_the_first(loop):
    rounds = 300
    replies = []
    ready = threading.Semaphore(0)

    def reply(number):
        replies.append(number)
        ready.release()

    def ask():
        for number in range(rounds):
            loop.call_soon_threadsafe(reply, number)
            # Waiting for each reply makes the loop fall asleep before the next call.
            if not ready.acquire(timeout=10):
                break
        loop.call_soon_threadsafe(loop.stop)

    thread = threading.Thread(target=ask)
    loop.call_soon(thread.start)
    loop.run_forever()
    thread.join()
    assert replies == list(range(rounds))


def test_many_threads_lose_nothing_and_keep_their_own_order(loop):
    threads, calls = 16, 500
    seen = []
    left = threads * calls

    def record(thread, number):
        nonlocal left
        seen.append((thread, number))
        left -= 1
        if left == 0:
            loop.stop()

    def call(thread):
        for number in range(calls):
            loop.call_soon_threadsafe(record, thread, number)

    workers = [threading.Thread(target=call, args=(number,)) for number in range(threads)]
    for worker in workers:
        loop.call_soon(worker.start)
    loop.run_forever()
    for worker in workers:
        worker.join()
    assert len(seen) == threads * calls
    for thread in range(threads):
        assert [number for owner, number in seen if owner == thread] == list(range(calls))


def test_calls_made_before_the_loop_runs_are_kept(loop, turn):
    seen = []
    in_threads(lambda: [loop.call_soon_threadsafe(seen.append, number) for number in range(5)])
    assert seen == []
    turn()
    assert seen == [0, 1, 2, 3, 4]


def test_from_its_own_thread_it_keeps_the_order_with_call_soon(loop, turn):
    seen = []
    loop.call_soon(seen.append, 1)
    loop.call_soon_threadsafe(seen.append, 2)
    loop.call_soon(seen.append, 3)
    loop.call_soon_threadsafe(seen.append, 4)
    turn()
    assert seen == [1, 2, 3, 4]


def test_from_a_callback_it_runs_in_the_next_turn(loop, turn):
    seen = []
    loop.call_soon(loop.call_soon_threadsafe, seen.append, "next iteration")
    turn()
    assert seen == []
    turn()
    assert seen == ["next iteration"]


def test_the_handle_cancels_the_call(loop, turn):
    seen = []
    handle = loop.call_soon_threadsafe(seen.append, 1)
    loop.call_soon_threadsafe(seen.append, 2)
    assert not handle.cancelled()
    handle.cancel()
    assert handle.cancelled()
    turn()
    assert seen == [2]


def test_a_handle_made_in_another_thread_cancels_the_call(loop, turn):
    seen, handles = [], []
    in_threads(lambda: handles.append(loop.call_soon_threadsafe(seen.append, 1)))
    handles[0].cancel()
    turn()
    assert seen == []


def test_a_failing_call_is_reported(loop, turn, reported):
    in_threads(lambda: loop.call_soon_threadsafe(lambda: 1 / 0))
    turn()
    assert isinstance(reported.take_one()["exception"], ZeroDivisionError)


def test_a_closed_loop_refuses_calls_from_other_threads(loop):
    loop.close()
    refused = []

    def call():
        with pytest.raises(RuntimeError) as raised:
            loop.call_soon_threadsafe(print)
        refused.append(str(raised.value))

    in_threads(call)
    assert refused == ["Event loop is closed"]


def test_closing_while_other_threads_call_ends_in_the_error_and_nothing_worse(new_loop):
    for _ in range(20):
        loop = new_loop()
        called = threading.Event()
        errors = []

        def call(loop=loop, called=called, errors=errors):
            try:
                while True:
                    loop.call_soon_threadsafe(int)
                    called.set()
            except RuntimeError as error:
                errors.append(str(error))

        thread = threading.Thread(target=call)
        thread.start()
        assert called.wait(10)
        loop.stop()
        loop.run_forever()
        loop.close()
        thread.join(10)
        assert not thread.is_alive()
        assert errors == ["Event loop is closed"]


def test_a_call_runs_in_the_context_it_was_made_in(loop, turn):
    variable = contextvars.ContextVar("variable", default="default")
    seen = []

    def call():
        variable.set("of the thread")
        loop.call_soon_threadsafe(lambda: seen.append(variable.get()))

    in_threads(call)
    turn()
    assert seen == ["of the thread"]
    assert variable.get() == "default"


def test_loops_of_two_threads_talk_to_each_other(loop, new_loop):
    other = new_loop()
    seen = []

    def ping(number):
        seen.append(("ping", threading.get_ident()))
        loop.call_soon_threadsafe(pong, number)

    def pong(number):
        seen.append(("pong", threading.get_ident()))
        if number == 100:
            other.call_soon_threadsafe(other.stop)
            loop.stop()
        else:
            other.call_soon_threadsafe(ping, number + 1)

    thread = threading.Thread(target=other.run_forever)
    thread.start()
    other.call_soon_threadsafe(ping, 1)
    loop.run_forever()
    thread.join(10)
    assert [word for word, _ in seen] == ["ping", "pong"] * 100
    assert dict(seen) == {
        "ping": thread.ident,
        "pong": threading.get_ident(),
    }
