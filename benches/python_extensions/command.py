"""Measures the rows of aioxide-pyo3: the second half of ``benches/run.py --only rust``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from python_extensions import rows

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent
MANIFEST = CHECKOUT / "benches" / "extensions" / "Cargo.toml"

#: Operations of a sample; of those that hop between threads, a tenth.
COUNT = 300_000
QUICK_COUNT = 30_000
#: Seconds after which a sample is given up.
PATIENCE = 300


def build() -> Path:
    """Builds the extension of ``benches/extensions``, and returns its path.

    Raises:
        subprocess.CalledProcessError: it cannot be built; cargo has said why.
    """
    target = Path(os.environ.get("CARGO_TARGET_DIR", CHECKOUT / "target")) / "extensions"
    environment = {**os.environ, "CARGO_TARGET_DIR": str(target), "PYO3_PYTHON": sys.executable}
    command = ["cargo", "build", "--locked", "--release", "--manifest-path", str(MANIFEST)]
    subprocess.run(command, env=environment, check=True)
    suffix = "dylib" if sys.platform == "darwin" else "so"
    return target / "release" / f"libaioxide_bench_extensions.{suffix}"


def take(extension: Path, row: rows.Row, side: str, quick: bool) -> float:
    """One sample.

    Raises:
        RuntimeError: it failed; the message is the program's.
    """
    count = QUICK_COUNT if quick else COUNT
    if row.name == "tokio" or side == rows.THEIRS:
        count //= 10
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTHON")
    }
    arguments = [str(extension), row.name, side, str(count)]
    done = subprocess.run(
        [sys.executable, str(HERE / "sample.py"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"ended by {done.returncode}"])[-1]
        raise RuntimeError(f"{row.name} on {side}: {last}")
    return float(done.stdout)


def measure(rounds: int, quick: bool) -> tuple[dict[tuple[str, str], list[float]], list[str]]:
    """Samples of all rows, and what has failed."""
    extension = build()
    samples: dict[tuple[str, str], list[float]] = {}
    failures = []
    for _ in range(rounds):
        for row in rows.ROWS:
            # One after the other: what slows the machine down slows all of them.
            for side in rows.SIDES:
                try:
                    value = take(extension, row, side, quick)
                except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
                    failures.append(f"{row.name} on {side} failed: {error}")
                    continue
                samples.setdefault((row.name, side), []).append(value)
    return samples, failures
