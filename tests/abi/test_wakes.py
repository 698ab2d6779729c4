"""Wakes on any thread, without the GIL: while a loop is closed, after a fork, at exit."""

import asyncio
import gc
import os
import threading

import aioxide
import pytest


def waiting(probe, count, words):
    """Coroutines that put their words into ``words`` and wait for ever."""
    return [probe.run((("tell", words.append), ("forever",))) for _ in range(count)]


@pytest.fixture
def waking(probe):
    """Starts threads that wake words until the test is over."""
    yield probe.start_waking
    probe.stop_waking()


def test_a_word_wakes_its_coroutine_once(probe):
    async def main():
        words, polls = [], []
        program = (
            ("tell", words.append),
            ("suspend", 1),
            ("call", lambda: polls.append(True)),
            ("return", "over"),
        )
        assert await probe.run(program) == "over"
        assert polls == [True]
        # It has ended: nothing happens.
        probe.wake(words[0])
        probe.wake(words[0])

    aioxide.run(main())


def test_a_thread_wakes_without_the_gil(waking, probe):
    class Turns:
        left = 200

        def __call__(self):
            self.left -= 1

    async def main():
        words, turns = [], Turns()
        task = asyncio.create_task(
            probe.run((("tell", words.append), *[("thread", 0.0), ("call", turns)] * 200))
        )
        await asyncio.sleep(0)
        waking(tuple(words), 4)
        await task
        assert turns.left == 0

    aioxide.run(main())


def test_sixteen_threads_wake_while_loops_are_closed(waking, probe):
    words = []
    loops = [aioxide.new_event_loop() for _ in range(20)]
    tasks = []
    for loop in loops:
        tasks += [loop.create_task(each) for each in waiting(probe, 20, words)]
        loop.run_until_complete(asyncio.sleep(0))
    assert waking(tuple(words), 16) == 16
    for loop in loops:
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
    for task in tasks:
        assert not task.done()
        task._log_destroy_pending = False
        task.get_coro().close()
    del tasks, loops, loop, task
    gc.collect()


def test_sixteen_threads_wake_while_coroutines_come_and_go(waking, probe):
    async def main():
        words = []
        first = [asyncio.create_task(each) for each in waiting(probe, 500, words)]
        await asyncio.sleep(0)
        waking(tuple(words), 16)
        for task in first:
            task.cancel()
        await asyncio.wait(first)
        # They have the places of the first, with other words.
        await asyncio.gather(*[probe.run((("suspend", 20),)) for _ in range(500)])

    aioxide.run(main())


def test_a_word_outlives_its_loop(probe):
    words = []
    loop = aioxide.new_event_loop()
    (coroutine,) = waiting(probe, 1, words)
    task = loop.create_task(coroutine)
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    task._log_destroy_pending = False
    coroutine.close()
    del loop, task, coroutine
    gc.collect()
    probe.wake(words[0])
    thread = threading.Thread(target=probe.wake, args=words)
    thread.start()
    thread.join()
    # The next loop has nothing of it.
    aioxide.run(probe.run((("suspend", 3),)))


