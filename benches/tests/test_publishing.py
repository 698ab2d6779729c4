"""What gets into the documentation and the README, and from which runs."""

import json

import publish
import pytest

TARGETS = [{"met": True}, {"met": False}, {"met": None}]


def results_of(python, folder):
    folder.mkdir(exist_ok=True)
    latest = {
        "date": "2026-01-02T03:04:05+00:00",
        "machine": {"cpu": "a processor", "load_before": 0.25},
        "versions": {"python": python},
        "settings": {"command": "make bench"},
        "rows": [{"targets": TARGETS}, {"targets": []}],
    }
    (folder / "latest.json").write_text(json.dumps(latest))
    (folder / "table.md").write_text(f"| table of {python} |\n")
    (folder / "short.md").write_text(f"| few rows of {python} |\n")


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results"
    results_of("CPython 3.13.0", folder)
    results_of("CPython 3.11.7", folder / "cpython-3.11")
    return folder


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "docs" / "benchmarks.md"
    path.parent.mkdir()
    path.write_text("before\n<!-- bench:table -->\nold\n<!-- /bench:table -->\nafter\n")
    return path


@pytest.fixture
def readme(tmp_path):
    path = tmp_path / "README.md"
    path.write_text("before\n<!-- bench:short -->\nold\n<!-- /bench:short -->\nafter\n")
    return path


def test_the_block_says_what_was_run_and_what_was_reached(results, page):
    text = publish.block(results, page)
    assert (
        "`make bench` wrote on 2026-01-02 (load before it: 0.25). 1 of 2 targets are met." in text
    )
    assert "| table of CPython 3.13.0 |" in text


def test_another_python_has_a_line_with_a_link(results, page):
    (line,) = [line for line in publish.block(results, page).splitlines() if "3.11.7" in line]
    assert "(../results/cpython-3.11/table.md)" in line
    assert "1 of 2" in line


def test_growth_is_there_once_it_was_measured(results, page):
    assert "grows" not in publish.block(results, page)
    latest = json.loads((results / "latest.json").read_text())
    (results / "growth.json").write_text(json.dumps(latest))
    (results / "growth.md").write_text("| growing |\n")
    text = publish.block(results, page)
    assert "| growing |" in text
    assert "growth.png" in text


def test_only_what_is_between_the_marks_is_replaced(results, page, readme):
    publish.publish(results, page, readme)
    publish.publish(results, page, readme)
    text = page.read_text()
    assert text.startswith("before\n<!-- bench:table -->\nThis is what")
    assert text.endswith("<!-- /bench:table -->\nafter\n")
    assert "old" not in text
    assert text.count("| table of CPython 3.13.0 |") == 1


def test_the_readme_has_few_rows_and_a_link_to_all(results, page, readme):
    publish.publish(results, page, readme)
    text = readme.read_text()
    assert text.startswith("before\n<!-- bench:short -->\n| few rows of CPython 3.13.0 |")
    assert text.endswith("<!-- /bench:short -->\nafter\n")
    assert "results/short.png" in text
    assert "[All 2 rows](" in text


def test_a_file_without_marks_is_left_alone(results, page, readme):
    page.write_text("nothing")
    with pytest.raises(ValueError, match="bench:table"):
        publish.publish(results, page, readme)
    assert page.read_text() == "nothing"


def test_the_projects_files_have_the_marks():
    for file, mark in ((publish.PAGE, "bench:table"), (publish.README, "bench:short")):
        text = file.read_text()
        assert text.count(f"<!-- {mark} -->") == text.count(f"<!-- /{mark} -->") == 1


def test_the_command_is_what_one_types(monkeypatch):
    monkeypatch.setattr(publish, "is_published", lambda: True)
    assert publish.command("bench", []) == "make bench"
    assert publish.command("bench", ["--rounds", "3"]) == 'make bench ARGS="--rounds 3"'


def test_another_python_is_named_in_the_command_and_has_a_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(publish, "PUBLISHED", (2, 7))
    assert publish.command("growth", []).startswith("make growth PYTHON=3.")
    assert publish.directory(tmp_path, True).name.startswith("cpython-3.")
    assert publish.directory(tmp_path, False) == tmp_path / "partial"
