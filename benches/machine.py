"""What the numbers were measured on."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import loops

#: Runnable processes beside ours from which on the numbers cannot be trusted.
QUIET_LOAD = 0.5


def facts(names: Iterable[str]) -> dict[str, Any]:
    """The date, the machine, and the versions of Python and of the loops `names`."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": {
            "cpu": cpu_model(),
            "processors": os.cpu_count(),
            "system": f"{platform.system()} {kernel_version()}",
            "load_before": round(os.getloadavg()[0], 2),
        },
        "versions": {
            "python": f"{platform.python_implementation()} {platform.python_version()}",
            **{name: loops.version(name) for name in names if name != "asyncio"},
        },
    }


def kernel_version() -> str:
    """The kernel's version number, without what its builder appended."""
    return platform.release().partition("-")[0]


def cpu_model() -> str:
    """The processor's name, as far as the system tells."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def one_line(known: dict[str, Any]) -> str:
    """The facts as one line for people."""
    machine = known["machine"]
    versions = ", ".join(
        value if name == "python" else f"{name} {value}"
        for name, value in known["versions"].items()
    )
    return (
        f"{known['date'][:10]}, {machine['cpu']}, {machine['processors']} processors, "
        f"{machine['system']}, {versions}"
    )
