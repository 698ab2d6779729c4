"""Programs of Debian: those that are installed, or else what apt brings."""

from __future__ import annotations

import glob
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .catalogue import NATS, POSTGRESQL, REDIS, WRK

__all__ = ("Tools", "Unavailable", "provide")


class Unavailable(Exception):
    """Something cannot be had on this machine; the message says why."""


@dataclass(frozen=True)
class Tools:
    """Executables, and the environment they need."""

    # By the name of the file.
    paths: dict[str, Path]
    environment: dict[str, str]


_EXECUTABLES = {
    POSTGRESQL: ("initdb", "postgres"),
    REDIS: ("redis-server",),
    NATS: ("nats-server",),
    WRK: ("wrk",),
}
# PostgreSQL's are not on PATH: there may be several versions beside each other.
_POSTGRESQL_FOLDERS = "usr/lib/postgresql/*/bin"


def provide(package: str, folder: Path) -> Tools:
    """Find the executables of a Debian package; install the package if they are not there.

    Root installs it. Anybody else unpacks it, with what it depends on, into a folder.

    Args:
        package: one of the catalogue.
        folder: where packages are unpacked to.

    Raises:
        Unavailable: it is not there and apt does not bring it.
    """
    unpacked = folder / package
    found = _installed(package) or _unpacked(package, unpacked)
    if found:
        return found
    if shutil.which("apt-get") is None:
        raise Unavailable(f"{package} is not installed and there is no apt-get to install it")
    if os.geteuid() == 0:
        print(f"installing {package} with apt-get", flush=True)
        _install(package)
    else:
        print(f"unpacking {package} from Debian into {unpacked}", flush=True)
        _unpack(package, unpacked)
    found = _installed(package) or _unpacked(package, unpacked)
    if not found:
        raise Unavailable(f"the Debian package {package} brings no {_EXECUTABLES[package][0]}")
    return found


def _installed(package: str) -> Tools | None:
    folders = sorted(glob.glob(f"/{_POSTGRESQL_FOLDERS}"), key=_natural, reverse=True)
    path = os.pathsep.join([*folders, os.environ.get("PATH", os.defpath), "/usr/sbin"])
    return _tools(package, path, {})


def _unpacked(package: str, root: Path) -> Tools | None:
    folders = sorted(glob.glob(f"{root}/{_POSTGRESQL_FOLDERS}"), key=_natural, reverse=True)
    path = os.pathsep.join([*folders, f"{root}/usr/bin", f"{root}/usr/sbin"])
    libraries = glob.glob(f"{root}/usr/lib/*-linux-gnu*") + glob.glob(f"{root}/lib/*-linux-gnu*")
    return _tools(package, path, {"LD_LIBRARY_PATH": os.pathsep.join(libraries)})


def _tools(package: str, path: str, environment: dict[str, str]) -> Tools | None:
    paths = {}
    for name in _EXECUTABLES[package]:
        found = shutil.which(name, path=path)
        if found is None:
            return None
        paths[name] = Path(found)
    return Tools(paths, environment)


def _natural(path: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", path)]


def _install(package: str) -> None:
    # RUNLEVEL keeps the package from starting a service of its own.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    command = ["apt-get", "install", "--quiet", "--yes", "--no-install-recommends", package]
    try:
        _apt(command, environment=environment)
    except Unavailable:
        # The lists may be absent or out of date.
        _apt(["apt-get", "update", "--quiet"], environment=environment)
        _apt(command, environment=environment)


def _unpack(package: str, root: Path) -> None:
    # Complete or not there: half of it would be found next time.
    unfinished = root.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    downloads = unfinished / "packages"
    downloads.mkdir(parents=True)
    wanted = _apt(["apt-get", "--simulate", "--no-install-recommends", "install", package])
    names = re.findall(r"^Inst (\S+)", wanted, re.MULTILINE)
    _apt(["apt-get", "download", *names], folder=downloads)
    for file in sorted(downloads.glob("*.deb")):
        _apt(["dpkg", "-x", str(file), str(unfinished)])
    shutil.rmtree(downloads)
    unfinished.rename(root)


def _apt(
    command: list[str], *, environment: dict[str, str] | None = None, folder: Path | None = None
) -> str:
    done = subprocess.run(
        command,
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise Unavailable(f"`{' '.join(command[:3])} …` failed: {lines[-1]}")
    return done.stdout
