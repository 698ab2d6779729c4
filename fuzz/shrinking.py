"""Leave out steps as long as the fault stays."""

from __future__ import annotations

from collections.abc import Callable, Collection


def shrink(
    steps: Collection[int], fails: Callable[[frozenset[int]], bool], attempts: int = 120
) -> frozenset[int]:
    """The smallest set of steps that was found to fail, by delta debugging.

    steps: the numbers of all steps; with all of them it fails.
    fails: whether it fails with these steps alone.
    attempts: how often to try at most.
    """
    kept = sorted(steps)
    if attempts > 0 and fails(frozenset()):
        return frozenset()
    size = max(len(kept) // 2, 1)
    while kept:
        removed = False
        at = 0
        while at < len(kept):
            if attempts <= 0:
                return frozenset(kept)
            attempts -= 1
            without = kept[:at] + kept[at + size :]
            if fails(frozenset(without)):
                kept, removed = without, True
            else:
                at += size
        if size == 1 and not removed:
            break
        if not removed or size > len(kept):
            size = max(min(size // 2, len(kept) // 2), 1)
    return frozenset(kept)
