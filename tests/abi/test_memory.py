"""Allocations that fail: an exception comes out, nothing is left behind, and the loop goes on."""

import pytest

PROGRAM = """
import asyncio, gc, sys
import _testcapi
import aioxide, probe

async def inner():
    await asyncio.sleep(0)
    return "inner"

async def coroutines(loop):
    future = loop.create_future()
    loop.call_soon(future.set_result, None)
    return await probe.run((
        ("suspend", 2), ("sleep", 0.0), ("hold", future), ("held",), ("await", future),
        ("await", inner()), ("through a waker", ("sleep", 0.0)), ("time",)))

async def seen(loop):
    coroutine = probe.run((("suspend", 1),))
    try:
        repr(coroutine), coroutine.cr_code, coroutine.cr_frame, coroutine.__name__
        coroutine.send(None)
        coroutine._rust_wait
    finally:
        coroutine.close()

async def spawned(loop):
    task = await probe.run((("spawn", inner()),))
    return await task

async def cancelled(loop):
    task = loop.create_task(probe.run((("await", inner()), ("forever",))))
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass

async def main(scenario, begin):
    loop = asyncio.get_running_loop()
    task = loop.create_task(scenario(loop))
    if begin >= 0:
        _testcapi.set_nomemory(begin, begin + 1)
    try:
        await task
        return True
    except BaseException:
        return False
    finally:
        _testcapi.remove_mem_hooks()

def attempt(scenario, begin):
    loop = aioxide.new_event_loop()
    loop.set_exception_handler(lambda *_: None)
    # The callback that would have woken a task may be what has failed.
    loop.call_later(0.2, loop.stop)
    try:
        return loop.run_until_complete(main(scenario, begin))
    except BaseException:
        return False
    finally:
        loop.close()

sys.unraisablehook = lambda info: None
scenario = globals()[sys.argv[1]]
for _ in range(3):
    assert attempt(scenario, -1)
for begin in range(int(sys.argv[2])):
    attempt(scenario, begin)
    gc.collect()
    assert attempt(scenario, -1), begin
gc.collect()
assert probe.counts() == (0, 0, 0), probe.counts()
print("over")
"""


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("scenario", "count"),
    [("coroutines", 120), ("seen", 60), ("spawned", 60), ("cancelled", 60)],
)
def test_each_allocation_may_fail(run_with_probe, scenario, count):
    pytest.importorskip("_testcapi")
    start = f"import sys; sys.argv[1:] = [{scenario!r}, {str(count)!r}]\n"
    done = run_with_probe(start + PROGRAM, options=["-W", "ignore"], deadline=100)
    assert (done.stdout, done.returncode) == ("over\n", 0), done.stderr[-2000:]
    assert "panicked" not in done.stderr, done.stderr[-2000:]
