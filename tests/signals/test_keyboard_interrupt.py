"""Ctrl-C while a loop works or sleeps: what is cancelled, what is raised, when."""

import os
import re
import signal
import subprocess
import sys
import textwrap

import pytest

# The program says "ready" when it wants the signal; the exit status tells how it ended.
START = """
    import asyncio, importlib, os, signal, sys, threading, time
    loops = importlib.import_module(sys.argv[1])

    def ready():
        print("ready", flush=True)
"""


@pytest.fixture
def interrupt(kind):
    """Runs a program, sends a signal at its first line of output, returns how it ended."""

    def run_and_interrupt(source, number=signal.SIGINT):
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(START) + textwrap.dedent(source), kind],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        try:
            assert child.stdout.readline() == "ready\n", child.stderr.read()
            child.send_signal(number)
            output, errors = child.communicate(timeout=15)
        finally:
            if child.poll() is None:
                child.kill()
                child.communicate()
        return child.returncode, output, errors

    return run_and_interrupt


def test_main_task_of_run_is_cancelled_and_keyboard_interrupt_raised(interrupt):
    status, output, errors = interrupt(
        """
        async def main():
            asyncio.get_running_loop().call_soon(ready)
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                print("cancelled")
                raise
            finally:
                print("cleaned up")

        try:
            loops.run(main())
        except KeyboardInterrupt as exc:
            print("KeyboardInterrupt", type(exc.__cause__ or exc.__context__).__name__)
        """
    )
    assert errors == ""
    assert output.splitlines() == ["cancelled", "cleaned up", "KeyboardInterrupt CancelledError"]
    assert status == 0


def test_unhandled_interrupt_ends_the_process_by_the_signal(interrupt):
    status, output, errors = interrupt(
        """
        async def main():
            asyncio.get_running_loop().call_soon(ready)
            await asyncio.sleep(3600)

        loops.run(main())
        """
    )
    assert status == -signal.SIGINT
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert "in main" in errors
    assert output == ""


def test_interrupt_is_seen_at_once_during_a_blocking_poll(interrupt):
    status, output, _ = interrupt(
        """
        async def main():
            asyncio.get_running_loop().call_soon(ready)
            await asyncio.get_running_loop().create_future()

        started = time.monotonic()
        try:
            loops.run(main())
        except KeyboardInterrupt:
            print("prompt" if time.monotonic() - started < 10 else "late")
        """
    )
    assert (status, output) == (0, "prompt\n")


def test_swallowed_cancellation_lets_run_return(interrupt):
    status, output, errors = interrupt(
        """
        async def main():
            asyncio.get_running_loop().call_soon(ready)
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                return "finished all the same"

        print(loops.run(main()))
        """
    )
    assert errors == ""
    assert (status, output) == (0, "finished all the same\n")


def test_second_interrupt_is_raised_at_once(interrupt):
    status, output, _ = interrupt(
        """
        async def main():
            asyncio.get_running_loop().call_soon(ready)
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                print("cancelled once")
                os.kill(os.getpid(), signal.SIGINT)
                while True:
                    time.sleep(0)

        try:
            loops.run(main())
        except KeyboardInterrupt:
            print("interrupted")
        """
    )
    assert (status, output) == (0, "cancelled once\ninterrupted\n")


def test_interrupt_in_a_busy_callback(interrupt):
    status, output, _ = interrupt(
        """
        async def main():
            ready()
            while True:
                await asyncio.sleep(0)

        try:
            loops.run(main())
        except KeyboardInterrupt:
            print("interrupted")
        """
    )
    assert (status, output) == (0, "interrupted\n")


@pytest.mark.parametrize("sleeping", [True, False], ids=["sleeping", "busy"])
def test_interrupt_leaves_run_forever_and_the_loop_stays_usable(interrupt, sleeping):
    status, output, errors = interrupt(
        f"""
        loop = loops.new_event_loop()

        def again():
            loop.call_soon(again)

        loop.call_soon(ready)
        if not {sleeping}:
            loop.call_soon(again)
        try:
            loop.run_forever()
        except KeyboardInterrupt:
            print("interrupted", loop.is_running(), loop.is_closed())
        again = lambda: None
        print(loop.run_until_complete(asyncio.sleep(0, "usable")))
        loop.close()
        """
    )
    assert errors == ""
    assert output.splitlines() == ["interrupted False False", "usable"]
    assert status == 0


