"""A program that ends while tasks wait and its loop is open: how it ends is its own affair."""

import pytest

WAITS = {
    "sleep": "await asyncio.sleep(50)",
    "wait_for": "await asyncio.wait_for(asyncio.Event().wait(), 50)",
    "wait_for of a future": "await asyncio.wait_for(loop.create_future(), 50)",
    "timeout": "async with asyncio.timeout(50): await asyncio.sleep(60)",
    "task group": """
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(50))
""",
    "lock": """
    lock = asyncio.Lock()
    await lock.acquire()
    await lock.acquire()
""",
    "semaphore": "await asyncio.Semaphore(0).acquire()",
    "bounded semaphore": "async with asyncio.BoundedSemaphore(0): pass",
    "condition": """
    condition = asyncio.Condition()
    async with condition:
        await condition.wait()
""",
    "condition with a predicate": """
    condition = asyncio.Condition()
    async with condition:
        await condition.wait_for(lambda: False)
""",
    "event": "await asyncio.Event().wait()",
    "barrier": "await asyncio.Barrier(2).wait()",
    "queue": "await asyncio.Queue().get()",
    "full queue": """
    queue = asyncio.Queue(1)
    await queue.put(1)
    await queue.put(2)
""",
    "join of a queue": """
    queue = asyncio.Queue()
    queue.put_nowait(1)
    await queue.join()
""",
    "gather": "await asyncio.gather(asyncio.sleep(50), asyncio.Event().wait())",
    "shield": "await asyncio.shield(asyncio.sleep(50))",
    "wait": "await asyncio.wait([asyncio.ensure_future(asyncio.sleep(50))])",
    "as_completed": """
    for each in asyncio.as_completed([asyncio.sleep(50)]):
        await each
""",
    "stream": "await asyncio.StreamReader().readexactly(10)",
    "line of a stream": "await asyncio.StreamReader().readline()",
    "to_thread": """
    import threading
    await asyncio.to_thread(threading.Event().wait, 0.2)
""",
}

WAITING = """
async def wait():
    {wait}

loop = asyncio.new_event_loop()
task = loop.create_task(wait())
"""


# Closing these coroutines needs the loop, which is closed by then: that is reported.
CALL_THE_LOOP = ("queue", "full queue", "as_completed")


@pytest.mark.parametrize("name", WAITS)
def test_exit_while_a_task_waits(run_program, name):
    ended = run_program(
        WAITING.format(wait=WAITS[name]) + "loop.run_until_complete(asyncio.sleep(0))",
        "-W",
        "ignore",
    )
    assert "Task was destroyed but it is pending!" in ended.errors
    assert "panicked" not in ended.errors
    assert ("Exception ignored" in ended.errors) == (name in CALL_THE_LOOP)
    assert ended.status == 0


@pytest.mark.parametrize("wait", ["wait_for", "condition", "task group"])
def test_status_of_sys_exit_in_a_callback(run_program, wait):
    ended = run_program(
        WAITING.format(wait=WAITS[wait]) + "loop.call_soon(sys.exit, 3)\nloop.run_forever()",
        "-W",
        "ignore",
    )
    assert "panicked" not in ended.errors
    assert ended.status == 3


def test_exit_after_an_interrupted_run(run_program):
    ended = run_program(
        WAITING.format(wait=WAITS["condition"])
        + """
import os, signal
loop.call_soon(os.kill, os.getpid(), signal.SIGINT)
try:
    loop.run_forever()
except KeyboardInterrupt:
    print("interrupted")
""",
        "-W",
        "ignore",
    )
    assert "panicked" not in ended.errors
    assert ended.output == "interrupted\n"
    assert ended.status == 0


# What finalizers may do with what is left of a loop, each a line of one.
LATE_CALLS = {
    "cancel of a task": "self.task.cancel()",
    "cancel of a handle": "self.handle.cancel()",
    "send to a coroutine": "self.coroutine.send(None)",
    "throw into a coroutine": "self.coroutine.throw(KeyError('late'))",
    "close of a coroutine": "self.coroutine.close()",
    "put into a queue": "self.queue.put_nowait(1)",
    "get from a queue": "self.queue.get_nowait(), self.queue.get_nowait()",
    "call_soon": "self.loop.call_soon(int)",
    "set_result": "self.future.set_result(1), self.future.set_result(2)",
    "set_exception": "self.future.set_exception(StopIteration)",
    "result of a pending future": "self.future.result()",
    "result of a cancelled future": "self.future.cancel(), self.future.result()",
    "release of a lock": "self.lock.release()",
    "close of the loop": "self.loop.close()",
    "a whole run": "self.loop.run_until_complete(self.wait_for(self.sleep(0), 5))",
    "a timeout in a run": "self.loop.run_until_complete(self.wait_for(self.sleep(5), 0.001))",
    "a reader that is none": "self.loop.add_reader(object(), print)",
}


@pytest.mark.parametrize("late_call", LATE_CALLS.values(), ids=LATE_CALLS)
def test_finalizer_uses_what_is_left(run_program, late_call):
    ended = run_program(
        f"""
        class Late:
            sleep, wait_for = asyncio.sleep, asyncio.wait_for

            def __del__(self):
                try:
                    {late_call}
                except BaseException:
                    pass

        async def main():
            late.loop = asyncio.get_running_loop()
            late.task = late.loop.create_task(asyncio.sleep(9))
            late.queue = asyncio.Queue()
            late.coroutine = asyncio.sleep(1)
            late.handle = late.loop.call_later(1, int)
            late.future = late.loop.create_future()
            late.lock = asyncio.Lock()

        late = Late()
        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
        """,
        "-W",
        "ignore",
    )
    assert "panicked" not in ended.errors
    assert ended.status == 0
