"""Install aioxide in the child processes of a program that runs on it.

The interpreter's start-up executes ``aioxide_startup.pth``, which imports this module only if the
environment variable ``AIOXIDE`` is set; ``multiprocessing`` calls `begin` before the process's own
work. Both happen before the first import of asyncio, and this module does not import it: a process
that does not use asyncio must not pay for it. So `begin` waits for that import.

This module is not in the package ``aioxide``, because that cannot be imported without asyncio.
"""

import os
import sys

__all__ = (
    "HTTP",
    "KEEP_LOOPS",
    "LOOPS",
    "OFF",
    "ON",
    "VARIABLE",
    "ImportWatch",
    "begin",
    "is_off",
    "said",
)

#: The environment variable and its values. Of ``KEEP_LOOPS`` and ``HTTP`` there may be both, with a
#: comma between them. Any other value means the same as ``ON``.
VARIABLE = "AIOXIDE"
ON = "1"
KEEP_LOOPS = "keep-loops"  # as ON, but the loops of other packages are not replaced
HTTP = "http"  # as ON, and HTTP clients are accelerated
OFF = "0"

#: Packages with their own loops. Each imports asyncio during its own import.
LOOPS = ("uvloop", "rloop", "zuvloop")


class ImportWatch:
    """A module finder that finds nothing itself: it calls back when certain modules are imported.

    It is first in ``sys.meta_path`` and delegates to the finders behind it.
    """

    def __init__(self):
        self._calls = {}
        self._calls_before = {}

    def start(self):
        """Begin to watch. A second call changes nothing."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def stop(self):
        """Stop watching and drop all registered calls."""
        self._calls.clear()
        self._calls_before.clear()
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def when_imported(self, name, call):
        """Call ``call(module)`` each time that the module of this name has been executed."""
        self._calls[name] = call

    def before_import(self, name, call):
        """Call ``call()`` once, when a module of this name is first searched for."""
        self._calls_before[name] = call

    def find_spec(self, name, path=None, target=None):
        """Return what the finders behind this one return."""
        call_before = self._calls_before.pop(name, None)
        if call_before is not None:
            call_before()
        call = self._calls.get(name)
        if call is None and call_before is None:
            return None
        finders = list(sys.meta_path)
        # If the watch has been stopped, other finders may be first in the list.
        if self in finders:
            del finders[: finders.index(self) + 1]
        for finder in finders:
            find = getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find is not None else None
            if spec is not None:
                if call is not None and hasattr(spec.loader, "exec_module"):
                    spec.loader = _WatchedLoader(spec.loader, call)
                return spec
        return None


class _WatchedLoader:
    """The loader of a module until the module is executed; then the real loader is restored."""

    def __init__(self, loader, call):
        self._loader = loader
        self._call = call

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def exec_module(self, module):
        """Execute the module, then call back."""
        module.__spec__.loader = self._loader
        if getattr(module, "__loader__", None) is self:
            module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._call(module)


_watch = ImportWatch()


def is_off():
    """Whether the environment disables aioxide in child processes."""
    return os.environ.get(VARIABLE) == OFF


def said(word):
    """Whether the environment variable contains this word."""
    return word in os.environ.get(VARIABLE, OFF).split(",")


def begin(loops, http=False):
    """Install aioxide as soon as this process imports asyncio.

    Args:
        loops, http: as for `aioxide.install`; None for loops leaves the process on asyncio's loop.
    """
    if loops is None:
        _watch.stop()
        if "aioxide" in sys.modules:
            sys.modules["aioxide"].uninstall()
        return
    if is_off():
        return

    def install(package):
        _watch.stop()
        package._asyncio.installation.install_in_child(loops, http)

    def import_aioxide(module):
        try:
            # If aioxide itself imports asyncio, its import has not ended yet.
            import aioxide  # noqa: F401
        except ImportError as reason:
            # In a sub-interpreter, for example. The program continues on asyncio's loop.
            _watch.stop()
            import warnings

            warnings.warn(f"aioxide cannot be used here: {reason}", ImportWarning, stacklevel=2)

    if "aioxide" in sys.modules:
        install(sys.modules["aioxide"])
        return
    _watch.when_imported("aioxide", install)
    _watch.when_imported("asyncio", import_aioxide)
    for package in LOOPS if loops else ():
        _watch.before_import(package, _import_asyncio)
    _watch.start()
    if "asyncio" in sys.modules:
        import_aioxide(sys.modules["asyncio"])


def _import_asyncio():
    import asyncio  # noqa: F401


def begin_as_the_environment_says():
    """Follow ``AIOXIDE``, unless the interpreter ignores its environment (``-E``, ``-I``)."""
    if os.environ.get(VARIABLE, OFF) and not sys.flags.ignore_environment:
        begin(loops=not said(KEEP_LOOPS), http=said(HTTP))
