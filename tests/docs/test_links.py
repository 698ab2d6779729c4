"""Do the links between the project's own files lead somewhere?"""

import pathlib
import re
import subprocess

import pytest

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
CODE = re.compile(r"^(```+|:::+).*?^\1\s*$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def pages():
    """Every Markdown file under version control; all of them where there is no git."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "*.md"], cwd=CHECKOUT, capture_output=True, check=True
        ).stdout.decode()
        return [CHECKOUT / name for name in listed.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        return [*CHECKOUT.glob("*.md"), *CHECKOUT.glob("*/*.md"), *CHECKOUT.glob("docs/*/*.md")]


def anchors(page):
    """The names that a page's headings have as link targets."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = (heading.lower().replace("`", "") for heading in HEADING.findall(text))
    return {re.sub(r"[^\w\- ]", "", heading).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_links_of(page):
    broken = []
    for target in LINK.findall(CODE.sub("", page.read_text())):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert not broken


def test_an_anchor_is_named_as_on_the_site(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# `wait_for`, and more: a way\n```\n# no heading\n```\n## Two-part\n")
    assert anchors(page) == {"wait_for-and-more-a-way", "two-part"}
