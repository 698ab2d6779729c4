"""Sub-interpreters of either kind are refused: native objects belong to one interpreter."""

from __future__ import annotations

__all__ = ("refuse_sub_interpreters",)


def refuse_sub_interpreters() -> None:
    """Check that this is the main interpreter, before anything native is loaded.

    Raises:
        ImportError: this is a sub-interpreter, whether it shares the GIL or is isolated.
    """
    try:
        import _interpreters
    except ImportError:
        try:
            import _xxsubinterpreters as _interpreters  # CPython 3.12 and older
        except ImportError:
            return  # Built without sub-interpreters.
    if _interpreters.get_current() != _interpreters.get_main():
        raise ImportError("aioxide does not support sub-interpreters")
