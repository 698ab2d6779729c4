"""The two loops that programs are driven on, both with a clock that a test does not spend."""

import asyncio
import selectors

import aioxide
from aioxide import testing


class JumpingSelector(selectors.SelectSelector):
    """Where a loop would wait, time passes at once."""

    now = 0.0

    def select(self, timeout=None):
        assert timeout is not None, "a program that waits for ever was not stopped"
        self.now += max(timeout, 0)
        return super().select(0)


class StandardLoop(asyncio.SelectorEventLoop):
    """The standard library's loop on such a clock."""

    def __init__(self):
        self._clock = JumpingSelector()
        super().__init__(self._clock)

    def time(self):
        return self._clock.now


def numbered(task_class, make_loop):
    """A maker of loops whose tasks are told apart by number, not by address.

    A task group cancels in the order of a set, which is then the same in every run.
    """

    def make():
        class Numbered(task_class):
            count = 0

            def __init__(self, *args, **keywords):
                Numbered.count += 1
                self._number = Numbered.count
                super().__init__(*args, **keywords)

            def __hash__(self):
                return self._number

        loop = make_loop()
        loop.set_task_factory(lambda loop, coro, **given: Numbered(coro, loop=loop, **given))
        return loop

    return make


#: The makers of loops, and how many tasks a step may wait for there.
LOOPS = {
    "asyncio": (numbered(asyncio.Task, StandardLoop), 3),
    "aioxide": (numbered(aioxide.Task, testing.VirtualLoop), 3),
    # Tasks as the loop makes them without being told how, which is where shortcuts are taken.
    "aioxide, its own tasks": (testing.VirtualLoop, 1),
}
