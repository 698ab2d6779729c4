"""A million operations of each kind, and what they leave behind: ``make leaks``.

    python tests/leaks/run.py                  # a million of each, on aioxide
    python tests/leaks/run.py --count 10000 --only queue lock
    python tests/leaks/run.py --api asyncio    # the control

Exit status 0 if nothing grew, 1 if something did, 2 for arguments that make no sense.
"""

import argparse
import importlib
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from leaks.counting import growth  # noqa: E402
from leaks.operations import OPERATIONS  # noqa: E402

#: A kind leaks if so many operations leave one object, block or reference each …
OPERATIONS_PER_LEAK = 100
#: … or as many bytes of resident memory, beyond what the allocator keeps for later.
SLACK = 4 << 20


def arguments():
    parser = argparse.ArgumentParser(description="Look for what operations leave behind.")
    parser.add_argument("--count", type=int, default=1_000_000, help="operations of each kind")
    parser.add_argument("--api", choices=["aioxide", "asyncio"], default="aioxide")
    parser.add_argument("--only", nargs="+", metavar="KIND", help="these kinds alone")
    given = parser.parse_args()
    if given.count < 100:
        parser.error(f"--count is 100 or more, not {given.count}")
    for name in given.only or ():
        if name not in OPERATIONS:
            parser.error(f"no operation {name!r}; there are: {', '.join(OPERATIONS)}")
    return given


def main():
    given = arguments()
    api = importlib.import_module(given.api)
    leaking = []
    print(f"{given.count:,} operations of each kind, {given.api}, CPython {sys.version.split()[0]}")
    print(f"{'':32}{'objects':>9}{'blocks':>9}{'references':>12}{'KiB':>8}{'s':>8}")
    for name in given.only or OPERATIONS:
        loop = api.new_event_loop()
        try:
            start = time.perf_counter()
            left = growth(api, loop, OPERATIONS[name], given.count)
            took = time.perf_counter() - start
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            loop.close()
        allowed = given.count // OPERATIONS_PER_LEAK
        grew = max(left.objects, left.blocks, left.references) >= allowed
        if grew or left.resident >= allowed + SLACK:
            leaking.append(name)
        print(
            f"{name:32}{left.objects:>9,}{left.blocks:>9,}{left.references:>12,}"
            f"{left.resident // 1024:>8,}{took:>8.1f}{'  LEAKS' if name in leaking else ''}",
            flush=True,
        )
    if leaking:
        print(f"what grew: {', '.join(leaking)}")
        return 1
    print("nothing grew")
    return 0


if __name__ == "__main__":
    sys.exit(main())
