"""Which of CPython's test modules and classes are taken."""

import fnmatch
import re
import sys
from collections.abc import Iterable
from pathlib import Path

PACKAGE = "test.test_asyncio"

#: These test the insides of the pure-Python loops, which another loop lacks.
ABOUT_PURE_PYTHON_LOOPS = (
    "test_base_events",
    "test_selector_events",
    "test_unix_events",
    "test_proactor_events",
    "test_windows_*",
)

# One test class per selector: EPollEventLoopTests, PollEventLoopTests, ...
_ONE_PER_SELECTOR = re.compile(r"^(EPoll|Kqueue|DevPoll|Poll|Select)EventLoopTests$")
_SELECTORS_BEST_FIRST = ("EPoll", "Kqueue", "DevPoll", "Poll", "Select")


def module_names() -> list[str]:
    """The names (``test_tasks``) of the modules that are taken, sorted.

    Raises:
        ModuleNotFoundError: this interpreter comes without CPython's tests.
    """
    names = sorted(path.stem for path in package_folder().glob("test_*.py"))
    return [
        name
        for name in names
        if not any(fnmatch.fnmatch(name, left) for left in ABOUT_PURE_PYTHON_LOOPS)
    ]


def package_folder() -> Path:
    """The folder of ``test.test_asyncio``.

    It is found without importing the package, which needs much of the
    interpreter and belongs into the processes that run the tests.

    Raises:
        ModuleNotFoundError: this interpreter comes without CPython's tests.
    """
    import test

    for parent in test.__path__:
        folder = Path(parent) / "test_asyncio"
        if (folder / "__init__.py").is_file():
            return folder
    raise ModuleNotFoundError(
        f"{sys.executable} comes without the package {PACKAGE}: "
        "install CPython's tests for it (Debian: libpython3-testsuite)"
    )


def classes_taken(class_names: Iterable[str]) -> set[str]:
    """Leave out the repetitions among a module's test classes.

    Where a module repeats its tests for each selector of the standard loop, one
    class is enough for a loop that has no selector: the one of the selector
    that the platform prefers.
    """
    names = set(class_names)
    repeated = {name for name in names if _ONE_PER_SELECTOR.match(name)}
    if not repeated:
        return names
    best = next(
        f"{selector}EventLoopTests"
        for selector in _SELECTORS_BEST_FIRST
        if f"{selector}EventLoopTests" in repeated
    )
    return names - repeated | {best}


def class_of(test_id: str) -> str:
    """The class in an id: ``SleepTests`` in ``test_tasks.SleepTests.test_x``."""
    return test_id.split(".")[1]
