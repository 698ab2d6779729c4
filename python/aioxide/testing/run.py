"""Run a program on virtual time, once or in many orders."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from .._asyncio.runners import Runner
from .virtual_loop import VirtualLoop

__all__ = ("interleavings", "run")

_T = TypeVar("_T")


def run(
    main: Coroutine[Any, Any, _T],
    *,
    seed: int | None = None,
    start: float = 0.0,
    patience: float | None = None,
    debug: bool | None = None,
) -> _T:
    """Run a coroutine on a new ``VirtualLoop`` and return its result.

    At the end it cleans up as ``asyncio.run()`` does. Use it in tests only: a
    program that talks to the outside needs a real clock.

    Arguments:
        main: the coroutine.
        seed, start, patience: see ``VirtualLoop``.
        debug: switch debug mode on or off; None means the default of the
            environment.

    Raises:
        DeadlockError: ``main`` is deadlocked.
        BaseException: the exception that ``main`` raises; with a seed, a note
            on it names the seed.
    """

    def new_loop() -> VirtualLoop:
        return VirtualLoop(seed=seed, start=start, patience=patience)

    try:
        with Runner(debug=debug, loop_factory=new_loop) as runner:
            return runner.run(main)
    except BaseException as exc:
        if seed is not None:
            exc.add_note(f"interleaving seed: {seed}")
        raise


def interleavings(
    main: Callable[[], Coroutine[Any, Any, Any]],
    *,
    n: int = 100,
    seed: int = 0,
    patience: float | None = None,
) -> None:
    """Run the same program ``n`` times, each time in another order.

    Arguments:
        main: called without arguments for each run, returns a coroutine.
        n: the number of runs.
        seed: the seed of the first run; each further run uses the next number.
        patience: see ``VirtualLoop``.

    Raises:
        ValueError: ``n`` is less than 1.
        BaseException: the exception of the first run that fails; a note on it
            names the seed, and ``run(main(), seed=...)`` repeats that run.
    """
    if n < 1:
        raise ValueError(f"the number of interleavings is 1 or more, not {n}")
    for each in range(seed, seed + n):
        run(main(), seed=each, patience=patience)