FORK = """
import asyncio, os, sys
import aioxide, probe

kind = sys.argv[1]
words = []
loops = [aioxide.new_event_loop() for _ in range(2)]
tasks = []
futures = []
for loop in loops:
    futures.append(loop.create_future())
    tasks.append(loop.create_task(probe.run((
        ("tell", words.append), ("sleep", 0.01), ("await", futures[-1]), ("thread", 0.0)))))
    loop.run_until_complete(asyncio.sleep(0))
probe.start_waking(tuple(words), 4)

def go_on(name):
    for loop, task, future in zip(loops, tasks, futures):
        future.set_result(name)
        loop.run_until_complete(task)
        # Each loop has its own wakes from threads, whichever was renewed last.
        loop.run_until_complete(probe.run((("thread", 0.0), ("thread", 0.0))))

children = []
for _ in range(20):
    child = os.fork()
    if child == 0:
        for word in words:
            probe.wake(word)
        go_on("child")
        # A new loop of the child's.
        aioxide.run(probe.run((("suspend", 2), ("thread", 0.0))))
        os._exit(7)
    children.append(child)
for child in children:
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
go_on("parent")
probe.stop_waking()
print("over")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.skipif(
    "libasan" in os.environ.get("LD_PRELOAD", ""),
    reason="the child may wait for a lock of the sanitizer, held by a thread of the parent",
)
def test_forks_while_threads_wake(run_with_probe):
    done = run_with_probe(FORK.replace("sys.argv[1]", "''"), options=["-W", "ignore"])
    assert (done.stdout, done.returncode) == ("over\n", 0), done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_in_a_poll(run_with_probe):
    done = run_with_probe(
        """
        import asyncio, os
        import aioxide, probe

        children = []

        def fork():
            children.append(os.fork())

        async def main():
            return await probe.run((("suspend", 1), ("call", fork), ("suspend", 2), ("sleep", 0.01),
                                    ("thread", 0.0), ("return", "over")))

        result = aioxide.run(main())
        if children[0] == 0:
            # By its status: two processes that print may mix their lines.
            os._exit(7 if result == "over" else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]) == 7
        print(result)
        """,
        options=["-W", "ignore"],
    )
    assert (done.stdout, done.returncode) == ("over\n", 0), done.stderr


EXITS = {
    "a pending task": """
loop = aioxide.new_event_loop()
tasks = [loop.create_task(probe.run((operation,))) for operation in OPERATIONS]
loop.run_until_complete(asyncio.sleep(0))
""",
    "a coroutine in a cycle": """
async def main():
    class Everything:
        pass
    everything = Everything()
    everything.all = [probe.run((("hold", everything), operation)) for operation in OPERATIONS]
    for each in everything.all:
        each.send(None)
    everything.itself = everything
    gc.disable()
aioxide.run(main())
""",
    "a loop in a daemon thread": """
started = threading.Event()
async def main():
    for operation in OPERATIONS:
        tasks.append(asyncio.create_task(probe.run((operation,))))
    started.set()
    while True:
        await probe.run((("suspend", 3), ("sleep", 0.0001), ("thread", 0.0)))
tasks = []
threading.Thread(target=lambda: aioxide.run(main()), daemon=True).start()
started.wait()
""",
    "threads that wake": """
words = []
loop = aioxide.new_event_loop()
tasks = [loop.create_task(probe.run((("tell", words.append), ("forever",)))) for _ in range(50)]
loop.run_until_complete(asyncio.sleep(0))
probe.start_waking(tuple(words), 8)
""",
    "threads that wake a loop in a daemon thread": """
words, started = [], threading.Event()
async def main():
    for _ in range(50):
        tasks.append(asyncio.create_task(probe.run((("tell", words.append), ("forever",)))))
    await asyncio.sleep(0)
    started.set()
    while True:
        await asyncio.sleep(0)
tasks = []
threading.Thread(target=lambda: aioxide.run(main()), daemon=True).start()
started.wait()
probe.start_waking(tuple(words), 8)
""",
}


@pytest.mark.parametrize("what", EXITS)
@pytest.mark.parametrize("end", ["returns", "exits"])
def test_a_program_ends_with_work_left(run_with_probe, what, end):
    head = """
import asyncio, gc, sys, threading
import aioxide, probe
OPERATIONS = (("forever",), ("sleep", 1000), ("thread", 0.1), ("await", asyncio.sleep(1000)))
"""
    tail = "sys.exit(7)" if end == "exits" else "print('over')"
    done = run_with_probe(head + EXITS[what] + tail, options=["-W", "ignore"])
    assert done.returncode == (7 if end == "exits" else 0), done.stderr
    assert "panicked" not in done.stderr
