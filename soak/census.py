"""What this process holds: descriptors, tasks, threads, memory, objects by type."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import re
import sys
import threading
import time
from collections import Counter
from typing import Any

import children

DESCRIPTORS = "/proc/self/fd"
#: Seconds until what is closed must be gone.
PATIENCE = 10


def descriptors() -> dict[str, int]:
    """How many descriptors are open, by what they are: ``{"socket": 3, "/dev/null": 1}``."""
    found: Counter[str] = Counter()
    for name in os.listdir(DESCRIPTORS):
        try:
            target = os.readlink(f"{DESCRIPTORS}/{name}")
        except FileNotFoundError:
            continue  # that of the listing itself
        found[re.sub(r":\[\d+\]$", "", target)] += 1
    return dict(found)


def resident_bytes() -> int:
    """Memory of this process that is in RAM now, exactly."""
    with open("/proc/self/smaps_rollup") as lines:
        for line in lines:
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/smaps_rollup has no line for Rss")


class _MallInfo2(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def native_bytes() -> int | None:
    """Bytes that the C library's allocator has handed out; None where it does not say.

    Python's small objects are not among them: they live in arenas of Python's own.
    """
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallinfo2"):
        return None
    libc.mallinfo2.restype = _MallInfo2
    return libc.mallinfo2().uordblks


def _give_back_free_memory() -> None:
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


async def take(expected_descriptors: dict[str, int]) -> dict[str, Any]:
    """Count everything, after a full collection.

    Connections that are closed need a few more iterations to be gone: while other descriptors are
    open than `expected_descriptors` says, the loop goes on, though not for ever.
    """
    deadline = time.monotonic() + PATIENCE
    while descriptors() != expected_descriptors and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    # The second pass gets what finalizers of the first have let go.
    gc.collect()
    gc.collect()
    _give_back_free_memory()
    objects = Counter(
        f"{kind.__module__}.{kind.__qualname__}" for kind in map(type, gc.get_objects())
    )
    return {
        "descriptors": descriptors(),
        "descriptors_expected": expected_descriptors,
        # Not the one that asks.
        "children": children.left(),
        "tasks": len(asyncio.all_tasks()) - 1,
        "threads": threading.active_count(),
        "blocks": sys.getallocatedblocks(),
        "native_bytes": native_bytes(),
        "resident_bytes": resident_bytes(),
        "objects": dict(objects),
    }
