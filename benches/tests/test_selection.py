"""Which rows and loops run, and in which order."""

import importlib

import loops
import pytest
import rows
import run


def test_every_row_has_its_own_name_and_its_workload():
    names = [row.name for row in rows.ROWS]
    assert len(set(names)) == len(names)
    for row in rows.ROWS:
        module, _, function = row.workload.rpartition(".")
        workload = getattr(importlib.import_module(f"workloads.{module}"), function)
        assert workload.__doc__, f"{row.name} does not say what it measures"


def test_every_target_is_a_competitor_of_its_row():
    for row in rows.ROWS:
        peers = {target.peer for target in row.targets if not isinstance(target, rows.Limit)}
        assert peers <= set(row.competitors(loops.LOOPS))


def test_all_rows_are_the_default():
    assert rows.select(None) == rows.ROWS


def test_selected_rows_keep_the_order_of_the_table():
    selected = rows.select("gather, call_soon")
    assert [row.name for row in selected] == ["call_soon", "gather"]


@pytest.mark.parametrize("only", ["gathering", "gather,gathering"])
def test_an_unknown_row_is_named(only):
    with pytest.raises(ValueError, match="'gathering'"):
        rows.select(only)


def test_an_empty_selection_is_an_error():
    with pytest.raises(ValueError, match="empty"):
        rows.select(",")
    with pytest.raises(ValueError, match="empty"):
        loops.choose("")


def test_chosen_loops_keep_the_order_of_the_table():
    assert loops.choose("rloop,asyncio") == ("asyncio", "rloop")


def test_an_unknown_loop_is_named():
    with pytest.raises(ValueError, match="'curio'"):
        loops.choose("asyncio,curio")


def test_loops_alternate_within_a_row_and_rows_within_a_round():
    selected = rows.select("call_soon,echo_protocol")
    order = [
        (number, row.name, loop)
        for number, row, loop in run.plan(2, selected, ("asyncio", "uvloop"))
    ]
    one_round = [
        ("call_soon", "asyncio"),
        ("call_soon", "uvloop"),
        ("echo_protocol", "asyncio"),
        ("echo_protocol", "uvloop"),
        ("echo_protocol", "floor"),
    ]
    assert order == [(number, *sample) for number in (1, 2) for sample in one_round]


def test_a_partial_run_does_not_replace_the_published_results(monkeypatch):
    monkeypatch.setattr(run.publish, "is_published", lambda: True)
    published = run.HERE / "results"
    assert run.directory(run.parse([]), loops.LOOPS) == published
    for arguments, measured in [
        (["--quick"], loops.LOOPS),
        (["--only", "gather"], loops.LOOPS),
        ([], ("asyncio", "uvloop")),
    ]:
        assert run.directory(run.parse(arguments), measured) == published / "partial"


def test_no_rounds_at_all_is_refused(capsys):
    with pytest.raises(SystemExit):
        run.parse(["--rounds", "0"])
    assert "not 0" in capsys.readouterr().err
