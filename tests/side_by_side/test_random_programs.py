"""Random programs over asyncio's classes and over ours: every step must come to the same.

A program is workers that put and get, acquire and release, wait, cancel each other, start further
tasks and set each other deadlines, and a schedule: when an iteration runs, when time passes, who is
cancelled from outside. It is run with ``asyncio``'s vocabulary and with ``aioxide``'s on
the same kind of loop, the standard library's and then ours. Compared is everything that a
program can see: results, exceptions with their text, the order in which steps end and the turn
of the loop they end in, and after each iteration the reprs and states of all objects.

Left out is what no loop promises, the order of equal deadlines.
"""

import asyncio
import types
import warnings

import aioxide
import pytest
from hypothesis import given, settings
from side_by_side import programs
from side_by_side.execution import Run
from side_by_side.loops import LOOPS

checked = settings(max_examples=120, derandomize=True, database=None, deadline=None)


@pytest.fixture(params=LOOPS, scope="module")
def side(request):
    return LOOPS[request.param]


def compare(side, workers, schedule):
    make_loop, children = side
    with warnings.catch_warnings():
        # A coroutine whose task was cancelled before its first step.
        warnings.simplefilter("ignore", RuntimeWarning)
        theirs = Run(asyncio, make_loop(), children).drive(workers, schedule)
        ours = Run(aioxide, make_loop(), children).drive(workers, schedule)
    assert ours == theirs


@checked
@given(workers=programs.workers, schedule=programs.schedules)
def test_programs_of_everything(side, workers, schedule):
    compare(side, workers, schedule)


@checked
@given(workers=programs.of(*programs.queue_steps), schedule=programs.schedules)
def test_producers_and_consumers(side, workers, schedule):
    compare(side, workers, schedule)


@checked
@given(workers=programs.of(*programs.lock_steps), schedule=programs.schedules)
def test_locks_and_their_kind(side, workers, schedule):
    compare(side, workers, schedule)


@checked
@given(workers=programs.of(*programs.stream_steps), schedule=programs.schedules)
def test_readers_of_a_stream(side, workers, schedule):
    compare(side, workers, schedule)


@checked
@given(workers=programs.of(*programs.nested_steps), schedule=programs.schedules)
def test_tasks_and_those_who_wait_for_them(side, workers, schedule):
    compare(side, workers, schedule)


def test_a_difference_shows(side):
    class Unfair(types.SimpleNamespace):
        """Ours, but for one class."""

        Queue = aioxide.LifoQueue

        def __getattr__(self, name):
            return getattr(aioxide, name)

    make_loop, children = side
    workers = [[("put", 0, 1), ("put", 0, 2)], [("get", 0), ("get", 0)]]
    expected = Run(asyncio, make_loop(), children).drive(workers, [])
    assert Run(aioxide, make_loop(), children).drive(workers, []) == expected
    assert Run(Unfair(), make_loop(), children).drive(workers, []) != expected
