"""The environment with the programs' packages: pip installs it, from the package index."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from .catalogue import Program

__all__ = ("Packages",)

_CHECKOUT = Path(__file__).resolve().parent.parent.parent
_REQUIREMENTS = _CHECKOUT / "requirements"

_VERSIONS = """
import importlib.metadata, json, sys
print(json.dumps({d.metadata["Name"].lower().replace("_", "-"): d.version
                  for d in importlib.metadata.distributions() if d.metadata["Name"]}))
"""


class Packages:
    """A virtual environment of its own, so that no plugin of a program meddles with the tests."""

    def __init__(self, requirements: str) -> None:
        """Args:
        requirements: the list of packages; the environment has its name, and is made and filled
            as far as it is not.
        """
        self._folder = _CHECKOUT / f".venv-{requirements}"
        self.python = self._folder / "bin" / "python"
        own = _REQUIREMENTS / f"{requirements}-constraints.txt"
        self._constraints = own if own.exists() else _REQUIREMENTS / "constraints.txt"
        self._problem = self._prepare(requirements)
        self._add_start_up_hook()
        self._versions = self._ask_versions()

    def version(self, program: Program) -> str:
        """The version of what the program is about; Python's own if it needs no package."""
        if not program.distributions:
            return "Python {}.{}.{}".format(*sys.version_info[:3])
        return self._versions.get(program.distributions[0], "–")

    def missing(self, program: Program) -> str | None:
        """Why a program's packages are not all there, or None when they are."""
        missing = [name for name in program.distributions if name not in self._versions]
        if missing and self.python.exists():
            # All at once could not be had; perhaps these can.
            self._problem = self._pip(missing)
            self._versions = self._ask_versions()
            missing = [name for name in program.distributions if name not in self._versions]
        if not missing:
            return None
        return f"pip cannot install {', '.join(missing)}: {self._problem}"

    def _prepare(self, requirements: str) -> str:
        done = subprocess.run(
            [str(_CHECKOUT / "scripts" / "prepare-venv"), sys.executable, requirements],
            cwd=_CHECKOUT,
            env={
                **os.environ,
                "VENV": str(self._folder),
                "CONSTRAINTS": str(self._constraints),
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        return _reason(done.stderr) if done.returncode else ""

    def _add_start_up_hook(self) -> None:
        """Do what installing aioxide would do there: its package is on ``PYTHONPATH`` instead."""
        hook = _CHECKOUT / "python" / "aioxide.data" / "platlib" / "aioxide_startup.pth"
        for folder in self._folder.glob("lib/python3*/site-packages"):
            shutil.copy(hook, folder)

    def _pip(self, names: list[str]) -> str:
        command = [str(self.python), "-m", "pip", "install", "--quiet"]
        command += ["--disable-pip-version-check", "--retries", "1"]
        command += ["--constraint", str(self._constraints), *names]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        return _reason(done.stderr) if done.returncode else ""

    def _ask_versions(self) -> dict[str, str]:
        if not self.python.exists():
            return {}
        command = [str(self.python), "-c", _VERSIONS]
        return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def _reason(output: str) -> str:
    """What pip says is wrong: the first thing that it calls an error, or else the last line."""
    if "Retrying (" in output:
        # What pip concludes from finding no version at all misleads.
        return "the package index does not answer"
    lines = [line for line in output.splitlines() if line.strip()] or ["no reason given"]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return [*errors, lines[-1]][0]
