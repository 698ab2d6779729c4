"""The distribution: one program, for every Python."""

import subprocess
import sys
import zipfile
from pathlib import Path

from conftest import PROGRAM, ROOT, run


def test_the_wheel_is_the_program_for_every_python(tmp_path):
    maturin = Path(sys.executable).with_name("maturin")
    subprocess.run(
        [maturin, "build", "-q", "--locked", "--profile", "dev", "--out", tmp_path],
        cwd=ROOT / "crates" / "aioxide-console",
        check=True,
        timeout=110,
    )
    (wheel,) = tmp_path.glob("*.whl")
    assert "-py3-none-" in wheel.name
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith("/METADATA"))
        assert "Name: aioxide-console" in archive.read(metadata).decode()
    programs = [name for name in names if name.endswith("/scripts/aioxide-console")]
    assert len(programs) == 1
    assert not [name for name in names if name.endswith((".py", ".so"))]


def test_help_names_the_commands_and_a_wrong_one_is_an_error():
    assert PROGRAM.exists()
    assert "convert IN OUT" in run("--help").stdout
    wrong = run("paint")
    assert wrong.returncode == 2
    assert "paint" in wrong.stderr
    assert "--help" in wrong.stderr
