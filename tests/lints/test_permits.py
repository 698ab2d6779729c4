"""Semaphores whose permits their waiters have, and those that limit a rate: nearly the same."""

import asyncio
import contextlib
import threading

import pytest


@pytest.fixture
def deadlocks(looked_at):
    """Runs a program, recorded or not, and returns the deadlocks found at certain times."""

    def look(program, *times, recorded=False, **options):
        import aioxide

        with aioxide.record() if recorded else contextlib.nullcontext():
            found = looked_at(program, *times, **options)
        return [each for each in found if each.lint == "deadlock"]

    return look


def nesting(api, make, *names):
    """A program whose tasks wait for a second permit while they have one."""

    async def program(spawn):
        semaphore = make()

        async def nested():
            async with semaphore:
                await api.sleep(0)
                async with semaphore:
                    pass

        for name in names:
            spawn(nested(), name)

    return program


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("bounded", [False, True])
def test_permits_that_their_waiters_have(kind, api, deadlocks, bounded, recorded):
    if kind == "asyncio" and not bounded:
        pytest.skip("asyncio's own class does not know how many permits there are")
    make = api.BoundedSemaphore if bounded else api.Semaphore
    program = nesting(api, lambda: make(2), "one", "two", "victim")
    assert deadlocks(program, 0, 1, recorded=recorded) == []
    (finding,) = deadlocks(program, 0, 3, 6, recorded=recorded)
    start, _, rest = finding.sentence.partition(": ")
    assert start == "2 tasks have waited for 6.0 s"
    assert rest.startswith("task 'one' waits at ")
    assert rest.endswith(" for a semaphore whose 2 permits they have themselves")
    assert finding.sentence.count(__file__) == 2
    assert finding.victims == ("victim",)
    assert "no task wait for a permit while it has one" in finding.fix


@pytest.mark.parametrize("permits", [1, 3])
def test_a_task_that_has_all_permits_itself(api, deadlocks, permits):
    async def program(spawn):
        semaphore = api.BoundedSemaphore(permits)

        async def take(more):
            async with semaphore:
                await (take(more - 1) if more else semaphore.acquire())

        spawn(take(permits - 1), "greedy")

    (finding,) = deadlocks(program, 0, 6)
    start, _, rest = finding.sentence.partition(": ")
    assert start == "a task has waited for itself for 6.0 s"
    what = "only permit" if permits == 1 else "3 permits"
    assert rest.startswith("task 'greedy' waits at ")
    assert rest.endswith(f" for a semaphore whose {what} it has itself")


def test_permits_of_tasks_that_wait_for_other_things(api, deadlocks):
    """Both parents have a permit, and wait for children that need one."""

    async def program(spawn):
        semaphore = api.BoundedSemaphore(2)

        async def child():
            async with semaphore:
                pass

        async def parent(name):
            async with semaphore:
                await api.sleep(0)
                await spawn(child(), f"child of {name}")

        spawn(parent("one"), "one")
        spawn(parent("two"), "two")

    (finding,) = deadlocks(program, 0, 6)
    assert finding.sentence.startswith("2 tasks have waited in a circle for 6.0 s: ")


def test_one_of_the_parents_goes_on(api, deadlocks):
    async def program(spawn):
        semaphore = api.BoundedSemaphore(2)

        async def child():
            async with semaphore:
                pass

        async def parent():
            async with semaphore:
                await spawn(child(), "child")

        async def other():
            async with semaphore:
                await api.sleep(50)

        spawn(parent(), "parent")
        spawn(other(), "other")

    assert deadlocks(program, 0, 6, 12) == []


def test_a_permit_elsewhere(api, deadlocks):
    async def program(spawn):
        semaphore = api.BoundedSemaphore(2)
        await semaphore.acquire()

        async def nested():
            async with semaphore:
                async with semaphore:
                    pass

        spawn(nested(), "nested")

    assert deadlocks(program, 0, 6) == []


def test_a_permit_elsewhere_of_a_semaphore_without_a_bound(only_ours, api, deadlocks):
    async def program(spawn):
        semaphore = api.Semaphore(2)
        await semaphore.acquire()

        async def nested():
            async with semaphore:
                async with semaphore:
                    pass

        spawn(nested(), "nested")

    assert deadlocks(program, 0, 6) == []
    assert deadlocks(program, 0, 6, recorded=True) == []


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("where", ["a task", "a timer", "a callback", "a thread"])
@pytest.mark.parametrize("bounded", [False, True])
def test_a_rate_that_is_limited_by(only_ours, api, deadlocks, bounded, where, recorded):
    """Who acquires never releases; before the first release nothing tells that from a fault."""
    released = threading.Event()

    async def program(spawn):
        semaphore = (api.BoundedSemaphore if bounded else api.Semaphore)(3)
        loop = asyncio.get_running_loop()

        async def refill():
            while True:
                await api.sleep(50)
                semaphore.release()

        async def work():
            while True:
                await semaphore.acquire()
                if where == "a timer":
                    loop.call_later(50, semaphore.release)
                elif where == "a callback":
                    spawn(api.sleep(50)).add_done_callback(lambda _: semaphore.release())
                elif where == "a thread":
                    call = loop.run_in_executor(None, released.wait, 20)
                    call.add_done_callback(lambda _: semaphore.release())

        if where == "a task":
            spawn(refill(), "refill")
        spawn(work(), "worker")

    try:
        assert deadlocks(program, 0, 6, 12, recorded=recorded) == []
    finally:
        released.set()


