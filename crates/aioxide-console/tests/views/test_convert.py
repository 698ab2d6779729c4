"""``aioxide-console convert``: other tools' forms, and files that are none."""

import json
import xml.etree.ElementTree

import pytest
from conftest import run


@pytest.fixture(scope="session")
def packets(converted):
    """The packets of a Perfetto trace, decoded by Perfetto's own classes."""
    protos = pytest.importorskip("perfetto.protos.perfetto.trace.perfetto_trace_pb2")

    def decode(kind):
        trace = protos.Trace()
        trace.ParseFromString(converted(kind, ".pftrace").read_bytes())
        return trace.packet

    return decode


def test_perfetto_has_a_track_for_each_task_below_its_coroutine(packets):
    tracks = {
        p.track_descriptor.uuid: p.track_descriptor
        for p in packets("workers")
        if p.HasField("track_descriptor")
    }
    workers = [track for track in tracks.values() if track.name.startswith("worker ")]
    assert len(workers) == 50
    for track in workers:
        group = tracks[track.parent_uuid]
        assert group.name == "worker"
        assert tracks[group.parent_uuid].name == "main"
    processes = [track.process for track in tracks.values() if track.HasField("process")]
    assert [(process.pid, process.process_name) for process in processes] == [(4242, "workers.py")]


def test_perfetto_has_slices_that_nest_flows_and_counters(packets):
    names, depth, seen, flows, ended, counters = {}, {}, set(), set(), set(), {}
    last = 0
    counter_names = {}
    for packet in packets("workers"):
        if packet.track_descriptor.HasField("counter"):
            counter_names[packet.track_descriptor.uuid] = packet.track_descriptor.name
        for entry in packet.interned_data.event_names:
            names[entry.iid] = entry.name
        if not packet.HasField("track_event"):
            continue
        event = packet.track_event
        assert packet.timestamp >= last
        last = packet.timestamp
        if event.type == event.TYPE_SLICE_BEGIN:
            depth[event.track_uuid] = depth.get(event.track_uuid, 0) + 1
            seen.add(names[event.name_iid])
            ended.update(event.terminating_flow_ids)
            for note in event.debug_annotations:
                seen.add((note.name, note.string_value))
        elif event.type == event.TYPE_SLICE_END:
            depth[event.track_uuid] -= 1
            assert depth[event.track_uuid] == 0
        elif event.type == event.TYPE_INSTANT:
            flows.update(event.flow_ids)
        elif event.type == event.TYPE_COUNTER:
            counters.setdefault(event.track_uuid, []).append(event.counter_value)
    assert set(depth.values()) == {0}
    assert {"running", "ready", "waiting: semaphore", "waiting: sleep"} <= seen
    assert ("waits for", "semaphore places (workers.py:11)") in seen
    # Each worker was created by main, 45 were woken by the worker before, and main by the last.
    assert flows == ended
    assert len(flows) == 50 + 45 + 1
    ready = next(uuid for uuid, name in counter_names.items() if name == "loop 1: ready")
    assert (counters[ready][0], max(counters[ready])) == (1, 50)


def test_perfetto_notes_tell_what_a_callback_concerns_and_arrows_lead_from_it(packets):
    names, tracks, notes = {}, {}, []
    begins, ends = {}, {}
    for packet in packets("callbacks"):
        for entry in packet.interned_data.event_names:
            names[entry.iid] = entry.name
        if packet.HasField("track_descriptor"):
            tracks[packet.track_descriptor.uuid] = packet.track_descriptor.name
        event = packet.track_event
        told = {note.name: note.string_value for note in event.debug_annotations}
        if "kind" in told:
            assert tracks[event.track_uuid] == "loop 1"
            notes.append((names[event.name_iid], told))
        track = tracks.get(event.track_uuid)
        begins.update(dict.fromkeys(event.flow_ids, track))
        ends.update(dict.fromkeys(event.terminating_flow_ids, (track, told)))
    place = {"at": "client.py:20"}
    assert notes == [
        ("socket event", {"kind": "socket event", "of": "transport 12 (127.0.0.1:80)"}),
        ("timer", {"kind": "timer", "of": "main"}),
        ("on_timer", {"kind": "future callback", **place, "of": "reader"}),
        ("on_timer", {"kind": "handle", **place}),
    ]
    arrows = {(begins[flow], task, told["woken by"]) for flow, (task, told) in ends.items()}
    assert arrows == {
        ("main", "reader", "main"),
        ("loop 1", "reader", "descriptor of transport 12 (127.0.0.1:80)"),
        ("reader", "main", "callback of reader"),
    }


