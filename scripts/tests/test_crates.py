"""The crates that are published have what crates.io and docs.rs show of them."""

import json
import os
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PUBLISHED = {
    "aioxide",
    "aioxide-abi",
    "aioxide-engine",
    "aioxide-macros",
    "aioxide-pyo3",
    "aioxide-pyo3-macros",
    "aioxide-sync",
}


def cargo(*arguments):
    command = [os.environ.get("CARGO", "cargo"), *arguments]
    done = subprocess.run(
        command, cwd=CHECKOUT, capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout


@pytest.fixture(scope="module")
def crates():
    told = cargo("metadata", "--no-deps", "--locked", "--offline", "--format-version=1")
    found = json.loads(told)
    # An empty list of registries is `publish = false`.
    return {it["name"]: it for it in found["packages"] if it["publish"] != []}


def test_these_are_published(crates):
    assert set(crates) == PUBLISHED


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_each_says_what_it_is(crates, name):
    crate = crates[name]
    assert crate["description"]
    assert crate["license"] == "MIT OR Apache-2.0"
    assert crate["repository"]
    assert crate["rust_version"]
    assert 1 <= len(crate["keywords"]) <= 5
    assert all(len(keyword) <= 20 for keyword in crate["keywords"])
    assert crate["categories"]
    folder = Path(crate["manifest_path"]).parent
    for file in (crate["readme"], "LICENSE-MIT", "LICENSE-APACHE"):
        assert (folder / file).read_text(), file


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_each_depends_on_versions(crates, name):
    # A path alone does not exist on crates.io.
    for dependency in crates[name]["dependencies"]:
        if dependency["name"] in PUBLISHED and dependency["kind"] != "dev":
            assert dependency["req"] == f"^{crates[name]['version']}", dependency["name"]


@pytest.mark.parametrize("name", ["aioxide", "aioxide-pyo3"])
def test_docs_rs_shows_every_feature(crates, name):
    assert crates[name]["metadata"]["docs"]["rs"]["all-features"] is True
