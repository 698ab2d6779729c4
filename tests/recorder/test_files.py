"""Files that are written while the program runs, however it ends."""

import json
import os
import resource
import signal
import struct
import subprocess
import sys
import textwrap
import time

import aioxide
import pytest
from recorder import trace_file
from recorder.trace_file import Created, Step, TraceFile

DEADLINE = 20  # seconds


async def empty():
    pass


async def create(count):
    for number in range(count):
        await aioxide.create_task(empty(), name=f"task {number}")


def run(source, *, status=0):
    program = "import os, signal, sys\nimport aioxide\n" + textwrap.dedent(source)
    # The thread that writes the file is one thread more than Python wants at a fork.
    quiet = ["-W", "ignore::DeprecationWarning"]
    done = subprocess.run(
        [sys.executable, *quiet, "-c", program], capture_output=True, text=True, timeout=DEADLINE
    )
    assert done.returncode == status, done.stderr
    return done


def test_a_full_trace_has_every_event(tmp_path):
    path = tmp_path / "full.aiotrace"
    with aioxide.record(full=True, file=path, capacity=65_536):
        aioxide.run(create(20_000))
    trace = trace_file.read(path)
    assert trace.rest == 0
    assert sum(trace.dropped.values()) == 0
    created = [event.task for event in trace.of(Created)]
    assert len(created) >= 20_000
    assert set(created) <= set(trace.tasks)
    names = {trace.strings[task.name] for task in trace.tasks.values()}
    assert {f"task {number}" for number in range(20_000)} <= names
    done = [step for step in trace.of(Step) if step.outcome == "done"]
    assert len(done) >= 20_000
    assert len(trace.calibrations) >= 1


def test_what_the_writer_could_not_keep_up_with_is_counted(tmp_path):
    path = tmp_path / "dropped.aiotrace"

    async def main():
        # One step of the loop's thread: the writer has no time in between.
        for _ in range(3_000):
            aioxide.recording.mark("again")

    with aioxide.record(full=True, file=path, capacity=1024) as recording:
        aioxide.run(main())
        count = recording.dropped
    trace = trace_file.read(path)
    assert count > 1000
    assert sum(trace.dropped.values()) + len(trace.events) >= 3_000


def test_a_full_trace_has_every_exception_that_ends_a_task(tmp_path):
    path = tmp_path / "failures.aiotrace"

    async def fail(number):
        raise ValueError(f"number {number}")

    async def main():
        tasks = [aioxide.create_task(fail(number)) for number in range(3)]
        await aioxide.wait(tasks)
        return [task.exception() for task in tasks]

    with aioxide.record(full=True, file=path):
        aioxide.run(main())
    failures = trace_file.read(path).failures
    assert [each["text"] for each in failures] == ["number 0", "number 1", "number 2"]
    assert all("in fail" in each["traceback"] for each in failures)


def test_os_exit_leaves_what_was_recorded(tmp_path):
    path = tmp_path / "exit.aiotrace"
    run(
        f"""
        aioxide.record(full=True, file={str(path)!r})
        async def main():
            for _ in range(100):
                await aioxide.sleep(0.001)
            os._exit(7)
        aioxide.run(main())
        """,
        status=7,
    )
    trace = trace_file.read(path)
    assert len(trace.of(Step)) > 50
    assert trace.meta["pid"] > 0


def test_a_normal_exit_completes_the_file(tmp_path):
    path = tmp_path / "normal.aiotrace"
    run(
        f"""
        aioxide.record(full=True, file={str(path)!r})
        aioxide.run(aioxide.sleep(0))
        """
    )
    trace = trace_file.read(path)
    assert trace.rest == 0
    assert [step.outcome for step in trace.of(Step)][:2] == ["yielded", "done"]


def ring_events(data):
    """The header and the events of a ring file."""
    magic, version, pid, loop, size = struct.unpack_from("<8sIIII", data)
    assert (magic, version, size) == (b"AIORING1", 1, 24)
    capacity, count = struct.unpack_from("<QQ", data, 24)
    assert len(data) == 4096 + capacity * 24
    events = []
    for number in range(max(0, count - capacity + 1), count):
        at = 4096 + number % capacity * 24
        events.append(struct.unpack_from("<QQQ", data, at))
    return pid, loop, count, events


