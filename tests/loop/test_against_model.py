"""Random programs of callbacks, timers, readers and writers: both loops must call the same.

A program is a tree of actions that hypothesis makes: what is done before the first iteration, what
each callback does when it is called, which callback does what in its turn, and so on. It is run
on the standard library's loop and on aioxide, over real socket pairs, and what was called in
which turn is compared.

Left out is what no loop promises: timers have distinct times, and those that are to run are due
since long, so that no outcome depends on how fast the machine is.
"""

import asyncio
import socket

import aioxide
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PAIRS = 3
MOST_TURNS = 8
#: A callback that can be called any number of times acts in so many of them.
ACTIVE_CALLS = 3
#: Seconds, more than any run takes.
APART = 1000.0

pairs = st.integers(0, PAIRS - 1)
actions = st.deferred(
    lambda: st.one_of(
        st.tuples(st.just("soon"), bodies),
        st.tuples(st.just("soon_threadsafe"), bodies),
        st.tuples(st.just("due"), st.integers(0, 20), bodies),
        st.tuples(st.just("never"), bodies),
        st.tuples(st.just("cancel"), st.integers(0, 30)),
        st.tuples(st.sampled_from(["add_reader", "add_writer"]), pairs, bodies),
        st.tuples(st.sampled_from(["remove_reader", "remove_writer"]), pairs),
        st.tuples(st.sampled_from(["send", "receive", "fill", "drain"]), pairs),
        st.tuples(st.sampled_from(["shut_down", "close", "renew"]), pairs),
        st.sampled_from([("raise",), ("stop",)]),
    )
)
bodies = st.lists(actions, max_size=4)
programs = st.lists(st.lists(actions, max_size=6), min_size=1, max_size=MOST_TURNS)


class Pair:
    """Two connected sockets; the near one is watched."""

    def __init__(self):
        self.near, self.far = socket.socketpair()
        for end in (self.near, self.far):
            end.setblocking(False)

    def close(self):
        self.near.close()
        self.far.close()


class Run:
    """One run of a program on one loop, and the trace of it."""

    def __init__(self, loop):
        self.loop = loop
        self.start = loop.time()
        self.trace = []
        self.pairs = [Pair() for _ in range(PAIRS)]
        self.handles = []
        self.count = 0
        loop.set_exception_handler(self.report)

    def report(self, loop, context):
        self.trace.append(("reported", repr(context["exception"])))

    def callback(self, body, calls=1):
        """A callback with a name of its own, which does what `body` says the first few times."""
        self.count += 1
        name, left = self.count, calls

        def call():
            nonlocal left
            self.trace.append(("called", name))
            if left:
                left -= 1
                self.do(body)

        return call

    def do(self, body):
        """What it leads to is in the trace, and so is what it raises."""
        for name, *arguments in body:
            if name == "raise":
                raise LookupError("on purpose")
            try:
                outcome = getattr(self, name)(*arguments)
            except (OSError, RuntimeError, ValueError) as exc:
                outcome = repr(exc)
            self.trace.append((name, outcome))

    def turn(self, body):
        self.trace.append("turn")
        try:
            self.do(body)
        except LookupError as exc:
            self.trace.append(repr(exc))
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()

    def soon(self, body):
        self.handles.append(self.loop.call_soon(self.callback(body)))

    def soon_threadsafe(self, body):
        self.handles.append(self.loop.call_soon_threadsafe(self.callback(body)))

    def due(self, place, body):
        # Whole thousands apart, and what is added to them tells all timers apart.
        when = self.start - APART * (place + 1) - self.count / APART
        self.handles.append(self.loop.call_at(when, self.callback(body)))

    def never(self, body):
        self.handles.append(self.loop.call_later(APART * APART, self.callback(body)))

    def cancel(self, index):
        if self.handles:
            handle = self.handles[index % len(self.handles)]
            handle.cancel()
            return handle.cancelled()

    def add_reader(self, pair, body):
        self.loop.add_reader(self.pairs[pair].near, self.callback(body, ACTIVE_CALLS))

    def add_writer(self, pair, body):
        self.loop.add_writer(self.pairs[pair].near, self.callback(body, ACTIVE_CALLS))

    def remove_reader(self, pair):
        return self.loop.remove_reader(self.pairs[pair].near)

    def remove_writer(self, pair):
        return self.loop.remove_writer(self.pairs[pair].near)

    def send(self, pair):
        return self.pairs[pair].far.send(b"x")

    def receive(self, pair):
        return self.pairs[pair].near.recv(1)

    def fill(self, pair):
        while True:
            self.pairs[pair].near.send(bytes(1 << 16))

    def drain(self, pair):
        while self.pairs[pair].far.recv(1 << 16):
            pass

    def shut_down(self, pair):
        self.pairs[pair].far.shutdown(socket.SHUT_WR)

    def close(self, pair):
        # The loop is told before: of what is closed behind its back asyncio keeps a wrong idea.
        outcome = self.remove_reader(pair), self.remove_writer(pair)
        self.pairs[pair].close()
        return outcome

    def renew(self, pair):
        self.close(pair)
        self.pairs[pair] = Pair()

    def stop(self):
        self.loop.stop()

    def end(self, body):
        """Close the loop, and see what it still takes."""
        self.loop.close()
        self.trace.append("closed")
        try:
            self.do(body)
        except LookupError as exc:
            self.trace.append(repr(exc))
        for pair in self.pairs:
            pair.close()


def trace_on(make_loop, turns, last):
    run = Run(make_loop())
    try:
        for body in turns:
            run.turn(body)
    finally:
        run.end(last)
    return run.trace


# How fast the programs are made tells of the machine alone, which may be busy.
@pytest.mark.timeout(120)
@settings(
    max_examples=100,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(turns=programs, last=bodies)
def test_both_loops_call_the_same_in_the_same_turns(turns, last):
    theirs = trace_on(asyncio.SelectorEventLoop, turns, last)
    ours = trace_on(aioxide.new_event_loop, turns, last)
    assert ours == theirs
