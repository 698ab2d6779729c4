"""One sample: one workload on one loop, in this process, printed as JSON.

``run.py`` starts it anew for every sample, so that none inherits the heap, the
caches or the imports of another.
"""

from __future__ import annotations

import argparse
import importlib
import json

import loops
import rows
from loops import FLOOR, LOOPS
from workloads.sampling import Measurement, Sampling, Workload


def measure(row: rows.Row, sampling: Sampling) -> Measurement:
    """Runs the workload of `row`."""
    module, _, function = row.workload.rpartition(".")
    workload: Workload = getattr(importlib.import_module(f"workloads.{module}"), function)
    return workload(sampling)


def main() -> None:
    """Reads the command line, measures and prints."""
    parser = argparse.ArgumentParser(description="Take one sample and print it as JSON.")
    parser.add_argument("row", type=rows.find, help="the row's name")
    parser.add_argument("loop", choices=(*LOOPS, FLOOR))
    parser.add_argument("--quick", action="store_true", help="shorter and noisier")
    arguments = parser.parse_args()
    loops.put_in_place(arguments.loop)
    sampling = (Sampling.quick if arguments.quick else Sampling)(arguments.loop)
    measurement = measure(arguments.row, sampling)
    print(json.dumps({"value": measurement.value, **measurement.details}))


if __name__ == "__main__":
    main()
