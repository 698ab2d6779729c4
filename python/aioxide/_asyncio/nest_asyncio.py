"""nest_asyncio cannot work on this loop, and is refused.

``nest_asyncio.apply()`` replaces methods of the loop's class by its own, which use asyncio's queue
of callbacks, heap of timers and selector. Our loop has none of these, and would be broken for the
rest of the process. The packages refuse loops that do not derive from ``asyncio.BaseEventLoop``;
while aioxide is installed, ours pass that check, so this module refuses them before anything is
changed.

``docs/nest_asyncio.md`` describes alternatives.
"""

from __future__ import annotations

import functools
from asyncio import events
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from ..loop import Loop

__all__ = ("PACKAGES", "refusals")

PACKAGES = ("nest_asyncio", "nest_asyncio2")


def refusals(package: ModuleType) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the package's functions to replace, by name, and functions that refuse our loops."""
    for name in ("apply", "_patch_loop"):
        original = getattr(package, name, None)
        if original is not None:
            yield name, _refusing(package.__name__, original)


def _refusing(package: str, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def refuse_ours(loop=None, *args, **kwargs):
        # A loop that does not exist yet will be one of ours.
        wanted = loop or events._get_running_loop()
        if wanted is None or isinstance(wanted, Loop):
            raise ValueError(
                f"{package} cannot patch aioxide's loop, which has no Python code to be replaced; "
                "docs/nest_asyncio.md of aioxide says what to do instead"
            )
        return original(loop, *args, **kwargs)

    return refuse_ours
