"""What the reader sees."""

import chart
import pytest
import rows
import run
import table
from results import Results, Sample

FACTS = {
    "date": "2026-01-02T03:04:05+00:00",
    "machine": {"cpu": "a processor", "processors": 2, "system": "Linux 6", "load_before": 0.0},
    "versions": {"python": "CPython 3.13.0", "uvloop": "0.23.0"},
}


@pytest.fixture
def results():
    selected = rows.select("call_soon,million_timers,echo_protocol")
    found = Results(selected, ("uvloop", "rloop", "aioxide"))
    call_soon, timers, echo = selected
    for loop, value in {"uvloop": 600, "rloop": 200, "aioxide": 100}.items():
        found.add(call_soon, loop, Sample(value))
        found.add(timers, loop, Sample(value / 100))
    for loop, value in {"uvloop": 1000, "rloop": None, "aioxide": 800, "floor": 900}.items():
        error = "it fell over" if value is None else None
        found.add(echo, loop, Sample(value, {"server_busy": 0.99}, error))
    return found


def cells(results):
    return {line.split("  ")[0]: line for line in table.terminal(results).splitlines()}


def test_the_table_has_numbers_ratio_target_and_verdict(results):
    line = cells(results)["call_soon, each schedules the next"]
    assert line.split("  ", 1)[1].split() == [
        *["ns", "600", "200", "100", "–", "6.00", "×"],
        *"5 × uvloop (6.00), 1.4 × rloop (2.00)".split(),
        "ok",
    ]


def test_a_target_that_is_missed_is_marked(results):
    line = cells(results)["echo 1 KiB, 100 connections, Protocol"]
    assert "0.95 × floor (0.89)" in line
    assert line.endswith("short")


def test_a_limit_is_not_compared_with_uvloop(results):
    line = cells(results)["adding a timer: 1,000,000 pending / 1,000"]
    assert "≤ 2 (1.00)" in line
    assert "6.00 ×" not in line


def test_a_failure_shows_in_its_place_and_says_why(results):
    assert "failed" in cells(results)["echo 1 KiB, 100 connections, Protocol"]
    assert "echo_protocol on rloop failed: it fell over" in table.remarks(results)


def test_markdown_has_as_many_cells_in_every_line(results):
    text = table.markdown(results, "a machine")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(results.rows)
    assert len({line.count("|") for line in lines}) == 1
    assert text.endswith("Measured: a machine.\n")


def test_json_keeps_samples_and_errors(results):
    (echo,) = [row for row in results.as_json() if row["name"] == "echo_protocol"]
    assert echo["loops"]["aioxide"]["samples"] == [{"value": 800, "server_busy": 0.99}]
    assert echo["loops"]["rloop"] == {
        "median": None,
        "times_uvloop": None,
        "samples": [{"error": "it fell over"}],
    }
    assert echo["verdict"] == "short"


def test_everything_is_written(results, tmp_path, capsys):
    run.write(results, FACTS, tmp_path / "new")
    names = {path.name for path in (tmp_path / "new").iterdir()}
    assert {"latest.json", "table.md"} <= names
    assert chart.is_possible() == ({"chart.png", "chart.svg"} <= names)
    assert str(tmp_path.name) in capsys.readouterr().out


def test_rows_that_uvloop_does_not_have_are_not_in_the_chart(results):
    names = [row.name for row in chart.comparable_rows(results)]
    assert names == ["call_soon", "echo_protocol"]


def test_the_short_table_has_the_ratio_and_neither_floor_nor_targets(results):
    head, _, line = table.short(results.only(["call_soon", "absent"])).splitlines()
    assert head == "|  | unit | uvloop | rloop | aioxide | aioxide : uvloop |"
    assert line == "| call_soon, each schedules the next | ns | 600 | 200 | 100 | 6.00 × |"


def test_the_rows_of_the_readme_exist():
    assert set(rows.SHORT) <= {row.name for row in rows.ROWS}
