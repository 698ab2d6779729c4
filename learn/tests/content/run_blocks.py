"""Run many small programs in one process, and say what each of them printed.

usage: python [-m aioxide] run_blocks.py < BLOCKS > RESULTS

Reads a JSON list of ``{"name", "source", "real"}`` and writes a list of ``{"name", "printed",
"complaints", "seconds"}``; complaints are what went to standard error, the traceback included.
Programs run on a virtual clock, aioxide's or one of this file's for asyncio, unless `real`. Needs
the standard library only.
"""

import asyncio
import contextlib
import gc
import io
import json
import logging
import random
import signal
import sys
import threading
import time
import traceback
import warnings

#: Real seconds that one program may take.
LONGEST = 20
NATIVE = "aioxide" in sys.modules

_sleep, _perf_counter, _monotonic = time.sleep, time.perf_counter, time.monotonic
_run, _Runner = asyncio.run, asyncio.Runner


class TooLong(BaseException):
    """A program did not end."""


class Clock:
    """The virtual time of the program that runs: `time`'s functions follow its loop."""

    def __init__(self):
        self.loop = None
        self.passed = 0.0  # in loops that are closed, and outside of loops

    def now(self):
        return self.passed + (self.loop.time() if self.loop is not None else 0.0)

    def sleep(self, seconds):
        if threading.current_thread() is not threading.main_thread():
            _sleep(seconds)
        elif self.loop is not None:
            advance(self.loop, seconds)
        else:
            self.passed += seconds


CLOCK = Clock()


if NATIVE:
    from aioxide.testing import VirtualLoop

    def new_virtual_loop():
        return VirtualLoop(patience=0.02)

    def advance(loop, seconds):
        raise AssertionError("a blocking sleep is for the real clock here")

else:

    class VirtualLoop(asyncio.SelectorEventLoop):
        """asyncio's loop on a clock that jumps to the next deadline when nothing is ready."""

        def __init__(self):
            self.virtual = 0.0
            super().__init__()
            select = self._selector.select

            def jump(timeout=None):
                busy = threading.active_count() > 1
                if timeout is None and not busy and len(self._selector.get_map()) == 1:
                    raise RuntimeError("nothing can happen any more")
                events = select(0.02 if timeout is None or (timeout > 0 and busy) else 0)
                if not events and timeout:
                    self.virtual += timeout
                return events

            self._selector.select = jump

        def time(self):
            return self.virtual

    new_virtual_loop = VirtualLoop

    def advance(loop, seconds):
        loop.virtual += seconds


def new_loop():
    CLOCK.loop = new_virtual_loop()
    return CLOCK.loop


class VirtualRunner(_Runner):
    def __init__(self, *, debug=None, loop_factory=None):
        super().__init__(debug=debug, loop_factory=new_loop)

    def close(self):
        super().close()
        if CLOCK.loop is not None:
            CLOCK.passed += CLOCK.loop.time()
            CLOCK.loop = None


def virtual_run(main, *, debug=None, loop_factory=None):
    if asyncio._get_running_loop() is not None:
        return _run(main)
    with VirtualRunner(debug=debug) as runner:
        return runner.run(main)


def be_virtual(virtual):
    time.sleep = CLOCK.sleep if virtual else _sleep
    time.perf_counter = CLOCK.now if virtual else _perf_counter
    time.monotonic = CLOCK.now if virtual else _monotonic
    asyncio.run = virtual_run if virtual else _run
    asyncio.Runner = VirtualRunner if virtual else _Runner
    if NATIVE:
        import aioxide

        aioxide.run = virtual_run if virtual else _run


def run(block):
    printed, complaints = io.StringIO(), io.StringIO()
    began = _perf_counter()
    CLOCK.__init__()
    # aioxide's virtual clock cannot be moved by a blocking call.
    real = block["real"] or (NATIVE and "time.sleep(" in block["source"])
    be_virtual(not real)
    # A program that tries its luck ten times has none once in two hundred runs.
    random.seed(1)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complaints):
        warnings.simplefilter("always")
        try:
            code = compile(block["source"], block["name"], "exec")
            exec(code, {"__name__": "__main__", "__builtins__": __builtins__})
        except SystemExit:
            pass
        except BaseException:
            complaints.write(traceback.format_exc())
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        gc.collect()
    be_virtual(False)
    asyncio.set_event_loop(None)
    return {
        "name": block["name"],
        "printed": printed.getvalue(),
        "complaints": complaints.getvalue(),
        "seconds": _perf_counter() - began,
    }


def end_it(*_):
    raise TooLong(f"the program did not end within {LONGEST} seconds")


def main():
    signal.signal(signal.SIGALRM, end_it)
    # In debug mode aioxide reports what blocks from a thread: beside what asyncio says of it, and
    # perhaps when the next program runs.
    logging.getLogger("aioxide.watchdog").disabled = True
    sys.argv = ["program"]
    # Dataclasses and pickles look their module up.
    json.dump([run(block) for block in json.load(sys.stdin)], sys.__stdout__)


if __name__ == "__main__":
    main()
