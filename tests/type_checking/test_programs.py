"""The programs that are type-checked also run: what the types say is what there is.

``make typecheck`` has mypy and pyright read them, and stubtest compare the stubs with the package.
"""

import pathlib

import pytest

PROGRAMS = pathlib.Path(__file__).parent / "programs"


@pytest.mark.parametrize("name", sorted(path.stem for path in PROGRAMS.glob("*.py")))
def test_programs_run(run_script, name):
    result = run_script(
        f"import {name}; {name}.run()",
        env={"PYTHONPATH": str(PROGRAMS)},
        options=["-W", "error"],
    )
    assert (result.returncode, result.stderr) == (0, "")
