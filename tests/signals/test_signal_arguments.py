"""Which signals and callbacks add_signal_handler refuses, and how."""

import asyncio
import signal
import threading

import pytest


@pytest.mark.parametrize("number", [0, -1, 1000])
def test_invalid_signal_number(loop, number):
    for call in (
        lambda: loop.add_signal_handler(number, print),
        lambda: loop.remove_signal_handler(number),
    ):
        with pytest.raises(ValueError) as info:
            call()
        assert str(info.value) == f"invalid signal number {number}"


@pytest.mark.parametrize("number", ["SIGINT", None, 1.5])
def test_signal_must_be_a_number(loop, number):
    for call in (
        lambda: loop.add_signal_handler(number, print),
        lambda: loop.remove_signal_handler(number),
    ):
        with pytest.raises(TypeError) as info:
            call()
        assert str(info.value) == f"sig must be an int, not {number!r}"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_signal_that_nobody_can_catch(loop, number):
    with pytest.raises(RuntimeError) as info:
        loop.add_signal_handler(number, print)
    assert str(info.value) == f"sig {number} cannot be caught"
    assert loop.remove_signal_handler(number) is False


def test_coroutine_function_is_refused(loop):
    async def handler():
        return None

    with pytest.raises(TypeError) as info:
        loop.add_signal_handler(signal.SIGUSR1, handler)
    assert str(info.value) == "coroutines cannot be used with add_signal_handler()"
    coroutine = handler()
    with pytest.raises(TypeError, match="^coroutines cannot be used with add_signal_handler"):
        loop.add_signal_handler(signal.SIGUSR1, coroutine)
    coroutine.close()
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL


def test_removing_what_was_never_added(loop):
    assert loop.remove_signal_handler(signal.SIGUSR1) is False


def test_closed_loop(loop):
    loop.close()
    with pytest.raises(RuntimeError, match="^Event loop is closed$"):
        loop.add_signal_handler(signal.SIGUSR1, print)
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL


def test_only_the_main_thread_may_add_handlers(loop_factory):
    caught = []

    def in_thread():
        loop = loop_factory()
        try:
            loop.add_signal_handler(signal.SIGUSR1, print)
        except RuntimeError as exc:
            caught.append(str(exc))
        finally:
            loop.close()

    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join(10)
    assert len(caught) == 1
    assert caught[0].startswith("set_wakeup_fd only works in main thread")
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL


def test_a_loop_in_a_thread_leaves_the_main_threads_signals_alone(run, loop, loop_factory):
    def whole_life():
        other = loop_factory()
        other.run_until_complete(asyncio.sleep(0))
        other.close()

    async def main():
        called = asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR1, called.set)
        await asyncio.to_thread(whole_life)
        signal.raise_signal(signal.SIGUSR1)
        await called.wait()
        assert loop.remove_signal_handler(signal.SIGUSR1) is True

    run(main())


def test_wakeup_descriptor_is_given_back(loop):
    loop.add_signal_handler(signal.SIGUSR1, print)
    loop.run_until_complete(asyncio.sleep(0))
    loop.remove_signal_handler(signal.SIGUSR1)
    loop.close()
    assert signal.set_wakeup_fd(-1) == -1
