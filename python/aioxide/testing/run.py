"""Running a program on virtual time, once or in many orders."""

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

    At the end it does what ``asyncio.run()`` does.

    Arguments:
        main: the coroutine.
        seed, start, patience: see ``VirtualLoop``.
        debug: switch debug mode on or off; None leaves it as the environment
            asks.

    Raises:
        DeadlockError: ``main`` can never end.
        BaseException: whatever ``main`` raises; with a seed, a note names it.
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
    """Run the same program in ``n`` orders, with the seeds from ``seed`` on.

    Arguments:
        main: called without arguments for each run, returns a coroutine.
        n: how many runs.
        patience: see ``VirtualLoop``.

    Raises:
        ValueError: ``n`` is less than 1.
        BaseException: what the first run that fails raises; a note names its
            seed, and ``run(main(), seed=...)`` does the same again.
    """
    if n < 1:
        raise ValueError(f"the number of interleavings is 1 or more, not {n}")
    for each in range(seed, seed + n):
        run(main(), seed=each, patience=patience)
