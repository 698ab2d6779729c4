"""The rows of the Rust crate: what is selected, what is judged, what is shown."""

import pytest
import run
from python_extensions import rows as extensions
from rust_runtimes import command, rows


def row_of(name):
    (found,), _ = rows.select(f"rust.{name}")
    return found


def test_rows_are_selected_by_name():
    assert rows.is_asked_for("rust") and rows.select("rust") == (rows.ROWS, True)
    chosen, has_extensions = rows.select("rust.timers,rust.yield")
    assert [row.name for row in chosen] == ["yield", "timers"] and not has_extensions
    assert rows.select("rust.extensions") == ((), True)
    assert not rows.is_asked_for("gather") and not rows.is_asked_for(None)


@pytest.mark.parametrize("only", ["rust,gather", "rust.yield,http"])
def test_families_are_measured_by_themselves(only, capsys):
    with pytest.raises(SystemExit):
        run.main(["--only", only])
    assert "measured by themselves" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--only", "rust.yeld"], ["--only", "rust", "--rounds=0"]])
def test_bad_arguments_are_refused(arguments, capsys):
    with pytest.raises(SystemExit):
        command.parse(arguments)
    assert "yeld" in (error := capsys.readouterr().err) or "not 0" in error


def test_a_ratio_is_the_median_of_the_rounds():
    samples = {("yield", "aioxide"): [10, 20, 10], ("yield", "tokio"): [15, 60, 10]}
    assert rows.ratio(row_of("yield"), samples, "tokio") == 1.5
    assert rows.ratio(row_of("yield"), samples, "smol") is None


def test_each_turn_begins_with_another_runtime():
    assert [*row_of("yield").turns(0)] == ["aioxide", "tokio", "smol"]
    assert [*row_of("yield").turns(1)] == ["tokio", "smol", "aioxide"]
    turns = [*row_of("echo").turns(0)]
    assert len(turns) == 5 * 4
    assert turns[:8] == ["aioxide", "tokio", "smol", "floor", "tokio", "smol", "floor", "aioxide"]


def test_more_requests_are_better():
    samples = {("echo", "aioxide"): [90], ("echo", "tokio"): [80], ("echo", "floor"): [100]}
    assert rows.ratio(row_of("echo"), samples, "tokio") == 1.125
    assert rows.judge(row_of("echo"), samples) is False, "0.9 of the floor"
    assert rows.judge(row_of("echo"), {**samples, ("echo", "floor"): [92]}) is True


@pytest.mark.parametrize("bytes_each, verdict", [(200, True), (201, False)])
def test_memory_has_a_limit(bytes_each, verdict):
    assert rows.judge(row_of("memory"), {("memory", "aioxide"): [bytes_each]}) is verdict


def test_the_table_shows_what_was_measured():
    samples = {("yield", "aioxide"): [50.4], ("yield", "tokio"): [75.6]}
    line = rows.table([row_of("yield"), row_of("echo")], samples).splitlines()[2]
    assert line.startswith("| one of 100 tasks gives way to the others | ns | 50 | 76 | – | – |")
    assert line.endswith("| 1.50 | – | – | ok |")


def test_the_rows_of_extensions_have_limits_and_a_rival():
    samples = {
        ("ready", "aioxide"): [250.0, 280.0, 400.0],
        ("ready", "asyncio"): [700.0],
        ("ready", "pyo3-async-runtimes"): [10_000.0, 14_000.0, 9_000.0],
    }
    ready = extensions.ROWS[0]
    assert extensions.ratio(ready, samples) == 40
    assert extensions.judge(ready, samples) is True
    assert extensions.judge(ready, {**samples, ("ready", "aioxide"): [301.0]}) is False
    assert extensions.judge(extensions.ROWS[3], samples) is None
    line = extensions.table(samples).splitlines()[2]
    assert line.endswith("| 280 | 700 | – | 10,000 | 40.0 | ≤ 300, 30 × | ok |")
