"""Random programs: what there is to coordinate with, and what each worker does with it.

A program is data, so that hypothesis can make it, shrink it and print it. Each step is a tuple:
the name of a method of ``execution.Run``, and what that takes. A body is a list of steps; some
steps have bodies of their own, which run in the same task or in new ones.
"""

import sys

from hypothesis import strategies as st

#: Objects of each kind. A number that is drawn picks one of a kind, whichever there are.
OBJECTS = 6
objects = st.integers(0, OBJECTS - 1)
counts = st.integers(0, 3)
delays = st.sampled_from([-1.0, 0.0, 0.0, 1.0, 2.0, 5.0])
time_limits = st.one_of(st.none(), delays)


def step(name, *arguments):
    return st.tuples(st.just(name), *arguments)


queue_steps = [
    step("put", objects, counts),
    step("get", objects),
    step("put_nowait", objects, counts),
    step("get_nowait", objects),
    step("task_done", objects),
    step("join", objects),
]
if sys.version_info >= (3, 13):
    queue_steps.append(step("shutdown", objects, st.booleans()))

lock_steps = [
    step("acquire", objects),
    step("release", objects),
    step("wait_event", objects),
    step("set_event", objects),
    step("clear_event", objects),
    step("condition_wait", objects),
    step("condition_wait_for", objects, counts),
    step("notify", objects, counts),
    step("barrier_wait", objects),
    step("barrier_reset", objects),
    step("barrier_abort", objects),
]

stream_steps = [
    step("feed", st.sampled_from([b"", b"a", b"bc\n", b"\n", b"d;e", b"fghijklmnopqrstuvw"])),
    step("feed_eof"),
    step("break_stream"),
    step("read", st.sampled_from([-1, 0, 1, 5])),
    step("readline"),
    step("readexactly", counts),
    step("readuntil", st.sampled_from([b";", b"\n", b"bc"])),
]

plain_steps = [
    step("sleep", delays),
    step("cancel", objects),
    step("reschedule", time_limits),
    step("fail"),
]

bodies = st.deferred(lambda: st.lists(steps, max_size=4))
several = st.deferred(lambda: st.lists(bodies, max_size=3))

nested_steps = [
    step("hold", objects, bodies),
    step("within_condition", objects, bodies),
    step("within_barrier", objects, bodies),
    step("timeout", time_limits, bodies),
    step("wait_for", time_limits, bodies),
    step("shield", bodies),
    step("group", several),
    step("gather", several, st.booleans()),
    step("wait", several, time_limits, st.sampled_from(["ALL", "FIRST", "EXCEPTION"])),
    step("as_completed", several, time_limits),
    step("spawn", bodies),
    step("defy_cancellation", bodies),
]

# One of the plain ones twice as often as one with bodies, so that most programs end.
leaves = [*queue_steps, *lock_steps, *stream_steps, *plain_steps]
steps = st.one_of(*leaves, *leaves, *nested_steps)

#: What is done to a program from outside, between its turns.
from_outside = st.one_of(
    step("iteration"),
    step("iteration"),
    step("pass_time", st.sampled_from([0.5, 1.5, 4.0])),
    step("outside", st.one_of(leaves)),
    step("cancel_worker", objects),
)

workers = st.lists(bodies, min_size=1, max_size=5)
schedules = st.lists(from_outside, max_size=12)


def of(*chosen):
    """Workers whose steps are of these kinds, and what may stand around them."""
    kinds = st.one_of(*chosen, *plain_steps)
    body = st.lists(
        st.one_of(
            kinds,
            kinds,
            step("timeout", time_limits, st.lists(kinds, max_size=3)),
            step("wait_for", time_limits, st.lists(kinds, max_size=3)),
            step("hold", objects, st.lists(kinds, max_size=3)),
            step("within_condition", objects, st.lists(kinds, max_size=3)),
            step("defy_cancellation", st.lists(kinds, max_size=3)),
        ),
        max_size=6,
    )
    return st.lists(body, min_size=2, max_size=6)
