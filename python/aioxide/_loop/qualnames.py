"""What our methods are called where asyncio has the same ones in other classes."""

from __future__ import annotations

from types import FunctionType

__all__ = ("take_names",)


def take_names(ours: type, standard: type) -> None:
    """Give our methods the qualified names and the annotations of those of ``standard``.

    The names are in the warnings about coroutines that nobody has awaited, by which programs
    filter these; both are in what ``inspect`` shows.
    """
    for class_ in ours.__mro__:
        if not class_.__module__.startswith(f"{__package__}."):
            continue
        for name, method in vars(class_).items():
            model = getattr(standard, name, None)
            if isinstance(method, FunctionType) and isinstance(model, FunctionType):
                method.__qualname__ = model.__qualname__
                method.__annotations__ = dict(model.__annotations__)
