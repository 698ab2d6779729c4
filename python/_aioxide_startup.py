"""How a process that a program starts comes to run on aioxide, too.

The interpreter's start-up executes ``aioxide_startup.pth``, which imports this module only if the
environment variable ``AIOXIDE`` asks for it; ``multiprocessing`` calls `begin` before the process's
own work. Both are before the first import of asyncio, and nothing here imports it: a process that
does without asyncio must not pay for it. So `begin` waits for that import.

This is no part of the package ``aioxide``, since that cannot be imported without asyncio.
"""

import os
import sys

__all__ = ("KEEP_LOOPS", "LOOPS", "OFF", "ON", "VARIABLE", "ImportWatch", "begin", "is_off")

#: The environment variable, and what it may say. Anything else says the same as ``ON``.
VARIABLE = "AIOXIDE"
ON = "1"
KEEP_LOOPS = "keep-loops"  # as ON, but other packages' loops are left alone
OFF = "0"

#: Packages with loops of their own. They import asyncio while they are imported themselves.
LOOPS = ("uvloop", "rloop", "zuvloop")


class ImportWatch:
    """A finder of modules that finds none itself: it tells when some have been imported.

    It stands first in ``sys.meta_path`` and lets the finders behind it do the work.
    """

    def __init__(self):
        self._calls = {}
        self._calls_before = {}

    def start(self):
        """Begin to watch. Doing it again changes nothing."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def stop(self):
        """Watch no more; what was asked for is forgotten."""
        self._calls.clear()
        self._calls_before.clear()
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def when_imported(self, name, call):
        """Have ``call(module)`` called each time that the module of this name was executed."""
        self._calls[name] = call

    def before_import(self, name, call):
        """Have ``call()`` called when a module of this name is looked for, once."""
        self._calls_before[name] = call

    def find_spec(self, name, path=None, target=None):
        """Answer what the finders behind this one answer."""
        call_before = self._calls_before.pop(name, None)
        if call_before is not None:
            call_before()
        call = self._calls.get(name)
        if call is None and call_before is None:
            return None
        finders = list(sys.meta_path)
        # If the watch has been stopped, others may have come to the front instead.
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
    """A module's loader until the module is executed; then the real one takes its place."""

    def __init__(self, loader, call):
        self._loader = loader
        self._call = call

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def exec_module(self, module):
        """Execute the module, then tell that this has been done."""
        module.__spec__.loader = self._loader
        if getattr(module, "__loader__", None) is self:
            module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._call(module)


_watch = ImportWatch()


def is_off():
    """Whether the environment forbids aioxide for the processes that a program starts."""
    return os.environ.get(VARIABLE) == OFF


def begin(loops):
    """Install aioxide as soon as this process imports asyncio.

    Args:
        loops: as `aioxide.install` takes it; None to leave the process on asyncio's loop.
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
        package._asyncio.installation.install_in_child(loops)

    def import_aioxide(module):
        try:
            # It may be aioxide itself that imports asyncio; then its own end is still to come.
            import aioxide  # noqa: F401
        except ImportError as reason:
            # For instance in a sub-interpreter. The program goes on with asyncio's loop.
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
    """Do as ``AIOXIDE`` says, unless the interpreter was told to ignore its environment."""
    said = os.environ.get(VARIABLE, OFF)
    if said and not sys.flags.ignore_environment:
        begin(loops=said != KEEP_LOOPS)