@pytest.mark.parametrize("after", ["one release", "no release"])
def test_a_rate_that_several_tasks_share(only_ours, api, deadlocks, after):
    semaphores = []

    async def program(spawn):
        semaphores.append(api.Semaphore(2))

        async def work():
            while True:
                await semaphores[0].acquire()

        for name in ("one", "two", "three"):
            spawn(work(), name)

    def refill():
        if after == "one release":
            semaphores[0].release()

    assert deadlocks(program, 0, 6, 12, recorded=True, between=refill) == []
    semaphores.clear()


@pytest.mark.parametrize("recorded", [False, True])
def test_a_signal_that_is_used_in_blocks(only_ours, api, deadlocks, recorded):
    """The tasks give their permits back, and a timer gives more: no circle lasts."""

    async def program(spawn):
        semaphore = api.Semaphore(1)
        semaphore.release()
        asyncio.get_running_loop().call_later(50, semaphore.release)

        async def nested():
            async with semaphore:
                await api.sleep(0)
                async with semaphore:
                    pass

        spawn(nested(), "one")
        spawn(nested(), "two")

    assert deadlocks(program, 0, 6, 12, recorded=recorded) == []


def test_permits_acquired_by_calls_where_holders_release_them(only_ours, api, deadlocks):
    async def program(spawn):
        semaphore = api.Semaphore(2)

        async def careful():
            await semaphore.acquire()
            try:
                await api.sleep(0)
            finally:
                semaphore.release()

        async def nested():
            await semaphore.acquire()
            await api.sleep(0)
            await semaphore.acquire()

        await spawn(careful(), "careful")
        spawn(nested(), "one")
        spawn(nested(), "two")

    assert deadlocks(program, 0, 6) == [], "who has them is only known by the recorder"
    (finding,) = deadlocks(program, 0, 6, recorded=True)
    assert finding.sentence.endswith(" for a semaphore whose 2 permits they have themselves")
    assert finding.created is not None


def test_permits_that_have_changed_hands_between_two_recordings(only_ours, api, deadlocks):
    import aioxide

    async def program(spawn):
        with aioxide.record():
            semaphore, lock = api.Semaphore(1), api.Lock()
            await semaphore.acquire()
            semaphore.release()

            async def first():
                await semaphore.acquire()
                await lock.acquire()
                await api.sleep(0)
                semaphore.release()
                lock.release()
                await api.sleep(50)

            async def second():
                await semaphore.acquire()
                await lock.acquire()
                await api.sleep(50)

            spawn(first(), "first")
            await api.sleep(0)
        spawn(second(), "second")
        for _ in range(3):
            await api.sleep(0)
        with aioxide.record():
            seen.append(known(semaphore))
            seen.append(known(lock))

    seen, known = [], aioxide._aioxide._recorded_holders
    assert deadlocks(program, 0) == []
    assert seen == [None, None]


@pytest.mark.parametrize("timer", [False, True])
def test_a_program_of_which_nothing_else_is_left(only_ours, api, lints, timer):
    """The first time, by calls; nobody is there who could release a permit, or (timer) somebody."""
    import aioxide
    from aioxide.lints._patrol import Patrol

    loops, waiting = [], threading.Event()

    async def nested(semaphore):
        await semaphore.acquire()
        await api.sleep(0)
        await semaphore.acquire()

    async def main():
        semaphore = api.Semaphore(2)
        if timer:
            asyncio.get_running_loop().call_later(50, semaphore.release)
        loops.append(asyncio.get_running_loop())
        loops[0].call_soon(waiting.set)
        try:
            await api.gather(nested(semaphore), nested(semaphore))
        except asyncio.CancelledError:
            pass

    def stop():
        (loop,) = loops
        loop.call_soon_threadsafe(lambda: [each.cancel() for each in asyncio.all_tasks(loop)])

    patrol, found = Patrol(), []
    with aioxide.record():
        thread = threading.Thread(target=api.run, args=(main(),))
        thread.start()
        try:
            assert waiting.wait(10)
            for now in range(4000):
                found += patrol.look(float(now))
                if found or (timer and now > 40):
                    break
                thread.join(0.005)
        finally:
            stop()
            thread.join(10)
    if timer:
        assert found == []
    else:
        (finding,) = found
        assert finding.sentence.endswith(" for a semaphore whose 2 permits they have themselves")
