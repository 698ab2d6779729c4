"""Loops in the child of a fork.

The child shares with its parent what the kernel keeps for a loop: the watched
descriptors, and the descriptor for signals. Before any other code runs in the
child, each inherited loop releases these. The parent's loop is not affected; the
child can make new loops, and close, collect or run those that it inherited.
"""

from __future__ import annotations

import os
import weakref

__all__ = ("known_loops", "renew_in_forked_child")

_loops: weakref.WeakSet = weakref.WeakSet()


def renew_in_forked_child(loop) -> None:
    """Make ``loop`` safe in a forked child.

    Arguments:
        loop: its ``_renew_after_fork()`` is called in the child. Only a weak
            reference is kept.
    """
    _loops.add(loop)


def known_loops() -> list:
    """Return the loops of this process that have not been collected, closed ones too."""
    while True:
        try:
            return list(_loops)
        except RuntimeError:
            # Another thread has made one meanwhile.
            continue


def _renew_loops() -> None:
    for loop in known_loops():
        loop._renew_after_fork()


os.register_at_fork(after_in_child=_renew_loops)
