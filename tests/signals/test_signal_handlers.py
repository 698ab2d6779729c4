"""loop.add_signal_handler and remove_signal_handler."""

import asyncio
import contextlib
import os
import signal
import socket
import threading

import pytest


@pytest.fixture(autouse=True)
def handlers_are_restored():
    """Fails a test that leaves a signal disposition behind."""
    used = (signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in used}
    yield
    after = {number: signal.getsignal(number) for number in used}
    for number, handler in before.items():
        signal.signal(number, handler)
    assert after == before


def raise_signal(number):
    os.kill(os.getpid(), number)


def test_handler_is_called_with_its_arguments(run, loop):
    async def main():
        called = loop.create_future()
        assert (
            loop.add_signal_handler(signal.SIGUSR1, lambda *args: called.set_result(args), 1, "two")
            is None
        )
        raise_signal(signal.SIGUSR1)
        assert await called == (1, "two")
        assert loop.remove_signal_handler(signal.SIGUSR1) is True

    run(main())


def test_handler_runs_in_the_loop(run, loop):
    async def main():
        called = loop.create_future()

        def handler():
            called.set_result((asyncio.get_running_loop(), threading.current_thread()))

        loop.add_signal_handler(signal.SIGUSR1, handler)
        raise_signal(signal.SIGUSR1)
        assert not called.done()
        assert await called == (loop, threading.main_thread())
        loop.remove_signal_handler(signal.SIGUSR1)

    run(main())


def test_signal_wakes_a_loop_that_sleeps(run, loop):
    async def main():
        called = asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR1, called.set)
        entered = threading.Event()
        loop.call_soon(entered.set)

        def send():
            assert entered.wait(10)
            raise_signal(signal.SIGUSR1)

        sender = threading.Thread(target=send)
        sender.start()
        # Only the signal can end this wait before the deadline does.
        await called.wait()
        sender.join()
        loop.remove_signal_handler(signal.SIGUSR1)

    run(main())


def test_each_signal_has_its_own_handler(run, loop):
    async def main():
        order = []
        done = asyncio.Event()

        def note(name):
            order.append(name)
            if len(order) == 2:
                done.set()

        loop.add_signal_handler(signal.SIGUSR1, note, "one")
        loop.add_signal_handler(signal.SIGUSR2, note, "two")
        raise_signal(signal.SIGUSR1)
        raise_signal(signal.SIGUSR2)
        await done.wait()
        assert sorted(order) == ["one", "two"]
        assert loop.remove_signal_handler(signal.SIGUSR1) is True
        assert loop.remove_signal_handler(signal.SIGUSR2) is True

    run(main())


def test_signals_repeat(run, loop):
    async def main():
        count = 0
        arrived = asyncio.Event()

        def handler():
            nonlocal count
            count += 1
            arrived.set()

        loop.add_signal_handler(signal.SIGUSR1, handler)
        for expected in range(1, 6):
            raise_signal(signal.SIGUSR1)
            await arrived.wait()
            arrived.clear()
            assert count == expected
        loop.remove_signal_handler(signal.SIGUSR1)

    run(main())


def test_adding_again_replaces_the_handler(run, loop):
    async def main():
        calls = []
        done = asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR1, calls.append, "first")
        loop.add_signal_handler(signal.SIGUSR1, lambda: (calls.append("second"), done.set()))
        raise_signal(signal.SIGUSR1)
        await done.wait()
        assert calls == ["second"]
        assert loop.remove_signal_handler(signal.SIGUSR1) is True
        assert loop.remove_signal_handler(signal.SIGUSR1) is False

    run(main())


def test_handler_may_remove_itself(run, loop):
    async def main():
        removed = loop.create_future()

        def handler():
            removed.set_result(loop.remove_signal_handler(signal.SIGUSR1))

        loop.add_signal_handler(signal.SIGUSR1, handler)
        raise_signal(signal.SIGUSR1)
        assert await removed is True
        assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL

    run(main())


