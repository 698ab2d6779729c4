"""The handles of ``call_soon_threadsafe()``, which lock (Python 3.14)."""

import asyncio
import sys
import threading
from asyncio import events

import pytest

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 14), reason="these handles came with Python 3.14"
)


@pytest.fixture
def other_thread():
    """Runs functions in a thread of its own; each has to have ended after the test."""
    threads = []

    def start(target):
        threads.append(threading.Thread(target=target))
        threads[-1].start()
        return threads[-1]

    yield start
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def test_they_are_handles_of_their_own_kind(loop):
    handle = loop.call_soon_threadsafe(print)
    assert isinstance(handle, asyncio.Handle)
    assert isinstance(handle, events._ThreadSafeHandle)
    assert not isinstance(loop.call_soon(print), events._ThreadSafeHandle)
    assert repr(handle) == "<_ThreadSafeHandle print()>"
    handle.cancel()
    assert handle.cancelled()
    assert repr(handle) == "<_ThreadSafeHandle cancelled>"


def test_what_was_called_off_is_not_called(loop, turn):
    called = []
    handle = loop.call_soon_threadsafe(called.append, "called")
    handle.cancel()
    turn()
    assert called == []


def test_they_run_in_their_context_and_report_what_is_raised(loop, turn, reported):
    def fail(text):
        raise ValueError(text)

    handle = loop.call_soon_threadsafe(fail, "text")
    turn()
    context = reported.take_one()
    assert context["handle"] is handle
    assert str(context["exception"]) == "text"
    assert context["message"].startswith("Exception in callback ")


@pytest.mark.parametrize("ask", ["cancelled", "cancel"])
def test_another_thread_waits_until_the_callback_has_ended(loop, other_thread, ask):
    running, asking = threading.Event(), threading.Event()
    order = []

    def callback():
        running.set()
        assert asking.wait(10)
        order.append("callback")
        loop.stop()

    def from_outside():
        handle = loop.call_soon_threadsafe(callback)
        assert running.wait(10)
        asking.set()
        answer = getattr(handle, ask)()
        order.append((ask, answer))

    thread = other_thread(from_outside)
    loop.run_forever()
    thread.join(10)
    assert order == ["callback", (ask, False if ask == "cancelled" else None)]


def test_a_callback_can_call_itself_off_and_goes_on(loop):
    handles, called = [], []

    def callback():
        handles[0].cancel()
        called.append(handles[0].cancelled())
        loop.stop()

    handles.append(loop.call_soon_threadsafe(callback))
    loop.run_forever()
    assert called == [True]
