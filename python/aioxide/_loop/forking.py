"""What becomes of loops in the child of a fork.

The child shares with its parent what the kernel keeps for a loop: what it
watches, and where signals are written to. Before any other code runs in the
child, each loop that it inherits lets go of that. The parent's loop goes on as
if nothing had happened; the child can make loops of its own, and close,
collect or even run those that it inherited.
"""

from __future__ import annotations

import os
import weakref

__all__ = ("renew_in_forked_child",)

_loops: weakref.WeakSet = weakref.WeakSet()


def renew_in_forked_child(loop) -> None:
    """See to it that ``loop`` is safe to have in a forked child.

    Arguments:
        loop: its ``_renew_after_fork()`` is called in the child, for as long
            as the loop is referred to elsewhere.
    """
    _loops.add(loop)


def _renew_loops() -> None:
    for loop in tuple(_loops):
        loop._renew_after_fork()


os.register_at_fork(after_in_child=_renew_loops)