def test_removing_restores_the_default(loop):
    loop.add_signal_handler(signal.SIGTERM, print)
    assert signal.getsignal(signal.SIGTERM) not in (signal.SIG_DFL, None)
    loop.remove_signal_handler(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_removing_sigint_restores_keyboard_interrupt(loop):
    loop.add_signal_handler(signal.SIGINT, print)
    assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    loop.remove_signal_handler(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_closing_the_loop_removes_the_handlers(loop):
    loop.add_signal_handler(signal.SIGUSR1, print)
    loop.add_signal_handler(signal.SIGINT, print)
    loop.close()
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_failing_handler_is_reported_and_stays(run, loop, reported):
    def handler():
        raise ArithmeticError("in the handler")

    async def main():
        loop.add_signal_handler(signal.SIGUSR1, handler)
        for _ in range(2):
            raise_signal(signal.SIGUSR1)
            while not reported:
                await asyncio.sleep(0)
            assert str(reported.take_one()["exception"]) == "in the handler"
        assert loop.remove_signal_handler(signal.SIGUSR1) is True

    run(main())


def test_handler_that_stops_the_loop(loop):
    loop.add_signal_handler(signal.SIGTERM, loop.stop)
    loop.call_soon(raise_signal, signal.SIGTERM)
    loop.run_forever()
    assert loop.remove_signal_handler(signal.SIGTERM) is True


def test_signal_between_two_runs_reaches_the_next(loop, run):
    calls = []
    loop.add_signal_handler(signal.SIGUSR1, calls.append, "called")
    raise_signal(signal.SIGUSR1)
    assert calls == []

    async def main():
        while not calls:
            await asyncio.sleep(0)

    run(main())
    assert calls == ["called"]
    loop.remove_signal_handler(signal.SIGUSR1)


def test_system_call_interrupted_by_a_signal_goes_on(run, loop):
    async def main():
        hits = []
        loop.add_signal_handler(signal.SIGUSR1, hits.append, None)
        release = threading.Event()

        def pester():
            while not release.is_set():
                raise_signal(signal.SIGUSR1)
                release.wait(0.001)

        thread = threading.Thread(target=pester)
        thread.start()
        started = loop.time()
        await asyncio.sleep(0.1)
        assert loop.time() - started >= 0.1
        release.set()
        await loop.run_in_executor(None, thread.join)
        assert len(hits) > 1
        loop.remove_signal_handler(signal.SIGUSR1)

    run(main())


def test_a_wakeup_descriptor_that_somebody_set_meanwhile_is_kept(run, loop):
    reader, writer = socket.socketpair()
    with reader, writer:
        writer.setblocking(False)

        async def main():
            assert signal.set_wakeup_fd(writer.fileno()) != -1

        loop.add_signal_handler(signal.SIGUSR1, lambda: None)
        run(main())
        assert signal.set_wakeup_fd(-1) == writer.fileno()
        loop.remove_signal_handler(signal.SIGUSR1)


def test_signals_that_arrive_together(run, loop):
    async def main():
        arrived = []
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            loop.add_signal_handler(number, arrived.append, number)
        with blocked(signal.SIGUSR1, signal.SIGUSR2):
            for _ in range(3):
                raise_signal(signal.SIGUSR1)
                raise_signal(signal.SIGUSR2)
        while len(arrived) < 2:
            await asyncio.sleep(0)
        # The system keeps one of each kind.
        assert sorted(arrived) == [signal.SIGUSR1, signal.SIGUSR2]
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            loop.remove_signal_handler(number)

    run(main())


@contextlib.contextmanager
def blocked(*numbers):
    """The system holds these signals back meanwhile."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_a_wakeup_descriptor_of_the_program_keeps_its_bytes(loop):
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        far.setblocking(False)
        before = signal.getsignal(signal.SIGUSR1)
        signal.signal(signal.SIGUSR1, lambda *_: None)
        signal.set_wakeup_fd(far.fileno())
        try:
            received = []

            def read():
                received.append(near.recv(100))
                loop.stop()

            loop.add_reader(near, read)
            loop.call_soon(raise_signal, signal.SIGUSR1)
            loop.run_forever()
            assert received == [bytes([signal.SIGUSR1])]
            loop.remove_reader(near)
        finally:
            assert signal.set_wakeup_fd(-1) == far.fileno()
            signal.signal(signal.SIGUSR1, before)


def test_what_a_handler_raises_ends_a_wait_beside_such_a_descriptor(loop):
    class Interrupted(Exception):
        pass

    def handler(*_):
        raise Interrupted

    near, far = socket.socketpair()
    with near, far:
        far.setblocking(False)
        before = signal.getsignal(signal.SIGUSR1)
        signal.signal(signal.SIGUSR1, handler)
        signal.set_wakeup_fd(far.fileno())
        main = threading.main_thread().ident
        sender = threading.Timer(0.05, signal.pthread_kill, (main, signal.SIGUSR1))
        try:
            sender.start()
            with pytest.raises(Interrupted):
                loop.run_forever()
        finally:
            sender.join()
            assert signal.set_wakeup_fd(-1) == far.fileno()
            signal.signal(signal.SIGUSR1, before)
