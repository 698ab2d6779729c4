"""The rows of HTTP clients: what runs, what is judged, what is shown."""

import pytest
import run
from http_clients import clients, command, rows, table
from http_clients.results import Results
from results import Sample


def row_of(name):
    (found,) = rows.select(f"http.{name}")
    return found


def results_of(name, **values):
    """Results of one row; each competitor has one number for each round."""
    row = row_of(name)
    results = Results((row,))
    for competitor, numbers in values.items():
        for number in numbers:
            results.add(row, competitor, Sample(number))
    return results


def test_every_target_is_of_a_competitor():
    for row in rows.ROWS:
        for target in row.targets:
            named = {target.ours, getattr(target, "theirs", target.ours)}
            assert named <= set(row.competitors()), row.name


def test_every_client_has_its_own_name_and_a_row():
    names = [client.name for client in clients.CLIENTS]
    assert len(set(names)) == len(names)
    assert {name for row in rows.ROWS for name in row.competitors()} >= set(names)


@pytest.mark.parametrize(
    "only, expected",
    [("http", [row.name for row in rows.ROWS]), ("http.tls,http.json", ["json", "tls"])],
)
def test_rows_are_selected_by_name(only, expected):
    assert rows.is_asked_for(only)
    assert [row.name for row in rows.select(only)] == expected


@pytest.mark.parametrize("only", [None, "gather", "gather,queue"])
def test_other_rows_are_no_rows_of_http_clients(only):
    assert not rows.is_asked_for(only)


def test_both_kinds_at_once_are_refused(capsys):
    with pytest.raises(SystemExit):
        run.main(["--only", "http,gather"])
    assert "measured by themselves" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--only", "http.jsn"], ["--only", "http", "--clients", "x"]]
)
def test_an_unknown_name_is_refused(arguments, capsys):
    with pytest.raises(SystemExit):
        run.main(arguments)
    assert "is called" in capsys.readouterr().err


def test_the_ratio_is_the_median_of_the_ratios_of_the_rounds():
    results = results_of("tls", aiohttp=[100, 90, 400], session=[25, 30, 100])
    (judgement,) = results.judgements()
    assert (judgement.reached, judgement.met) == (4, True)


def test_a_limit_is_for_the_number_itself():
    results = results_of("idle", session=[2049])
    assert [each.met for each in results.judgements()] == [False, None]


def test_a_target_without_a_number_is_neither_met_nor_missed():
    text = table.tables(results_of("tls", aiohttp=[100]), "here")
    (line,) = (line for line in text.splitlines() if "2.5 × aiohttp" in line)
    assert line.replace(" ", "").endswith("|2.5×aiohttp|–|–|")


def test_a_library_that_is_not_installed_is_said_to_be():
    results = results_of("tls", aiohttp=[100])
    results.missing["pyreqwest"] = "pyreqwest is not installed"
    assert "Not measured: pyreqwest: pyreqwest is not installed." in table.tables(results, "here")


def test_the_next_competitor_of_a_row_follows_at_once():
    results = Results((row_of("tls"), row_of("json")), {"floor": "is missing"})
    planned = [
        (number, row.name, name)
        for number, row, name in command.plan(
            2, results.rows, results, ["floor", "aiohttp", "httpx"]
        )
    ]
    one = [("tls", "aiohttp"), ("tls", "httpx"), ("json", "aiohttp"), ("json", "httpx")]
    assert planned == [(number, *each) for number in (1, 2) for each in one]


def test_what_was_measured_is_written(tmp_path, capsys, monkeypatch):
    # Nothing is measured here, so nothing has to be installed.
    monkeypatch.setattr(command.loops, "is_installed", lambda name: True)

    def take(arguments, patience):
        _, _, name, *_ = arguments
        return Sample({"aioxide": 20.0, "uvloop": 30.0}[name], {"connections": 5})

    arguments = ["--only", "http.connect", "--rounds", "1", "--results", str(tmp_path)]
    assert command.main(arguments, take) == 0
    assert "1.50 ×" in capsys.readouterr().out
    assert "1.50 ×" in (tmp_path / "http.md").read_text()
    assert (tmp_path / "http.json").exists()


def test_a_client_that_fails_is_told_of(tmp_path, capsys):
    arguments = ["--only", "http.connect", "--rounds", "1", "--results", str(tmp_path)]
    assert command.main(arguments, lambda *_: Sample(None, error="it broke")) == 1
    assert "connect with aioxide failed: it broke" in capsys.readouterr().out
