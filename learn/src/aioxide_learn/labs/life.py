"""From the events of a recording to what each task did: it waited, was ready, ran."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from . import trace
from .report import Part

#: So many parts are kept of one task, and of all together.
MOST, MOST_IN_ALL = 500, 4000


@dataclass
class _Now:
    """What a task does since when.

    Attributes:
        kind: ``wait`` or ``ready``.
        since: virtual seconds, and the steps that had been run by then.
        waits_for: of a wait, what for.
    """

    kind: str
    since: tuple[float, int]
    waits_for: str = ""


class Lives:
    """The parts of the lives of some tasks.

    On a virtual clock running takes no time, and much happens at the same one. So each moment is
    told by two numbers: the time, and how many steps of these tasks had been run.

    Arguments:
        wanted: the numbers of the tasks.
    """

    def __init__(self, wanted: Iterable[int]) -> None:
        self._wanted = set(wanted)
        self._parts: dict[int, list[Part]] = {number: [] for number in self._wanted}
        self._states: dict[int, _Now] = {}
        self._count = self._steps = 0

    def parts(self, events: Sequence[trace.Event], end: float) -> dict[int, list[Part]]:
        """Return what each task did, by its number.

        Arguments:
            events: of one loop, with a mark of the virtual time wherever it may have moved: what
                comes before a mark was at the mark's time.
            end: the time at the end, of what comes after the last mark.
        """
        times = [*(float(it.text) for it in events if isinstance(it, trace.Marked)), end]
        segment = 0
        for event in events:
            if isinstance(event, trace.Marked):
                segment += 1
            elif event.task in self._wanted:
                self._take(event, times[segment])
        for number in list(self._states):
            self._close(number, end)
        return self._parts

    def _take(self, event: trace.Event, time: float) -> None:
        number = event.task
        state = self._states.get(number)
        if isinstance(event, trace.Created):
            self._states[number] = _Now("ready", (time, self._steps))
        elif isinstance(event, trace.Woken):
            if state is not None and state.kind == "wait":
                self._close(number, time)
                self._states[number] = _Now("ready", (time, self._steps))
        elif isinstance(event, trace.Cancelled):
            self._add(number, Part("cancel", time, time, self._steps, self._steps, ""))
        elif isinstance(event, trace.Stepped):
            self._close(number, time)
            before, self._steps = self._steps, self._steps + 1
            self._add(number, Part("run", time, time, before, self._steps, ""))
            if event.outcome in ("waiting", "yielded"):
                kind = "wait" if event.outcome == "waiting" else "ready"
                self._states[number] = _Now(kind, (time, self._steps), event.waits_for)

    def _close(self, number: int, time: float) -> None:
        """What the task did until now is over."""
        state = self._states.pop(number, None)
        if state is not None and state.since != (time, self._steps):
            start, first = state.since
            self._add(number, Part(state.kind, start, time, first, self._steps, state.waits_for))

    def _add(self, number: int, part: Part) -> None:
        parts = self._parts[number]
        if len(parts) < MOST and self._count < MOST_IN_ALL:
            parts.append(part)
            self._count += 1
