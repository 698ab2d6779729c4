"""The capsule, and the table in it."""

import ctypes
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from aioxide import _aioxide

NAME = b"aioxide._aioxide._loop_v1"


def pointer_of(capsule, name):
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype = ctypes.c_void_p
    get.argtypes = [ctypes.py_object, ctypes.c_char_p]
    return get(capsule, name)


def test_the_capsule_has_the_name_of_its_version():
    assert type(_aioxide._loop_v1).__name__ == "PyCapsule"
    assert pointer_of(_aioxide._loop_v1, NAME)
    with pytest.raises(ValueError, match="incorrect name"):
        pointer_of(_aioxide._loop_v1, NAME.replace(b"v1", b"v2"))


def test_it_is_found_by_its_name():
    find = ctypes.pythonapi.PyCapsule_Import
    find.restype = ctypes.c_void_p
    find.argtypes = [ctypes.c_char_p, ctypes.c_int]
    assert find(NAME, 0) == pointer_of(_aioxide._loop_v1, NAME)
    # An extension of another version runs as it does without aioxide.
    with pytest.raises((AttributeError, ImportError)):
        find(NAME.replace(b"v1", b"v2"), 0)


def test_the_table_says_its_size_and_version(probe):
    size, major, minor = probe.table()
    assert size == 16 + 14 * ctypes.sizeof(ctypes.c_void_p)
    assert (major, minor) == (1, 0)


def test_a_table_that_has_grown_serves_an_extension_of_the_first_version(probe):
    """An extension compares the size before it uses what came later, and nothing else."""
    size, _, _ = probe.table()
    grown = (ctypes.c_char * (size + 64)).from_buffer_copy(
        ctypes.string_at(pointer_of(_aioxide._loop_v1, NAME), size) + bytes(64)
    )
    ctypes.c_size_t.from_buffer(grown).value = size + 64
    running_loop = ctypes.cast(ctypes.addressof(grown) + 16, ctypes.POINTER(ctypes.c_void_p))
    assert (
        running_loop[0]
        == ctypes.cast(pointer_of(_aioxide._loop_v1, NAME) + 16, ctypes.POINTER(ctypes.c_void_p))[0]
    )


def test_the_header_in_c_has_the_layout_of_the_crate(folder):
    """The compiler of C counts the same bytes as the crate's own assertions."""
    source = folder / "layout.c"
    source.write_text(
        """
        #include "loop_v1.h"
        _Static_assert(offsetof(struct aioxide_table, running_loop) == 16, "running_loop");
        _Static_assert(offsetof(struct aioxide_table, spawn) == 16 + 8 * 13, "spawn");
        _Static_assert(sizeof(struct aioxide_table) == 16 + 8 * 14, "table");
        _Static_assert(offsetof(struct aioxide_body_table, traverse) == 32, "traverse");
        _Static_assert(sizeof(struct aioxide_wake) == 24, "wake");
        _Static_assert(sizeof(struct aioxide_definition) == 56, "definition");
        """
    )
    if sys.maxsize > 2**32:
        here = Path(__file__).resolve().parent / "extension"
        include = sysconfig.get_path("include")
        subprocess.run(
            ["cc", "-fsyntax-only", f"-I{here}", f"-I{include}", source], check=True, timeout=60
        )