def test_sigkill_leaves_the_ring(tmp_path):
    path = tmp_path / "killed.aiotrace"
    run(
        f"""
        aioxide.record(capacity=4096, file={str(path)!r})
        async def main():
            for _ in range(3000):
                await aioxide.sleep(0)
            await aioxide.create_task(aioxide.sleep(0.1), name="last")
            os.kill(os.getpid(), signal.SIGKILL)
        aioxide.run(main())
        """,
        status=-signal.SIGKILL,
    )
    pid, loop, count, events = ring_events((tmp_path / "killed.ring").read_bytes())
    assert loop == 1
    assert count > 3000
    steps = [what >> 8 for _, what, _ in events if what & 0xFF == 2]
    assert len(steps) > 2900
    tables = trace_file.read(path)
    assert tables.meta["pid"] == pid
    assert tables.task_named("last").id in steps
    assert set(steps) <= set(tables.tasks)


@pytest.mark.parametrize("end", ["os._exit(7)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_full_trace_that_is_cut_at_once_has_its_last_events_in_a_ring(tmp_path, end):
    path = tmp_path / "cut.aiotrace"
    run(
        f"""
        aioxide.record(full=True, file={str(path)!r})
        async def main():
            for _ in range(10):
                await aioxide.sleep(0)
            {end}
        aioxide.run(main())
        """,
        status=7 if "exit" in end else -signal.SIGKILL,
    )
    trace = trace_file.read(path)
    pid, loop, count, events = ring_events((tmp_path / "cut.ring").read_bytes())
    assert (pid, loop) == (trace.meta["pid"], 1)
    assert len(trace.events) <= count
    assert [what & 0xFF for _, what, _ in events].count(2) == 10  # steps


def test_a_full_trace_that_is_ended_leaves_no_ring(tmp_path):
    path = tmp_path / "whole.aiotrace"
    with aioxide.record(full=True, file=path, capacity=1024):
        for _ in range(3):
            aioxide.run(aioxide.sleep(0))
        deadline = time.monotonic() + DEADLINE
        while (rings := list(tmp_path.glob("*.ring*"))) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert rings == [], "a loop that is closed needs none"
        runner = aioxide.Runner(loop_factory=aioxide.new_event_loop)
        runner.run(aioxide.sleep(0))
        (ring,) = tmp_path.glob("*.ring*")
        assert ring.name.startswith("whole.ring")
    assert [each.name for each in tmp_path.iterdir()] == ["whole.aiotrace"]
    runner.close()


def test_many_loops_in_a_row_do_not_each_get_a_file(tmp_path):
    """Each takes some milliseconds."""
    path = tmp_path / "many.aiotrace"
    with aioxide.record(full=True, file=path, capacity=1024):
        runners = [aioxide.Runner(loop_factory=aioxide.new_event_loop) for _ in range(40)]
        for runner in runners:
            runner.run(aioxide.sleep(0))
        assert len(list(tmp_path.glob("many.ring*"))) < 40
        for runner in runners:
            runner.close()
    assert sum(step.outcome == "done" for step in trace_file.read(path).of(Step)) >= 40
    assert [each.name for each in tmp_path.iterdir()] == ["many.aiotrace"]


def test_a_new_recording_removes_the_rings_of_an_earlier_one(tmp_path):
    path = tmp_path / "run.aiotrace"
    (tmp_path / "run.ring77").write_bytes(b"AIORING1" + b"\0" * 4088)
    others = ["run.ring7", "run.ringing", "other.ring3", "run.ring"]
    for other in others:
        content = b"somebody's own" if other == "run.ring7" else b"AIORING1"
        (tmp_path / other).write_bytes(content)
    with aioxide.record(full=True, file=path):
        pass
    left = {each.name for each in tmp_path.iterdir()}
    assert left == {"run.aiotrace", "run.ring7", "run.ringing", "other.ring3"}


def test_each_loop_has_a_ring_beside_the_tables(tmp_path):
    path = tmp_path / "two.aiotrace"
    run(
        f"""
        aioxide.record(capacity=1024, file={str(path)!r})
        aioxide.run(aioxide.sleep(0))
        aioxide.run(aioxide.sleep(0))
        """
    )
    rings = {ring.name for ring in tmp_path.glob("*.ring*")}
    assert rings == {"two.ring", "two.ring2"}
    loops = {ring_events((tmp_path / ring).read_bytes())[1] for ring in rings}
    assert loops == {1, 2}


def test_a_forked_child_writes_neither_into_the_ring_nor_into_the_file(tmp_path):
    path = tmp_path / "forked.aiotrace"
    done = run(
        f"""
        aioxide.record(capacity=4096, file={str(path)!r})
        async def main():
            await aioxide.sleep(0)
            child = os.fork()
            if child == 0:
                assert not aioxide.recording.is_recording()
                for _ in range(1000):
                    await aioxide.sleep(0)
                os._exit(0)
            os.waitpid(child, 0)
            await aioxide.sleep(0.05)
        aioxide.run(main())
        child = os.fork()
        if child == 0:
            aioxide.run(aioxide.sleep(0))
            sys.exit(0)  # The file is the parent's: nothing is completed here.
        print(os.waitpid(child, 0)[1])
        """
    )
    assert done.stdout == "0\n"
    assert done.stderr == ""
    _, _, count, _ = ring_events((tmp_path / "forked.ring").read_bytes())
    assert count < 100
    assert trace_file.read(path).rest == 0


def test_a_forked_child_may_record_by_itself(tmp_path):
    done = run(
        f"""
        parent, own = {str(tmp_path / "parent.aiotrace")!r}, {str(tmp_path / "own.aiotrace")!r}
        aioxide.record(full=True, file=parent)
        aioxide.run(aioxide.sleep(0))
        child = os.fork()
        if child == 0:
            with aioxide.record(full=True, file=own):
                aioxide.run(aioxide.sleep(0))
            os._exit(0)
        print(os.waitpid(child, 0)[1])
        """
    )
    assert done.stdout == "0\n"
    assert trace_file.read(tmp_path / "own.aiotrace").of(Step)
    assert trace_file.read(tmp_path / "parent.aiotrace").rest == 0


FULL_DISK = """
import os, resource, signal, sys
import aioxide

async def main():
    for _ in range(40):
        for _ in range(500):
            await aioxide.sleep(0)
        await aioxide.sleep(0.005)

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
recording = aioxide.record(full=True, file=sys.argv[1])
aioxide.run(main())
recording.stop()
print(recording.error)
"""


def test_a_full_disk_ends_the_file_and_not_the_program(tmp_path):
    path = tmp_path / "full.aiotrace"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert done.returncode == 0, done.stderr
    assert "File too large" in done.stdout
    assert f"{path} is incomplete" in done.stderr
    trace = trace_file.read(path)
    assert len(trace.of(Step)) > 500
    assert path.stat().st_size <= 100_000


def test_a_ring_for_which_there_is_no_room_stays_in_memory(tmp_path):
    done = run(
        f"""
        import resource
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
        aioxide.record(file={str(tmp_path / "none.aiotrace")!r})
        aioxide.run(aioxide.sleep(0))
        """
    )
    assert "the ring of loop 1 has no file" in done.stderr


def test_a_file_that_cannot_be_made_is_named(tmp_path):
    with pytest.raises(FileNotFoundError) as raised:
        aioxide.record(full=True, file=tmp_path / "no" / "x.aiotrace")
    assert raised.value.filename == str(tmp_path / "no" / "x.aiotrace")
    assert not aioxide.recording.is_recording()


def test_every_truncation_of_a_file_opens(tmp_path):
    path = tmp_path / "whole.aiotrace"
    with aioxide.record(full=True, file=path, capacity=1024):
        aioxide.run(create(5))
    data = path.read_bytes()
    counts = [len(TraceFile(data[:end]).events) for end in range(12, len(data) + 1, 7)]
    assert counts == sorted(counts)
    assert counts[-1] > 10


def test_chrome_trace_events(tmp_path):
    path = tmp_path / "run.json"

    async def main():
        task = aioxide.create_task(aioxide.sleep(0.002), name='odd "name" \x1b</script>')
        await task

    with aioxide.record():
        aioxide.run(main())
        aioxide.dump_trace(path)
    events = json.loads(path.read_text())["traceEvents"]
    lanes = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    assert 'odd "name" \x1b</script>' in lanes.values()
    (odd,) = [tid for tid, name in lanes.items() if name.startswith("odd")]
    mine = [e for e in events if e.get("tid") == odd and e["ph"] == "X"]
    waits = [e for e in mine if e["name"] == "waits: sleep"]
    assert 1_000 < waits[0]["dur"] < 5_000_000  # microseconds
    assert [e["cat"] for e in mine if e["cat"] == "step"] == ["step", "step"]
    (timer,) = [e for e in events if e["name"] == "timer"]
    assert timer["args"] == {"of": lanes[odd]}
    assert all(e["pid"] == os.getpid() for e in events)


def test_the_limit_of_file_sizes_is_unchanged_here():
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
