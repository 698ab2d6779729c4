"""The files of listening Unix sockets, and when they are removed."""

from __future__ import annotations

import os
import stat
from asyncio.log import logger

__all__ = ("is_abstract", "remove_stale")


def is_abstract(path: str | bytes) -> bool:
    """Return whether an address is a name in Linux's abstract namespace.

    Such a name begins with a zero byte, and no file belongs to it.
    """
    return path[0] in (0, "\0")


def remove_stale(path: str | bytes) -> None:
    """Remove the socket of an earlier server at ``path``.

    A file that is not a socket stays, and binding to the path fails. If the file
    cannot be examined or removed, that is logged.
    """
    try:
        if stat.S_ISSOCK(os.stat(path).st_mode):
            os.remove(path)
    except FileNotFoundError:
        pass
    except OSError as exc:
        logger.error("Unable to check or remove stale UNIX socket %r: %r", path, exc)
