"""What is published, and an empty environment to install it in.

The wheels come from the folder that the environment variable ``AIOXIDE_DIST`` names (`make
test-wheels` sets it). Without it their tests are left out: building a wheel takes minutes.
"""

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from distribution.environment import Environment
from distribution.published import CHECKOUT, DIST

collect_ignore = [] if DIST else ["test_wheels.py", "test_installing.py", "test_console.py"]


@pytest.fixture
def environment(tmp_path):
    """An empty environment for Python packages, outside of the checkout."""
    assert not tmp_path.is_relative_to(CHECKOUT)
    return Environment(tmp_path)


@pytest.fixture(scope="session")
def sdist(tmp_path_factory):
    """The source distribution, as pip would be given it."""
    if DIST:
        [path] = Path(DIST).glob("aioxide-*.tar.gz")
        return path
    maturin = Path(sys.executable).with_name("maturin")
    if not maturin.exists():
        pytest.skip("maturin is not installed beside this Python")
    folder = tmp_path_factory.mktemp("sdist")
    subprocess.run(
        [maturin, "sdist", "--out", folder],
        cwd=CHECKOUT,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=30,
    )
    [path] = folder.glob("aioxide-*.tar.gz")
    return path


@pytest.fixture(scope="session")
def sdist_files(sdist):
    """The content of each file of the source distribution by its path in there."""
    with tarfile.open(sdist) as archive:
        return {
            member.name.partition("/")[2]: archive.extractfile(member).read()
            for member in archive
            if member.isfile()
        }
