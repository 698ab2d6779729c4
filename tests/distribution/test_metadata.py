"""What pyproject.toml tells the package index."""

import re
import subprocess
import tomllib
from importlib import metadata

import aioxide
import pytest
from distribution.published import CHECKOUT


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]


def supported_minors():
    """The versions of Python that scripts/find-python takes."""
    usage = subprocess.run(
        [CHECKOUT / "scripts" / "find-python", "--help"], capture_output=True, text=True, check=True
    )
    first, last = re.search(r"3\.(\d+) to\s+3\.(\d+)", usage.stdout).groups()
    return range(int(first), int(last) + 1)


def test_version_is_that_of_the_workspace():
    workspace = tomllib.loads((CHECKOUT / "Cargo.toml").read_text())["workspace"]
    assert aioxide.__version__ == workspace["package"]["version"]
    assert metadata.version("aioxide") == aioxide.__version__


def test_every_supported_python_has_a_classifier(project):
    prefix = "Programming Language :: Python :: 3."
    minors = [
        int(classifier.removeprefix(prefix))
        for classifier in project["classifiers"]
        if classifier.startswith(prefix)
    ]
    assert minors == list(supported_minors())
    assert project["requires-python"] == f">=3.{minors[0]}"


def test_licence_is_an_expression_with_its_files(project):
    workspace = tomllib.loads((CHECKOUT / "Cargo.toml").read_text())["workspace"]
    assert project["license"] == workspace["package"]["license"]
    for name in project["license-files"]:
        assert (CHECKOUT / name).is_file()
    assert not [each for each in project["classifiers"] if each.startswith("License ::")]


def test_addresses_are_in_the_repository(project):
    workspace = tomllib.loads((CHECKOUT / "Cargo.toml").read_text())["workspace"]
    assert {"Homepage", "Documentation", "Source", "Changelog", "Issues"} <= set(project["urls"])
    for address in project["urls"].values():
        assert address.startswith(workspace["package"]["repository"])


def test_package_needs_no_other_package(project):
    assert not project.get("dependencies")
