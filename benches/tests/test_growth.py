"""How the cost grows, and when that is flat."""

from contextlib import nullcontext

import growth
import growth_chart
import loops
import pytest
from growth import COLLECTOR_OFF, FLAT, FLOOR, SUBJECTS, Growth
from workloads import growing
from workloads.sampling import Sampling

TASKS, CONNECTIONS = SUBJECTS[0], SUBJECTS[-1]


@pytest.fixture
def found():
    result = Growth(SUBJECTS)
    for size, values in {1: [90, 100, 500], 100: [50], 10_000: [80], 1_000_000: [101]}.items():
        result.samples["tasks", "aioxide", size] = values
        result.samples["tasks", "uvloop", size] = [5 * value for value in values]
    return result


def test_a_point_is_the_median_of_its_rounds(found):
    assert found.curve(TASKS, "aioxide")[1] == 100
    assert 100 not in found.curve(TASKS, "asyncio")


@pytest.mark.parametrize(("dearest", "verdict"), [(50 * FLAT, "ok"), (50 * FLAT + 1, "short")])
def test_flat_is_the_dearest_against_the_cheapest(dearest, verdict):
    assert growth.verdict({1: 60.0, 100: 50.0, 10_000: dearest}) == verdict


def test_one_size_is_no_curve():
    assert growth.spread({1: 5.0}) is None
    assert growth.verdict({}) == growth.verdict({1: 5.0}) == "–"


def test_the_table_judges_ours_only(found):
    lines = growth.markdown(found, "a machine").splitlines()
    ours = next(line for line in lines if "| aioxide |" in line)
    theirs = next(line for line in lines if "| uvloop |" in line)
    assert "| 100 | – | 50 | – | 80 | 101 | 2.02 × | short |" in ours
    assert theirs.endswith("| 2.02 × |  |")
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1


def test_every_loop_follows_the_others_at_once_in_every_size():
    order = list(growth.plan(1, (TASKS, CONNECTIONS), ("uvloop", "aioxide")))
    assert order[:3] == [
        (TASKS, 1, "uvloop"),
        (TASKS, 1, "aioxide"),
        (TASKS, 1, COLLECTOR_OFF),
    ]
    assert order[-1] == (CONNECTIONS, 10_000, FLOOR)


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_every_subject_has_a_workload_that_says_what_it_is(subject):
    assert getattr(growing, subject.name).__doc__
    assert {growth.module(loop) for loop in subject.competitors} <= {*loops.LOOPS, FLOOR}


@pytest.mark.parametrize("name", ["tasks", "timers", "queue_waiters"])
@pytest.mark.parametrize(("size", "count"), [(1, 200), (20, 200), (300, 300)])
def test_there_are_as_many_operations_as_things_or_more(monkeypatch, name, size, count):
    monkeypatch.setattr(growing, "OPERATIONS", 200)
    measurement = getattr(growing, name)(Sampling("asyncio"), size)
    assert 1 < measurement.value < 1e8
    assert measurement.details == {"count": count}


def test_tasks_at_once_are_measured():
    measurement = growing.tasks_at_once(Sampling("asyncio", run_seconds=0.001), 20)
    assert 1 < measurement.value < 1e8


def test_opening_connections_is_not_in_the_figure(monkeypatch):
    opening = 5.0
    reports = iter(
        [
            {"server_seconds": opening + 1.0, "served": 100},
            {"server_seconds": opening + 4.0, "served": 400},
        ]
    )
    monkeypatch.setattr(growing, "load", lambda server, *options: next(reports))
    monkeypatch.setattr(growing, "serving", lambda style, loop: nullcontext())
    assert growing.connections(Sampling("asyncio"), 10).value == 1e9 / 100


def test_an_unknown_subject_is_named(capsys):
    with pytest.raises(SystemExit):
        growth.parse(["--only", "tasks,taks"])
    assert "'taks'" in capsys.readouterr().err


def test_a_chart_is_drawn_of_what_there_is(found, tmp_path):
    if not growth_chart.is_possible():
        pytest.skip("matplotlib is not installed")
    growth_chart.draw(found, "a machine", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"growth.png", "growth.svg"}
