"""asyncio's loop classes while aioxide is installed.

A program may create a loop by its class, ``asyncio.SelectorEventLoop()``, and test a loop by a
class, ``isinstance(loop, asyncio.BaseEventLoop)``. Other modules have imported these classes and
derive from them, so the classes are not replaced: they get another metaclass, which handles both.
"""

from __future__ import annotations

import inspect
from abc import ABCMeta
from asyncio import base_events, selector_events, unix_events
from typing import Any

from .._aioxide import _set_metaclass
from ..loop import Loop

__all__ = ("give_way", "stand_alone")


class _GivesWay(ABCMeta):
    """The metaclass of asyncio's loop classes while aioxide is installed.

    It derives from ``ABCMeta`` for programs that derive a class from a loop class and an abstract
    class: one of the two metaclasses has to derive from the other.
    """

    def __new__(mcls, name, bases, namespace, /, **kwargs):
        cls = super().__new__(mcls, name, bases, namespace, **kwargs)
        if mcls is _GivesWay:
            # A program's own subclass must behave as without aioxide, and must not keep this
            # metaclass after `uninstall()`.
            _set_metaclass(cls, ABCMeta)
        return cls

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is _CLASSES[-1] and _is_without_selector(args, kwargs):
            return Loop()
        return super().__call__(*args, **kwargs)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Loop) or type.__instancecheck__(cls, instance)

    def __subclasscheck__(cls, subclass: type) -> bool:
        if isinstance(subclass, type) and issubclass(subclass, Loop):
            return True
        return type.__subclasscheck__(cls, subclass)

    @property
    def __signature__(cls) -> inspect.Signature:
        # Otherwise `inspect` would return the signature of `__call__` above.
        whole = inspect.signature(cls.__init__)
        return whole.replace(parameters=list(whole.parameters.values())[1:])


_CLASSES = (
    base_events.BaseEventLoop,
    selector_events.BaseSelectorEventLoop,
    unix_events.SelectorEventLoop,
)
_classes_before: dict[type, type] = {}


def give_way() -> None:
    """Make asyncio's loop classes create and recognise our loop; a second call changes nothing."""
    for cls in _CLASSES:
        if not isinstance(cls, _GivesWay):
            _classes_before[cls] = type(cls)
            _set_metaclass(cls, _GivesWay)


def stand_alone() -> None:
    """Restore asyncio's loop classes."""
    for cls, before in _classes_before.items():
        if type(cls) is _GivesWay:
            _set_metaclass(cls, before)
    _classes_before.clear()


def _is_without_selector(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    if args:
        return args[0] is None and len(args) == 1 and not kwargs
    return not kwargs or (kwargs.keys() == {"selector"} and kwargs["selector"] is None)
