"""What the standard asyncio passes on this interpreter, measured once and kept.

Two runs make it. In the first nothing is touched: what passes there is what
counts. In the second no loop can be made: what still passes says nothing about
a loop, and the report can tell such tests from the others.
"""

import json
import platform
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from . import loops
from .outcomes import PASSED, ModuleOutcome

_FORMAT = 1


@dataclass(frozen=True)
class ModuleBaseline:
    """The baseline of one module, as test ids.

    Attributes:
        passed: what the standard asyncio passes.
        without_a_loop: of these, what passes when no loop can be made.
    """

    passed: frozenset[str]
    without_a_loop: frozenset[str]


class Baseline:
    """The baselines of this interpreter, kept in a file of *folder*.

    Args:
        folder: where the file is or will be. A file that another build of the
            interpreter has written is not used.
        run: runs a module on a loop (module name, loop name).
    """

    def __init__(self, folder: Path, run: Callable[[str, str], ModuleOutcome]) -> None:
        version = platform.python_version()
        build = f"{sys.implementation.name}-{version}-{sys.platform}-{platform.machine()}"
        self.path = folder / f"baseline-{build}.json"
        self._run = run
        self._modules = self._read()

    def missing(self, modules: Iterable[str]) -> list[str]:
        """Those of *modules* that are not measured yet."""
        return [name for name in modules if name not in self._modules]

    def forget(self, modules: Iterable[str]) -> None:
        """Have *modules* measured again."""
        for name in modules:
            self._modules.pop(name, None)

    def measure(self, module: str) -> None:
        """Run *module* twice and remember what passed. The file is not written."""
        untouched = _passed(self._run(module, loops.UNTOUCHED))
        without = _passed(self._run(module, loops.NO_LOOP))
        self._modules[module] = ModuleBaseline(untouched, untouched & without)

    def of(self, module: str) -> ModuleBaseline:
        return self._modules[module]

    def save(self) -> None:
        """Write all that is known to the file."""
        modules = {
            name: {
                "passed": sorted(baseline.passed),
                "without_a_loop": sorted(baseline.without_a_loop),
            }
            for name, baseline in sorted(self._modules.items())
        }
        kept = {"format": _FORMAT, "interpreter": sys.version, "modules": modules}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps(kept, indent=1))
        partial.replace(self.path)

    def _read(self) -> dict[str, ModuleBaseline]:
        if not self.path.exists():
            return {}
        kept = json.loads(self.path.read_text())
        if kept["format"] != _FORMAT or kept["interpreter"] != sys.version:
            return {}
        return {
            name: ModuleBaseline(frozenset(module["passed"]), frozenset(module["without_a_loop"]))
            for name, module in kept["modules"].items()
        }


def _passed(outcome: ModuleOutcome) -> frozenset[str]:
    return frozenset(test.test for test in outcome.tests.values() if test.outcome == PASSED)
