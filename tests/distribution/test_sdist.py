"""The source distribution has all that a build needs, and nothing else."""

import email
import re

from distribution.published import CHECKOUT

EXPECTED = (
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "PKG-INFO",
    "README.md",
    "pyproject.toml",
    "crates/aioxide-engine/Cargo.toml",
    "crates/aioxide-python/Cargo.toml",
    "python/_aioxide_startup.py",
    "python/aioxide.data/platlib/aioxide_startup.pth",
)

# Of the package, and of each crate that it is built of. A benchmark is named in its crate's
# manifest, which is not valid without the file. Crates that are published have a page and licences.
SOURCES = re.compile(
    r"python/aioxide/|crates/[a-z-]+/"
    r"(src/|Cargo\.toml$|build\.rs$|benches/\w+\.rs$|README\.md$|LICENSE-(MIT|APACHE)$)"
)


def test_nothing_else_is_in_it(sdist_files):
    others = [name for name in sdist_files if name not in EXPECTED and not SOURCES.match(name)]
    assert others == []


def test_nothing_that_was_built_is_in_it(sdist_files):
    built = [
        name for name in sdist_files if name.endswith((".so", ".pyc")) or "__pycache__" in name
    ]
    assert built == []


def test_everything_expected_is_in_it(sdist_files):
    assert set(EXPECTED) <= set(sdist_files)


def test_sources_are_complete(sdist_files):
    for folder in ("crates/aioxide-engine/src", "crates/aioxide-python/src", "python/aioxide"):
        for path in (CHECKOUT / folder).rglob("*"):
            if path.suffix in (".rs", ".py", ".pyi") or path.name == "py.typed":
                assert path.relative_to(CHECKOUT).as_posix() in sdist_files


def test_metadata(sdist_files):
    told = email.message_from_bytes(sdist_files["PKG-INFO"])
    assert told["Name"] == "aioxide"
    assert told["License-Expression"] == "MIT OR Apache-2.0"
    assert told.get_all("License-File") == ["LICENSE-MIT", "LICENSE-APACHE"]
    assert told["Requires-Python"] == ">=3.11"
    assert told["Description-Content-Type"].startswith("text/markdown")
    # The views are of the same release: both sides speak one version of the console's wire.
    assert sorted(told.get_all("Requires-Dist")) == [
        "aiohttp>=3.14 ; extra == 'http'",
        f"aioxide-console=={told['Version']} ; extra == 'console'",
    ]
