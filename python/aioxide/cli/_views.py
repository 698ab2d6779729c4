"""What the distribution ``aioxide-console`` does: run its program."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig

__all__ = ("MISSING", "become", "console_program", "top")

MISSING = "it needs the distribution aioxide-console: pip install 'aioxide[console]'"


def console_program() -> str | None:
    """Return the path of the program ``aioxide-console``; None if it is not installed."""
    beside = shutil.which("aioxide-console", path=sysconfig.get_path("scripts"))
    return beside or shutil.which("aioxide-console")


def become(command: str, arguments: list[str], lacking: str) -> int:
    """Replace this process by ``aioxide-console COMMAND ARGUMENT…``.

    Returns:
        1 if it is not installed, after saying so.
    """
    program = console_program()
    if program is None:
        print(f"aioxide: {lacking}: {MISSING}", file=sys.stderr)
        return 1
    sys.stdout.flush()
    os.execv(program, [program, command, *arguments])


def top(arguments: list[str]) -> int:
    """Become ``aioxide-console top``."""
    return become("top", arguments, "no live view")
