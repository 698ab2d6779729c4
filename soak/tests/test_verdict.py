"""A soak that nothing can fail would prove nothing: each loss must be seen."""

import verdict

RESTART = {"restarted": "tcp-streams", "begin": 10.0, "end": 11.0}


def record(**changes):
    """Three messages that were sent and acknowledged while the listener was there."""
    normal = {
        "name": 7,
        "place": "tcp-streams",
        "scenario": "converse",
        "begin": 1.0,
        "end": 2.0,
        "ended": "done",
        "sums": [0, 11, 22, 33],
        "acknowledged": 3,
    }
    return {**normal, **changes}


def problems(entry=(3, 33, False), **changes):
    """What is said of a connection of which the server has written down `entry`."""
    server = [RESTART]
    if entry is not None:
        count, running, is_cut = entry
        server.append({"name": 7, "count": count, "running": running, "is_cut": is_cut})
    found = verdict.of_books([record(**changes)], server)
    return [problem.partition(": ")[2].partition(": ")[2] for problem in found]


def test_a_connection_in_order_is_no_problem():
    assert problems() == []


def test_an_acknowledged_message_must_have_arrived():
    assert problems(entry=(2, 22, False)) == ["3 acknowledged, 2 arrived, 3 sent"]
    assert problems(entry=None) == ["3 acknowledged, 0 arrived, 3 sent"]


def test_nothing_may_arrive_that_was_not_sent():
    assert problems(entry=(4, 44, False)) == ["3 acknowledged, 4 arrived, 3 sent"]
    expected = ["the 3 messages that arrived are not those that were sent"]
    assert problems(entry=(3, 34, False)) == expected


def test_everything_must_be_acknowledged_unless_the_scenario_leaves_early():
    assert problems(acknowledged=2) == ["2 acknowledged, 3 sent"]
    assert problems(acknowledged=2, scenario="vanish") == []
    assert problems(acknowledged=2, ended="cancelled") == []


def test_a_connection_may_be_lost_only_on_purpose():
    assert problems(ended="lost") == ["nobody ended it on purpose"]
    assert problems(ended="lost", entry=(3, 33, True)) == []


def test_a_connection_may_be_lost_unheard_while_the_listener_goes_away():
    unheard = {"entry": None, "ended": "lost", "acknowledged": 0}
    assert problems(**unheard) == ["nobody ended it on purpose"]
    assert problems(**unheard, begin=9.0, end=10.5) == []


def test_a_connection_may_be_refused_only_while_nobody_listens():
    refused = {"entry": None, "ended": "refused", "acknowledged": 0, "sums": [0]}
    assert problems(**refused) == ["refused while somebody listened"]
    assert problems(**refused, begin=10.5, end=10.6) == []
    assert problems(**refused, place="closed") == []
    assert problems(place="closed") == ["connected where nobody listens"]


def test_a_reset_that_was_asked_for_must_come():
    assert problems(scenario="be_reset") == ["the server was to end it"]


def census(**changes):
    """A process that holds nothing."""
    normal = {
        "descriptors": {"socket": 2},
        "descriptors_expected": {"socket": 2},
        "children": 0,
        "tasks": 1,
        "threads": 7,
        "blocks": 80_000,
        "native_bytes": 5 << 20,
        "resident_bytes": 50 << 20,
        "objects": {"asyncio.Future": 10},
    }
    return {**normal, **changes}


def left_behind(connections=100_000, at_once=5_000, **changes):
    return list(verdict.of_census("it", census(), census(**changes), connections, at_once))


def test_a_process_that_is_as_before_is_no_problem():
    assert left_behind() == []


def test_a_descriptor_that_is_left_open_is_seen():
    found = left_behind(descriptors={"socket": 3})
    assert found == ["it: descriptors are {'socket': 3}, not {'socket': 2}"]


def test_a_task_a_thread_or_a_child_that_is_left_is_seen():
    assert left_behind(tasks=2) == ["it: 1 tasks became 2"]
    assert left_behind(threads=8) == ["it: 7 threads became 8"]
    assert left_behind(children=1) == ["it: 0 children became 1"]


def test_one_object_for_each_connection_is_seen():
    found = left_behind(objects={"asyncio.Future": 100_010})
    assert found == ["it: 100000 more objects of asyncio.Future, 7000 are allowed"]
    assert left_behind(objects={"asyncio.Future": 5_010}) == []


def test_memory_of_a_hundred_bytes_for_each_connection_is_seen():
    more = 100 * 100_000
    allowed = 64 * 100_000
    found = left_behind(native_bytes=(5 << 20) + more)
    assert found == [f"it: {more} more native bytes, {allowed} are allowed"]
    assert left_behind(native_bytes=None) == []


def test_objects_that_the_collector_does_not_know_are_seen():
    found = left_behind(blocks=80_000 + 100_000)
    assert found == ["it: 100000 more blocks of Python's, 14000 are allowed"]
