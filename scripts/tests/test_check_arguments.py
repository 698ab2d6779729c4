"""scripts/check-arguments: no function that Python calls takes a `Vec`."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parent.parent / "check-arguments"


def check(folder, source):
    path = folder / "crates/aioxide-python/src/module.rs"
    path.parent.mkdir(parents=True)
    path.write_text(source)
    command = [sys.executable, SCRIPT, "--root", folder]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize(
    "source",
    [
        "#[pyfunction]\n#[pyo3(signature = (a, /))]\npub fn bad(a: Vec<u8>) {}",
        '#[pyfunction(name = "x")]\nfn bad(py: Python<\'_>, a: Option<Vec<(u8, u8)>>) -> u8 { 0 }',
        "#[pymethods]\nimpl A {\n fn good(&self) { f(|x: Vec<u8>| {}) }\n"
        "fn bad(&self, a: Vec<u8>) {}\n}",
    ],
)
def test_a_vec_is_found(tmp_path, source):
    done = check(tmp_path, source)
    assert (done.returncode, done.stdout) == (1, "module.rs: bad takes a Vec; take Items\n")


@pytest.mark.parametrize(
    "source",
    [
        "#[pyfunction]\npub fn good(a: Items<u8>) -> Vec<u8> { let b: Vec<u8> = a.0; b }",
        "fn inside(a: Vec<u8>) {}",
        "#[pyfunction]\nfn good() {}\nfn inside(a: Vec<u8>) {}",
        "#[pymethods]\nimpl A { fn good(&self) {} }\nimpl A { fn inside(a: Vec<u8>) {} }",
        "#[pyfunction]\n// not a: Vec<u8>\nfn good(a: u8) {}",
    ],
)
def test_what_is_not_one(tmp_path, source):
    done = check(tmp_path, source)
    assert (done.returncode, done.stdout) == (0, "")
