"""The rows of the Rust crate: what is selected, what is judged, what is shown."""

import pytest
import run
from rust_runtimes import command, rows


def row_of(name):
    (found,) = rows.select(f"rust.{name}")
    return found


def test_rows_are_selected_by_name():
    assert rows.is_asked_for("rust") and rows.select("rust") == rows.ROWS
    assert [row.name for row in rows.select("rust.timers,rust.yield")] == ["yield", "timers"]
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