def test_perfetto_names_control_nothing(packets):
    for packet in packets("hostile"):
        for entry in packet.interned_data.event_names:
            assert entry.name.isprintable()
        for note in packet.track_event.debug_annotations:
            assert note.string_value.isprintable()
        assert packet.track_descriptor.name.isprintable()


def test_chrome_json_has_a_span_for_each_state_and_arrows(converted):
    events = json.loads(converted("workers", ".json").read_text())["traceEvents"]
    threads = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    assert threads[1] == "loop 1"
    sleeps = [e for e in events if e["name"] == "waiting: sleep"]
    assert len(sleeps) == 50
    assert all(e["ph"] == "X" and 10_000 <= e["dur"] < 12_000 for e in sleeps)
    starts = {e["id"] for e in events if e["ph"] == "s"}
    assert starts == {e["id"] for e in events if e["ph"] == "f"}
    assert len(starts) == 96


def test_chrome_json_tells_what_a_callback_concerns_and_arrows_lead_from_it(converted):
    events = json.loads(converted("callbacks", ".json").read_text())["traceEvents"]
    callbacks = [(e["name"], e["args"]) for e in events if e.get("cat") == "loop" and "args" in e]
    assert callbacks == [
        ("socket event", {"kind": "socket event", "of": "transport 12 (127.0.0.1:80)"}),
        ("timer", {"kind": "timer", "of": "main"}),
        ("on_timer", {"kind": "future callback", "at": "client.py:20", "of": "reader"}),
        ("on_timer", {"kind": "handle", "at": "client.py:20"}),
    ]
    woken = {e["ts"]: e["args"].get("woken by") for e in events if e["name"] == "ready"}
    threads = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    begins = {e["id"]: threads[e["tid"]] for e in events if e["ph"] == "s"}
    ends = {e["id"]: (threads[e["tid"]], woken[e["ts"]]) for e in events if e["ph"] == "f"}
    assert {(begins[arrow], *ends[arrow]) for arrow in begins} == {
        ("main 1", "reader 1", "main"),
        ("loop 1", "reader 1", "descriptor of transport 12 (127.0.0.1:80)"),
        ("reader 1", "main 1", "callback of reader"),
    }


def test_the_picture_is_xml_with_a_bar_for_each_batch(converted):
    text = converted("workers", ".svg").read_text()
    root = xml.etree.ElementTree.fromstring(text)
    names = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "worker (50)" in names
    locks = [
        round(float(each.get("width")) / 95.7)
        for each in root.iter("{http://www.w3.org/2000/svg}rect")
        if each.get("fill") == "#9775fa" and each.get("height") == "9"
    ]
    assert [locks.count(batch) for batch in range(1, 10)] == [5] * 9


def test_the_picture_of_hostile_names_and_of_a_million_events_is_xml_of_a_bounded_size(converted):
    for kind in ("hostile", "million"):
        path = converted(kind, ".svg")
        xml.etree.ElementTree.parse(path)
        assert path.stat().st_size < 2_000_000


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.aiotrace", None, "No such file"),
        ("empty.aiotrace", b"", "this is no trace"),
        ("picture.aiotrace", b"\x89PNG\r\n\x1a\n123456", "this is no trace"),
        ("later.aiotrace", b"AIOTRACE\x07\0\0\0", "version 7"),
        ("later.ring", b"AIORING1\x07" + bytes(80), "version 7"),
    ],
)
def test_what_is_no_trace_is_named(tmp_path, name, content, words):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    done = run("convert", path, tmp_path / "out.html")
    assert done.returncode == 1
    assert words in done.stderr
    assert name in done.stderr
    assert not (tmp_path / "out.html").exists()


def test_a_form_that_does_not_exist_is_named_before_anything_is_read(tmp_path):
    done = run("convert", tmp_path / "missing", tmp_path / "out.pdf")
    assert done.returncode == 1
    assert ".html, .pftrace, .json, .svg" in done.stderr


def test_a_trace_that_is_cut_off_is_shown_up_to_there(traces, tmp_path):
    whole = (traces / "workers.aiotrace").read_bytes()
    (tmp_path / "cut.aiotrace").write_bytes(whole[:-100])
    done = run("convert", tmp_path / "cut.aiotrace", tmp_path / "cut.svg")
    assert done.returncode == 0
    assert "cut off" in done.stdout
    assert "cut off" in (tmp_path / "cut.svg").read_text()


def test_a_full_disk_leaves_no_half_page(traces):
    link = traces / "full.html"
    link.symlink_to("/dev/full")
    done = run("convert", traces / "workers.aiotrace", link)
    assert done.returncode == 1
    assert "No space left" in done.stderr
