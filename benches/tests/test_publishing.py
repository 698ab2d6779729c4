"""What gets into the README, and from which runs."""

import json

import publish
import pytest

TARGETS = [{"met": True}, {"met": False}, {"met": None}]


def results_of(python, folder):
    folder.mkdir(exist_ok=True)
    latest = {
        "date": "2026-01-02T03:04:05+00:00",
        "machine": {"load_before": 0.25},
        "versions": {"python": python},
        "settings": {"command": "make bench"},
        "rows": [{"targets": TARGETS}, {"targets": []}],
    }
    (folder / "latest.json").write_text(json.dumps(latest))
    (folder / "table.md").write_text(f"| table of {python} |\n")


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results"
    results_of("CPython 3.13.0", folder)
    results_of("CPython 3.11.7", folder / "cpython-3.11")
    return folder


@pytest.fixture
def readme(tmp_path):
    path = tmp_path / "README.md"
    path.write_text(f"before\n{publish.BEGINNING}\nold\n{publish.END}\nafter\n")
    return path


def test_the_block_says_what_was_run_and_what_was_reached(results):
    text = publish.block(results)
    assert (
        "`make bench` wrote on 2026-01-02 (load before it: 0.25). 1 of 2 targets are met." in text
    )
    assert "| table of CPython 3.13.0 |" in text


def test_another_python_has_a_line_with_a_link(results):
    (line,) = [line for line in publish.block(results).splitlines() if "3.11.7" in line]
    assert "cpython-3.11/table.md" in line
    assert "1 of 2" in line


def test_growth_is_there_once_it_was_measured(results):
    assert "grows" not in publish.block(results)
    latest = json.loads((results / "latest.json").read_text())
    (results / "growth.json").write_text(json.dumps(latest))
    (results / "growth.md").write_text("| growing |\n")
    text = publish.block(results)
    assert "| growing |" in text
    assert "growth.png" in text


def test_only_what_is_between_the_marks_is_replaced(results, readme):
    publish.into_readme(results, readme)
    publish.into_readme(results, readme)
    text = readme.read_text()
    assert text.startswith(f"before\n{publish.BEGINNING}\nThis is what")
    assert text.endswith(f"{publish.END}\nafter\n")
    assert "old" not in text
    assert text.count("| table of CPython 3.13.0 |") == 1


def test_a_readme_without_marks_is_left_alone(results, readme):
    readme.write_text("nothing")
    with pytest.raises(ValueError, match="bench:table"):
        publish.into_readme(results, readme)
    assert readme.read_text() == "nothing"


def test_the_projects_readme_has_the_marks():
    text = publish.README.read_text()
    assert text.count(publish.BEGINNING) == text.count(publish.END) == 1


def test_the_command_is_what_one_types(monkeypatch):
    monkeypatch.setattr(publish, "is_published", lambda: True)
    assert publish.command("bench", []) == "make bench"
    assert publish.command("bench", ["--rounds", "3"]) == 'make bench ARGS="--rounds 3"'


def test_another_python_is_named_in_the_command_and_has_a_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(publish, "PUBLISHED", (2, 7))
    assert publish.command("growth", []).startswith("make growth PYTHON=3.")
    assert publish.directory(tmp_path, True).name.startswith("cpython-3.")
    assert publish.directory(tmp_path, False) == tmp_path / "partial"
