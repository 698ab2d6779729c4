"""Choosing by name: a comma-separated list on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

__all__ = ("choose",)


class Named(Protocol):
    """What has a name to be chosen by."""

    @property
    def name(self) -> str:
        """The name."""


T = TypeVar("T", bound=Named)


def choose(offered: Sequence[T], names: str | None, kind: str) -> tuple[T, ...]:
    """Those of `offered` that a comma-separated list names, or all of them for None.

    `kind` is what the messages call one of them.

    Raises:
        ValueError: a name belongs to none; the message says which. Or the list is empty.
    """
    if names is None:
        return tuple(offered)
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    known = [each.name for each in offered]
    for name in wanted:
        if name not in known:
            raise ValueError(f"no {kind} is called {name!r}; there are {', '.join(known)}")
    if not wanted:
        raise ValueError(f"the list of {kind}s is empty")
    return tuple(each for each in offered if each.name in wanted)
