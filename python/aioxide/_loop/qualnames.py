"""Qualified names of our methods: those of asyncio's methods."""

from __future__ import annotations

from types import FunctionType

__all__ = ("take_names",)


def take_names(ours: type, standard: type) -> None:
    """Copy the qualified names and the annotations of the methods of ``standard`` to ours.

    The names are part of the warnings about coroutines that were never awaited, which programs
    filter by name; ``inspect`` returns both.
    """
    for class_ in ours.__mro__:
        if not class_.__module__.startswith(f"{__package__}."):
            continue
        for name, method in vars(class_).items():
            model = getattr(standard, name, None)
            if isinstance(method, FunctionType) and isinstance(model, FunctionType):
                method.__qualname__ = model.__qualname__
                method.__annotations__ = dict(model.__annotations__)
