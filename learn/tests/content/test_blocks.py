"""Does every program of the course run as the text says, on aioxide and on asyncio?

``--content-python=PYTHON`` runs them with another interpreter.
"""

import json
import pathlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from content import blocks

RUNNER = pathlib.Path(__file__).with_name("run_blocks.py")
BLOCKS = blocks.all_blocks()
LOOPS = {"aioxide": ["-m", "aioxide"], "asyncio": []}
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def results(pytestconfig):
    """What each program printed and complained about, by loop and name."""
    python = pytestconfig.getoption("--content-python", None) or sys.executable
    version = subprocess.run(
        [python, "-c", "import sys; print(sys.version_info[1])"], capture_output=True, check=True
    )
    minor = int(version.stdout)
    runs = [
        {"name": block.name, "source": block.source, "real": block.real}
        for block in BLOCKS
        if block.minor <= minor
    ]

    def run(loop):
        finished = subprocess.run(
            [python, *LOOPS[loop], str(RUNNER)],
            input=json.dumps(runs),
            capture_output=True,
            text=True,
        )
        assert finished.returncode == 0, finished.stderr
        return {result["name"]: result for result in json.loads(finished.stdout)}

    with ThreadPoolExecutor() as pool:
        return dict(zip(LOOPS, pool.map(run, LOOPS), strict=True))


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_block(block, loop, results):
    result = results[loop].get(block.name)
    if result is None:
        pytest.skip(f"for Python 3.{block.minor} and newer")
    printed, complaints = result["printed"], result["complaints"]
    if block.wrong is None:
        assert complaints == "", printed
    else:
        assert complaints, f"it should fail; it printed {printed!r}"
        assert block.wrong in complaints
    if block.output is not None:
        assert printed == block.output


def test_output_belongs_to_a_program():
    with pytest.raises(ValueError, match="here:1: this output follows no program"):
        blocks.blocks_of("```output\nnothing\n```\n", "here")


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="here:3: unknown kind of block: 'pythno'"):
        blocks.blocks_of("\n\n```pythno\n1\n```\n", "here")
    with pytest.raises(ValueError, match="unknown kind"):
        blocks.blocks_of("```python wrong=unquoted\n1\n```\n", "here")


def test_a_block_is_read_with_its_markers():
    text = '<!-- needs Python 3.13 -->\n```python wrong="never"\nx\n```\n'
    assert blocks.blocks_of(text, "p") == [blocks.Block("p:2", "x\n", wrong="never", minor=13)]
