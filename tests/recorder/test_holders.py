"""Who has a lock or a permit, while the program is recorded."""

import os

import aioxide
import pytest
from aioxide import console, introspect
from recorder.console_client import Client


@pytest.fixture
def graph_of():
    """Runs tasks while they are recorded; returns the circles of tasks by their names."""

    def look(*functions, make):
        async def main():
            shared = make()
            tasks = [
                aioxide.create_task(function(shared), name=function.__name__)
                for function in functions
            ]
            for _ in range(8):
                await aioxide.sleep(0)
            graph = introspect.wait_graph(aioxide.get_running_loop())
            for task in tasks:
                task.cancel()
            await aioxide.gather(*tasks, return_exceptions=True)
            return [
                sorted((edge.waiter.name, edge.holder.name) for edge in cycle.edges)
                for cycle in graph.cycles
            ]

        with aioxide.record(), aioxide.Runner(loop_factory=aioxide.new_event_loop) as runner:
            return runner.run(main())

    return look


def test_a_task_that_has_called_acquire_has_the_lock(graph_of):
    async def left(locks):
        await locks[0].acquire()
        await aioxide.sleep(0)
        await locks[1].acquire()

    async def right(locks):
        await locks[1].acquire()
        await aioxide.sleep(0)
        await locks[0].acquire()

    circles = graph_of(left, right, make=lambda: [aioxide.Lock(), aioxide.Lock()])
    assert circles == [[("left", "right"), ("right", "left")]]


def test_permits_that_are_all_held_by_those_who_wait(graph_of):
    async def one(semaphore):
        await semaphore.acquire()
        await aioxide.sleep(0)
        await semaphore.acquire()

    async def two(semaphore):
        await semaphore.acquire()
        await aioxide.sleep(0)
        await semaphore.acquire()

    circles = graph_of(one, two, make=lambda: aioxide.Semaphore(2))
    # Each waits for either, so that each is a circle of its own: the shortest.
    assert sorted(circles) == [[("one", "one")], [("two", "two")]]


def test_a_permit_that_was_given_back_is_nobody_s(graph_of):
    async def has_had_one(semaphore):
        await semaphore.acquire()
        semaphore.release()
        await aioxide.sleep(60)

    async def waits(semaphore):
        for _ in range(3):
            await semaphore.acquire()

    assert graph_of(has_had_one, waits, make=lambda: aioxide.Semaphore(2)) == [[("waits", "waits")]]


def test_a_semaphore_that_others_release_is_a_signal_and_nobody_s(graph_of):
    async def consumer(semaphore):
        while True:
            await semaphore.acquire()

    async def producer(semaphore):
        semaphore.release()
        await aioxide.sleep(60)

    assert graph_of(consumer, producer, make=lambda: aioxide.Semaphore(0)) == []


def test_a_permit_that_is_handed_on_belongs_to_the_one_that_was_woken(graph_of):
    async def first(semaphore):
        await semaphore.acquire()
        await aioxide.sleep(0)
        semaphore.release()

    async def second(semaphore):
        await semaphore.acquire()
        await semaphore.acquire()

    assert graph_of(first, second, make=lambda: aioxide.Semaphore(1)) == [[("second", "second")]]


def test_the_holders_of_an_object_that_is_none_of_ours_are_not_known():
    known = aioxide._aioxide._recorded_holders
    assert known(object()) is None
    assert known(aioxide.Lock()) is None
    assert known(aioxide.Semaphore()) is None


def test_the_console_names_who_has_the_permits(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    async def hold(semaphore):
        async with semaphore:
            await aioxide.sleep(60)

    async def main(client):
        semaphore, lock = aioxide.Semaphore(6), aioxide.Lock()
        tasks = [aioxide.create_task(hold(semaphore), name=f"holder {n}") for n in range(7)]
        tasks.append(aioxide.create_task(hold(lock), name="owner"))
        await aioxide.sleep(0)
        objects = await aioxide.to_thread(client.ask, "objects")
        for task in tasks:
            task.cancel()
        return {each["kind"]: each for each in objects}

    console.start()
    try:
        with (
            Client(os.getpid()) as client,
            aioxide.Runner(loop_factory=aioxide.new_event_loop) as runner,
        ):
            objects = runner.run(main(client))
    finally:
        console.stop()
        aioxide.record().stop()
    semaphore, lock = objects["semaphore"], objects["lock"]
    assert (semaphore["held"], semaphore["length"], len(semaphore["waiters"])) == (6, 0, 1)
    assert semaphore["held_by"] == [f"holder {n}" for n in range(4)]
    assert semaphore["name"] == "held by holder 0, holder 1, holder 2, holder 3 and 2 more"
    assert (lock["held"], lock["held_by"], lock["name"]) == (1, ["owner"], "held by owner")
    assert lock["owner"] != 0
