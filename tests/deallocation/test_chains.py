"""A long chain of objects, each of which holds the next, is dropped without using up the stack."""

import subprocess
import sys
import textwrap

import pytest

DEADLINE = 25  # seconds

# How each link is made of the one before.
CHAINS = {
    "queues": "link = asyncio.Queue(); link.put_nowait(before)",
    "queues, last in first out": "link = asyncio.LifoQueue(); link.put_nowait(before)",
    "queues by priority": "link = asyncio.PriorityQueue(); link.put_nowait((0, before))",
    "queues of a subclass": "link = Sub(); link.put_nowait(before)",
    "queues and lists": "link = asyncio.Queue(); link.put_nowait([before])",
    "queues with attributes": "link = Sub(); link.attribute = before",
    "stream readers": "link = asyncio.StreamReader(loop=loop); link.set_transport(before)",
    "conditions": "link = asyncio.Condition(Lockish(before))",
    "handles": "link = asyncio.Handle(print, (before,), loop, None)",
    "timer handles": "link = asyncio.TimerHandle(0, print, (before,), loop, None)",
    "coroutines that never began": "link = asyncio.sleep(0, before)",
    "exceptions": "link = KeyError(before)",
}

# The standard library's own, written in C, overflow the stack.
NATIVE_CHAINS = {
    "results of futures": "link = loop.create_future(); link.set_result(before)",
    "callbacks of futures": (
        "link = loop.create_future(); link.add_done_callback(functools.partial(print, before))"
    ),
    "futures of a subclass": "link = SubFuture(loop=loop); link.set_result(before)",
    "tasks": (
        "link = asyncio.Task(asyncio.sleep(0, before), loop=loop);link._log_destroy_pending = False"
    ),
}

PROGRAM = """
import functools, importlib, sys, warnings
asyncio = importlib.import_module(sys.argv[1])
warnings.simplefilter("ignore")
loop = asyncio.new_event_loop()

class Sub(asyncio.Queue):
    pass

class SubFuture(asyncio.Future):
    pass

class Lockish:
    def __init__(self, before):
        self.before = before
    locked = acquire = release = lambda self: None

class End:
    def __del__(self):
        print("dropped")

before = End()
for _ in range(100_000):
    {link}
    before = link
print("made")
del before, link
loop.close()
print("over")
"""


def run(kind, source):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source), kind],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout.split()


@pytest.mark.usefixtures("deep")
@pytest.mark.parametrize("link", CHAINS.values(), ids=CHAINS)
def test_long_chain_is_dropped(kind, link):
    assert run(kind, PROGRAM.format(link=link)) == ["made", "dropped", "over"]


@pytest.mark.parametrize("link", NATIVE_CHAINS.values(), ids=NATIVE_CHAINS)
def test_long_chain_is_dropped_where_the_standard_library_fails(link):
    printed = run("aioxide", PROGRAM.format(link=link))
    assert sorted(printed) == ["dropped", "made", "over"]


def test_what_one_thread_drops_is_not_left_to_another(kind):
    # The first thread is deep in a chain, in a finalizer that waits for one of the second's.
    printed = run(
        kind,
        """
        import importlib, sys, threading
        asyncio = importlib.import_module(sys.argv[1])
        reached, dropped = threading.Event(), threading.Event()

        class Waits:
            def __del__(self):
                reached.set()
                assert dropped.wait(10)
                print("waited")

        class Tells:
            def __del__(self):
                dropped.set()

        def chain(end, length):
            for _ in range(length):
                queue = asyncio.Queue()
                queue.put_nowait(end)
                end = queue
            return end

        first, second = [chain(Waits(), 40)], [chain(Tells(), 40)]
        thread = threading.Thread(target=first.clear)
        thread.start()
        assert reached.wait(10)
        second.clear()
        thread.join()
        print("over")
        """,
    )
    assert printed == ["waited", "over"]
