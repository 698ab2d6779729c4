"""Checks of numeric arguments."""

from __future__ import annotations

import math
import numbers

__all__ = ("count", "fraction", "positive", "seconds")


def number(name: str, value: object) -> float:
    """Return a real number as a float; ``TypeError`` for anything else."""
    if not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, not {value!r}")
    return float(value)


def positive(name: str, value: object) -> float:
    """Return a finite number above zero; ``ValueError`` for any other number."""
    result = number(name, value)
    if not 0 < result < math.inf:
        raise ValueError(f"{name} must be positive and finite, not {value!r}")
    return result


def seconds(name: str, value: object) -> float:
    """Return a finite number that is not negative; ``ValueError`` for any other number."""
    result = number(name, value)
    if not 0 <= result < math.inf:
        raise ValueError(f"{name} must be a number of seconds, not {value!r}")
    return result


def fraction(name: str, value: object) -> float:
    """Return a number from 0 to 1; ``ValueError`` for any other number."""
    result = number(name, value)
    if not 0 <= result <= 1:
        raise ValueError(f"{name} must be from 0 to 1, not {value!r}")
    return result


def count(name: str, value: object) -> int:
    """Return an int of at least one; ``ValueError`` for a smaller one."""
    if not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, not {value!r}")
    return value
