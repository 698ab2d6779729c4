"""The options that stand before the program."""

from __future__ import annotations

from dataclasses import dataclass

from aioxide._asyncio.installation import install_for_program

from ._programs import BadCommandLineError

__all__ = ("SAVE", "Options", "take_options")

_DEFAULT_WATCH = 100.0
#: Where `--record` saves, as with the environment variable AIOXIDE_RECORD=1.
SAVE = "aioxide-{pid}.aiotrace"


@dataclass
class Options:
    """What is set up before the program's first line."""

    http: bool = False
    keep_loops: bool = False
    watch: float | None = None
    """Milliseconds from which the watchdog reports; None if it is off."""
    record: bool = False
    """Whether to keep the last events in memory, and save them when an exception is unhandled."""
    console: bool = False
    """Whether other processes may look into this one."""

    def apply(self) -> None:
        """Install aioxide, and switch on what was asked for."""
        install_for_program(keeps_loops=self.keep_loops, http=self.http)
        if self.watch is not None:
            from aioxide.watchdog import watch

            watch(self.watch)
        if self.record:
            from aioxide.recording._session import record_from_outside

            record_from_outside(save=SAVE)
        if self.console:
            from aioxide import console

            console.start_from_outside()


def take_options(arguments: list[str], options: Options) -> list[str]:
    """Take the options off the front of a command line, into ``options``.

    Returns:
        The rest: the program and its arguments.

    Raises:
        BadCommandLineError: an option has a value that it cannot have.
    """
    rest = list(arguments)
    while rest:
        name, given, value = rest[0].partition("=")
        if rest[0] == "--http":
            options.http = True
        elif rest[0] == "--keep-loops":
            options.keep_loops = True
        elif rest[0] == "--record":
            options.record = True
        elif rest[0] == "--console":
            options.console = True
        elif name == "--watch":
            options.watch = _milliseconds(value) if given else _DEFAULT_WATCH
        else:
            break
        del rest[0]
    return rest


def _milliseconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value < float("inf"):
        raise BadCommandLineError(f"--watch takes milliseconds, at least 1, not {text!r}")
    return value
