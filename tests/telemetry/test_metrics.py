"""``aioxide.metrics()``."""

import json
import socket
import threading

import aioxide
import pytest
from aioxide.telemetry._metrics import quantile


def taken(main):
    async def wrapped():
        await main()
        return aioxide.metrics()

    return aioxide.run(wrapped())


async def nothing():
    pass


def test_without_recording_nothing_is_counted():
    found = taken(nothing)
    assert found["recording"] is False
    assert found["loops"] == 1
    assert [found[name] for name in ("iterations", "transports", "bytes", "delay")] == [None] * 4
    json.dumps(found)


def test_tasks_by_state():
    async def main():
        await aioxide.sleep(0)

    async def wrapped():
        sleeping = [aioxide.create_task(aioxide.sleep(50)) for _ in range(3)]
        await aioxide.sleep(0)
        ready = aioxide.create_task(main())
        found = aioxide.metrics()
        for task in (*sleeping, ready):
            task.cancel()
        return found

    found = aioxide.run(wrapped())
    assert found["tasks"] == {"running": 1, "ready": 1, "waiting": 3}
    assert found["timers"] == 0 or found["timers"] >= 3


def test_timers_and_ready_items():
    async def main():
        loop = aioxide.get_running_loop()
        timers = [loop.call_later(50, int) for _ in range(4)]
        loop.call_soon(int)
        found = aioxide.metrics()
        for timer in timers:
            timer.cancel()
        return found

    found = aioxide.run(main())
    assert (found["timers"], found["ready"]) == (4, 1)


def test_threads_of_the_pool():
    release = threading.Event()

    async def main():
        waiting = [aioxide.create_task(aioxide.to_thread(release.wait, 10)) for _ in range(3)]
        await aioxide.sleep(0.01)
        found = aioxide.metrics()
        release.set()
        await aioxide.gather(*waiting)
        return found

    assert aioxide.run(main())["threads"] == 3


def test_what_the_recorder_counts(recording):
    async def main():
        ours, theirs = socket.socketpair()
        reader, writer = await aioxide.open_connection(sock=ours)
        with theirs:
            theirs.send(b"x" * 1000)
            await reader.readexactly(1000)
            writer.write(b"y" * 300)
            await writer.drain()
            for _ in range(100):
                await aioxide.sleep(0)
            found = aioxide.metrics()
            writer.close()
            await writer.wait_closed()
        return found

    found = aioxide.run(main())
    assert found["recording"] is True
    assert found["iterations"] >= 100
    assert found["bytes"] == {"received": 1000, "sent": 300}
    assert found["transports"] == 1
    delay = found["delay"]
    assert delay["count"] >= 100
    assert sum(count for _, count in delay["buckets"]) == delay["count"]
    bounds = [bound for bound, _ in delay["buckets"]]
    assert bounds == sorted(bounds)
    assert 0 < delay["p50"] <= delay["p90"] <= delay["p99"] <= bounds[-1]
    assert delay["longest_step"] > 0
    json.dumps(found)


def test_findings_are_counted():
    from aioxide import lints
    from aioxide.lints._findings import Finding, add

    lints.forget_findings()
    add(Finding("deadlock", "a"))
    add(Finding("deadlock", "b"))
    add(Finding("lock-held", "c"))
    assert aioxide.metrics()["findings"] == {"deadlock": 2, "lock-held": 1}
    lints.forget_findings()


@pytest.mark.parametrize(
    ("buckets", "part", "expected"),
    [
        ([], 0.5, None),
        ([(1.0, 0)], 0.5, None),
        ([(1.0, 5), (2.0, 5)], 0.5, 1.0),
        ([(1.0, 5), (2.0, 5)], 0.51, 2.0),
        ([(1.0, 99), (2.0, 0), (4.0, 1)], 0.99, 1.0),
        ([(1.0, 99), (2.0, 0), (4.0, 1)], 1.0, 4.0),
    ],
)
def test_quantiles(buckets, part, expected):
    assert quantile(buckets, part) == expected
