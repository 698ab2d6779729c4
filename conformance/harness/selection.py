"""Which of CPython's test modules and classes are taken."""

import fnmatch
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

# Families of classes that repeat the same tests for each variant of a part that
# only the standard loop has, the preferred variant first.
_REPETITIONS = (
    tuple(f"{name}EventLoopTests" for name in ("EPoll", "Kqueue", "DevPoll", "Poll", "Select")),
    tuple(f"Subprocess{name}WatcherTests" for name in ("Pidfd", "Threaded", "Safe", "Fast")),
)


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
    package = "libpython{}.{}-testsuite".format(*sys.version_info)
    raise ModuleNotFoundError(
        f"{sys.executable} comes without the package {PACKAGE}: "
        f"install CPython's tests for it (Debian: {package})"
    )


def classes_taken(class_names: Iterable[str]) -> set[str]:
    """Leave out the repetitions among a module's test classes.

    A module repeats its tests for each selector of the standard loop, or for
    each way in which it can watch child processes. One class of such a family
    is enough for a loop that has no selector and no watcher: the first of the
    family that is there.
    """
    taken = set(class_names)
    for family in _REPETITIONS:
        present = [name for name in family if name in taken]
        taken.difference_update(present[1:])
    return taken


def class_of(test_id: str) -> str:
    """The class in an id: ``SleepTests`` in ``test_tasks.SleepTests.test_x``."""
    return test_id.split(".")[1]
