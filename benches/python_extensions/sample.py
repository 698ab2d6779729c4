"""Takes one sample: nanoseconds of processor time for one operation.

python benches/python_extensions/sample.py EXTENSION ROW SIDE COUNT
"""

from __future__ import annotations

import asyncio
import importlib.machinery
import importlib.util
import sys
import time
from typing import Any

NAME = "aioxide_bench_extensions"


def load(path: str) -> Any:
    loader = importlib.machinery.ExtensionFileLoader(NAME, path)
    spec = importlib.util.spec_from_file_location(NAME, path, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


async def returns() -> int:
    return 1


async def repeat(module: Any, row: str, count: int) -> None:
    """Does what a row is about, `count` times."""
    if row == "calls":
        await module.calls(returns, count)
        return
    if row == "sleeps":
        for _ in range(count // 1000):
            await asyncio.gather(*(module.sleeps(0.001) for _ in range(1000)))
        return
    function = getattr(module, row)
    for _ in range(count):
        await function()


async def measure(module: Any, row: str, count: int) -> float:
    await repeat(module, row, max(1000, count // 10))
    begin = time.process_time_ns()
    await repeat(module, row, count)
    return (time.process_time_ns() - begin) / count


def main() -> None:
    path, row, side, count = sys.argv[1:]
    factory: Any = asyncio.new_event_loop
    if side == "aioxide":
        import aioxide

        factory = aioxide.new_event_loop
    elif side == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    extension = load(path)
    module = extension.others if side == "pyo3-async-runtimes" else extension.ours
    with asyncio.Runner(loop_factory=factory) as runner:
        print(runner.run(measure(module, row, int(count))))


if __name__ == "__main__":
    main()
