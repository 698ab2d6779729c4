"""Compiles the extension modules of these tests: apart from aioxide, on its table only."""

from __future__ import annotations

import ctypes
import importlib.machinery
import importlib.util
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parent
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
DEADLINE = 120  # seconds, for a compiler on a busy machine


def compile_in_c(folder: Path, name: str, extra: int = 0) -> Path:
    """Compile ``extension/probe.c`` as the module ``name`` into ``folder``.

    Args:
        folder: where it goes.
        name: what the module is called.
        extra: how many entries its table of functions has more than the first version.
    """
    made = folder / f"{name}{SUFFIX}"
    options = ["-std=gnu11", "-O2", "-shared", "-fPIC", "-pthread", "-Wall", "-Wextra"]
    options += ["-Werror", "-Wno-cast-function-type"]
    if sys.platform == "darwin":
        options += ["-undefined", "dynamic_lookup"]
    if "libasan" in os.environ.get("LD_PRELOAD", ""):
        options += ["-fsanitize=address", "-g"]
    command = [
        *os.environ.get("CC", "cc").split(),
        *options,
        f"-I{sysconfig.get_path('include')}",
        f"-DMODULE={name}",
        f"-DEXTRA={extra}",
        str(HERE / "extension/probe.c"),
        "-o",
        str(made),
    ]
    # The sanitizer's library is for the interpreter: compilers leave memory behind.
    environment = {key: value for key, value in os.environ.items() if key != "LD_PRELOAD"}
    subprocess.run(command, check=True, timeout=DEADLINE, env=environment)
    return made


def load(path: Path) -> ModuleType:
    """Import the module that lies at ``path``."""
    name = path.name.removesuffix(SUFFIX)
    loader = importlib.machinery.ExtensionFileLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def compile_in_rust(folder: Path, profile: str) -> ctypes.PyDLL:
    """Compile ``rust_extension`` with a profile into ``folder``; return the library, loaded.

    The crate has no dependency but the table, so that nothing is fetched.
    """
    command = [os.environ.get("CARGO", "cargo"), "build", "--quiet", "--offline", "--locked"]
    environment = {key: value for key, value in os.environ.items() if key != "LD_PRELOAD"}
    subprocess.run(
        [*command, "--profile", profile],
        cwd=HERE / "rust_extension",
        check=True,
        timeout=DEADLINE,
        env={**environment, "CARGO_TARGET_DIR": str(folder)},
    )
    ending = "dylib" if sys.platform == "darwin" else "so"
    library = ctypes.PyDLL(
        str(folder / ("debug" if profile == "dev" else profile) / f"libabi_probe.{ending}")
    )
    for name, count in (("probe_sleep", 1), ("probe_sleep_both", 2), ("probe_panic", 0)):
        function = getattr(library, name)
        function.argtypes = [ctypes.c_double] * count
        function.restype = ctypes.py_object
    return library
