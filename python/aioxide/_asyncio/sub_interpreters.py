"""Sub-interpreters, of either kind, are refused: native objects are of one interpreter."""

from __future__ import annotations

__all__ = ("refuse_sub_interpreters",)


def refuse_sub_interpreters() -> None:
    """Check that this is the main interpreter, before anything native is loaded.

    Raises:
        ImportError: it is another one, whether it shares the GIL or is isolated.
    """
    try:
        import _interpreters
    except ImportError:
        try:
            import _xxsubinterpreters as _interpreters  # CPython 3.12 and older
        except ImportError:
            return  # Built without: there is one interpreter.
    if _interpreters.get_current() != _interpreters.get_main():
        raise ImportError("aioxide does not support sub-interpreters")
