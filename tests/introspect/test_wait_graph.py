"""Who waits for whom, and in which circles."""

import asyncio

import pytest


def names(cycle):
    return [(edge.waiter.name, edge.kind, edge.holder.name) for edge in cycle.edges]


@pytest.fixture
def opposite(api):
    """Two functions that take the same two locks, one in the opposite order."""

    def make(first, second):
        async def left():
            async with first:
                await api.sleep(0)
                async with second:
                    pass

        async def right():
            async with second:
                await api.sleep(0)
                async with first:
                    pass

        return {"left": left, "right": right}

    return make


def test_circle_of_locks(api, waiting, opposite):
    _, graph, text = waiting(**opposite(api.Lock(), api.Lock()))
    (cycle,) = graph.cycles
    assert sorted(names(cycle)) == [("left", "lock", "right"), ("right", "lock", "left")]
    assert all(edge.place.file == __file__ for edge in cycle.edges)
    assert "circle: task" in text
    assert "for a lock that task 'left' has" in str(cycle)


def test_circle_of_conditions(api, waiting, opposite):
    _, graph, _ = waiting(**opposite(api.Condition(), api.Condition()))
    (cycle,) = graph.cycles
    assert sorted(names(cycle)) == [("left", "lock", "right"), ("right", "lock", "left")]


def test_lock_that_is_taken_twice(api, waiting):
    lock = api.Lock()

    async def twice():
        async with lock, lock:
            pass

    _, graph, _ = waiting(twice=twice)
    (cycle,) = graph.cycles
    assert names(cycle) == [("twice", "lock", "twice")]
    assert str(cycle).endswith(" for a lock that it has itself")


def test_semaphore_whose_holders_wait_for_it(api, waiting):
    semaphore = api.Semaphore(2)

    async def nested():
        async with semaphore:
            await api.sleep(0)
            async with semaphore:
                pass

    _, graph, _ = waiting(one=nested, two=nested)
    assert {edge.kind for cycle in graph.cycles for edge in cycle.edges} == {"semaphore"}


def test_waiting_for_a_lock_is_no_deadlock(api, waiting):
    lock = api.Lock()

    async def holder():
        async with lock:
            await api.sleep(50)

    async def waiter():
        async with lock:
            pass

    infos, graph, text = waiting(holder=holder, one=waiter, two=waiter)
    assert graph.cycles == ()
    assert sorted((edge.waiter.name, edge.holder.name) for edge in graph.edges) == [
        ("one", "holder"),
        ("two", "holder"),
    ]
    assert infos["one"].waits_for.text == "a lock for which 2 tasks wait"
    assert "circle: " not in text


def test_lock_that_was_given_back_has_no_holder(api, waiting):
    lock = api.Lock()

    async def before():
        async with lock:
            pass
        await api.sleep(50)

    async def without_block():
        await lock.acquire()
        await api.sleep(50)

    async def waiter():
        async with lock:
            pass

    _, graph, _ = waiting(before=before, without_block=without_block, waiter=waiter)
    assert graph.edges == ()


def test_a_lock_that_is_released_by_waiting_for_a_condition(api, waiting):
    condition = api.Condition()

    async def waits():
        async with condition:
            await condition.wait()

    async def holds():
        async with condition:
            await api.sleep(50)

    async def enters():
        async with condition:
            pass

    _, graph, _ = waiting(waits=waits, holds=holds, enters=enters)
    assert [(edge.waiter.name, edge.holder.name) for edge in graph.edges] == [("enters", "holds")]


def test_tasks_that_wait_for_one_another(api, waiting):
    tasks = {}

    def waits_for(own, other):
        async def wait():
            tasks[own] = asyncio.current_task()
            await api.sleep(0)
            await api.wait([tasks[other]])

        return wait

    _, graph, _ = waiting(first=waits_for("first", "second"), second=waits_for("second", "first"))
    (cycle,) = graph.cycles
    assert sorted(names(cycle)) == [("first", "wait", "second"), ("second", "wait", "first")]


def test_tree_nests_what_is_awaited(api, run, introspect):
    async def main():
        loop = asyncio.get_running_loop()

        async def parent():
            async with api.TaskGroup() as group:
                group.create_task(api.sleep(50), name="child one")
                group.create_task(api.sleep(50), name="child two")

        task = loop.create_task(parent(), name="parent")
        await api.sleep(0)
        await api.sleep(0)
        nodes = {node.task.name: node for node in introspect.tree(loop)}
        text = introspect.format_tree(loop)
        task.cancel()
        return nodes, text

    nodes, text = run(main())
    assert [child.task.name for child in nodes["parent"].children] == ["child one", "child two"]
    assert "├─ child one (sleep) waiting for a sleep of 50 s\n" in text
    assert "└─ child two (sleep) waiting for a sleep of 50 s" in text


def test_a_long_chain_needs_no_recursion(api, run, introspect):
    async def main():
        loop = asyncio.get_running_loop()
        waited = loop.create_task(api.sleep(50))

        async def wait_for(task):
            await task

        tasks = [waited]
        for _ in range(3000):
            tasks.append(loop.create_task(wait_for(tasks[-1])))
        await api.sleep(0)
        await api.sleep(0)
        depth, nodes = 0, introspect.tree(loop)
        longest = max(nodes, key=lambda node: len(node.children))
        while longest is not None:
            depth += 1
            longest = longest.children[0] if longest.children else None
        lines = introspect.format_tree(loop).count("\n") + 1
        # The others end by its exception. Up to 3.11, asyncio's cancellation of a long chain from
        # its other end is a RecursionError.
        waited.cancel()
        await api.wait(tasks)
        return depth, lines

    depth, lines = run(main(), 30)
    assert depth == 3001
    assert lines == 3002


def test_control_characters_in_names_are_escaped(api, run, introspect):
    async def main():
        loop = asyncio.get_running_loop()
        task = loop.create_task(api.sleep(50), name="evil\x1b[2J\nname")
        await api.sleep(0)
        text = introspect.format_tree(loop)
        task.cancel()
        return text

    text = run(main())
    assert "\x1b" not in text
    assert "evil\\x1b[2J\\nname" in text