def test_interrupt_while_a_thread_works(interrupt):
    status, output, _ = interrupt(
        """
        release = threading.Event()

        async def main():
            loop = asyncio.get_running_loop()
            waiting = loop.run_in_executor(None, release.wait, 10)
            loop.call_soon(ready)
            try:
                await waiting
            finally:
                release.set()

        try:
            loops.run(main())
        except KeyboardInterrupt:
            print("interrupted")
        """
    )
    assert (status, output) == (0, "interrupted\n")


def test_own_sigint_handler_takes_the_place_of_keyboard_interrupt(interrupt):
    status, output, errors = interrupt(
        """
        async def main():
            loop = asyncio.get_running_loop()
            asked = asyncio.Event()
            loop.add_signal_handler(signal.SIGINT, asked.set)
            loop.call_soon(ready)
            await asked.wait()
            print("asked to stop")

        loops.run(main())
        """
    )
    assert errors == ""
    assert (status, output) == (0, "asked to stop\n")


def test_sigterm_handler_in_a_sleeping_loop(interrupt):
    status, output, errors = interrupt(
        """
        async def main():
            loop = asyncio.get_running_loop()
            asked = asyncio.Event()
            loop.add_signal_handler(signal.SIGTERM, asked.set)
            loop.call_soon(ready)
            await asked.wait()
            print("terminating")

        loops.run(main())
        """,
        signal.SIGTERM,
    )
    assert errors == ""
    assert (status, output) == (0, "terminating\n")


def test_plain_signal_handler_runs_while_the_loop_sleeps(interrupt):
    status, output, errors = interrupt(
        """
        async def main():
            loop = asyncio.get_running_loop()
            asked = loop.create_future()

            def handler(number, frame):
                print("handled", signal.Signals(number).name)
                loop.call_soon_threadsafe(asked.set_result, None)

            signal.signal(signal.SIGUSR1, handler)
            loop.call_soon(ready)
            await asked

        loops.run(main())
        """,
        signal.SIGUSR1,
    )
    assert errors == ""
    assert (status, output) == (0, "handled SIGUSR1\n")


def test_exception_of_a_plain_signal_handler_leaves_the_loop(interrupt):
    status, output, errors = interrupt(
        """
        # Of what a callback raises only the two kinds that end a program leave the loop,
        # and the signal may well arrive in the callback that asked for it.
        class Enough(SystemExit):
            pass

        def handler(number, frame):
            raise Enough

        signal.signal(signal.SIGUSR1, handler)
        loop = loops.new_event_loop()
        loop.call_soon(ready)
        try:
            loop.run_forever()
        except Enough:
            print("left", loop.is_running())
        loop.close()
        """,
        signal.SIGUSR1,
    )
    assert errors == ""
    assert (status, output) == (0, "left False\n")


def test_traceback_of_an_unhandled_interrupt_names_the_program(interrupt):
    status, _, errors = interrupt(
        """
        async def main():
            asyncio.get_running_loop().call_soon(ready)
            await asyncio.sleep(3600)

        loops.run(main())
        """
    )
    assert status == -signal.SIGINT
    assert re.search(r'File "<string>", line \d+, in <module>', errors)


def test_interrupt_while_waiting_for_a_child(interrupt):
    status, output, errors = interrupt(
        """
        async def main():
            process = await asyncio.create_subprocess_exec("/bin/cat", stdin=-1)
            asyncio.get_running_loop().call_soon(ready)
            try:
                await process.wait()
            except asyncio.CancelledError:
                process.terminate()
                print(await process.wait())
                raise

        try:
            loops.run(main())
        except KeyboardInterrupt:
            print("KeyboardInterrupt")
        """
    )
    assert (status, output, errors) == (0, "-15\nKeyboardInterrupt\n", "")


def test_a_runner_goes_on_after_an_interrupt(interrupt):
    status, output, errors = interrupt(
        """
        async def wait():
            asyncio.get_running_loop().call_soon(ready)
            await asyncio.get_running_loop().create_future()

        with loops.Runner() as runner:
            try:
                runner.run(wait())
            except KeyboardInterrupt:
                print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
            print(runner.run(asyncio.sleep(0, "goes on")))
        """
    )
    assert (status, output, errors) == (0, "True\ngoes on\n", "")


def test_a_runner_leaves_a_handler_alone_that_was_set_meanwhile(interrupt):
    status, output, errors = interrupt(
        """
        async def main():
            done = asyncio.Event()
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGINT, done.set)
            loop.call_soon(ready)
            await done.wait()
            return signal.getsignal(signal.SIGINT)

        with loops.Runner() as runner:
            handler = runner.run(main())
            print(signal.getsignal(signal.SIGINT) is handler)
        print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
        """
    )
    assert (status, output, errors) == (0, "True\nTrue\n", "")
