"""What counts as heard on one loop only."""

import json

import pytest
from harness.records import Record, novelties, read


def record(kind, text):
    return Record(kind, text, "program")


@pytest.mark.parametrize(
    "control, tried",
    [
        (
            "ResourceWarning: unclosed transport <_SelectorSocketTransport fd=7>",
            "ResourceWarning: unclosed transport <SocketTransport closing fd=9>",
        ),
        ("UserWarning: <a <b> c> at 0x7f00", "UserWarning: <d> at 0x7eff"),
        ("UserWarning: took 12 ms", "UserWarning: took 9 ms"),
        ("UserWarning: first\nsecond line", "UserWarning: first\nanother line"),
    ],
)
def test_what_differs_between_runs_is_left_out_of_account(control, tried):
    assert novelties([record("warning", control)], [record("warning", tried)], "aioxide") == []


def test_what_the_control_does_not_cause_is_new_and_counted():
    tried = [record("warning", "UserWarning: careful")] * 2 + [record("log", "asyncio: lost")]
    assert novelties([record("log", "UserWarning: careful")], tried, "aioxide") == [
        "warning: UserWarning: careful (2 times)",
        "log: asyncio: lost",
    ]


def test_a_loop_of_another_package_is_reported_even_if_the_control_ran_it():
    of_asyncio = record("loop", "asyncio.unix_events")
    found = novelties([of_asyncio], [record("loop", "aioxide.loop"), of_asyncio], "aioxide")
    assert found == ["a loop of asyncio.unix_events ran in: program"]


def test_as_many_descriptors_as_a_process_of_the_control_may_stay_open():
    control = [record("descriptor", "2 socket"), record("descriptor", "1 /dev/null")]
    assert novelties(control, [record("descriptor", "2 socket")], "aioxide") == []
    assert novelties(control, [record("descriptor", "1 anon_inode:[eventfd]")], "aioxide") == []
    assert novelties(control, [record("descriptor", "3 socket")], "aioxide") == [
        "left open at exit: 3 socket, in: program"
    ]
    assert novelties(control, [record("descriptor", "1 pipe")], "aioxide") != []


def test_tasks_left_in_processes_of_libraries_are_not_compared():
    assert novelties([], [record("task", "Server.serve")], "aioxide") == []


def test_records_are_read_from_the_files_of_all_processes(tmp_path):
    for number in (1, 2):
        line = {"kind": "log", "text": f"from {number}", "process": ["a", "b"]}
        (tmp_path / f"{number}.jsonl").write_text(json.dumps(line) + "\n")
    assert read(tmp_path) == [Record("log", "from 1", "a b"), Record("log", "from 2", "a b")]
