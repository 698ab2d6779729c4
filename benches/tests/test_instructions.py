"""Counting instructions: what is read of callgrind's report, and what is too much."""

import instructions
import pytest
import rows


def test_every_counted_workload_is_one_of_a_row():
    assert set(instructions.COUNTS) <= {row.workload for row in rows.ROWS}


def test_the_total_is_read_from_the_report():
    report = "==7== Events    : Ir\n==7== Collected : 123456\n==7== I   refs:      123,456\n"
    assert instructions.total_of(report) == 123456


def test_a_report_without_a_total_is_shown():
    with pytest.raises(ValueError, match="callgrind counted nothing:\nno such file"):
        instructions.total_of("no such file")


def test_a_row_is_too_slow_above_the_limit_only():
    before = {"a": 100.0, "b": 100.0}
    assert instructions.exceeded({"a": 102.0, "b": 103.0, "new": 9e9}, before, 1.02) == ["b"]


def test_a_line_shows_the_ratio_where_there_is_something_to_compare_with():
    assert instructions.line_of("row", 1530.0, None).split() == ["row", "1,530"]
    assert instructions.line_of("row", 1530.0, 1500.0).split() == ["row", "1,530", "1,500", "1.020"]
