"""Jobs of the default executor are finished before the process ends."""

import pytest

PROGRAM = """
import threading, time
release = threading.Event()

def job(number=0):
    {body}
    sys.stdout.write(f"done {{number}}\\n")

async def main():
    loop = asyncio.get_running_loop()
    started = threading.Event()
    loop.run_in_executor(None, started.set)
    while not started.is_set():
        await asyncio.sleep(0)
    for number in range({jobs}):
        loop.run_in_executor(None, job, number)

def run():
    global loop
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    {afterwards}

thread = threading.Thread(target=run, daemon={daemon})
thread.start()
thread.join()
"""

BODIES = {
    "sleeps": "time.sleep(0.2)",
    "is busy": "end = time.monotonic() + 0.2\n    while time.monotonic() < end: pass",
    "waits for a lock": "threading.Timer(0.2, release.set).start()\n    release.wait()",
}


@pytest.mark.parametrize("daemon", [True, False])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_running_job_is_finished(run_program, body, daemon):
    program = PROGRAM.format(body=body, daemon=daemon, jobs=1, afterwards="")
    ended = run_program(program, "-W", "ignore")
    assert ended.errors == ""
    assert ended.output == "done 0\n"
    assert ended.status == 0


def test_queued_jobs_are_finished(run_program):
    program = PROGRAM.format(body="time.sleep(0.01)", daemon=True, jobs=100, afterwards="")
    ended = run_program(program, "-W", "ignore")
    assert ended.errors == ""
    assert sorted(ended.output.split("\n")[:-1]) == sorted(f"done {n}" for n in range(100))
    assert ended.status == 0


@pytest.mark.parametrize("afterwards", ["loop.close()", "loop.close(); loop = None"])
def test_jobs_of_a_closed_loop_are_finished(run_program, afterwards):
    program = PROGRAM.format(body="time.sleep(0.2)", daemon=True, jobs=3, afterwards=afterwards)
    ended = run_program(program, "-W", "ignore")
    assert ended.errors == ""
    assert len(ended.output.splitlines()) == 3
    assert ended.status == 0


def test_child_of_a_fork_does_not_wait_for_jobs_of_its_parent(run_program):
    ended = run_program(
        """
        import os, threading
        release, started = threading.Event(), threading.Event()

        def job():
            started.set()
            release.wait()
            print("done", flush=True)

        loop = asyncio.new_event_loop()
        loop.run_in_executor(None, job)
        started.wait()
        child = os.fork()
        if child:
            assert os.waitpid(child, 0)[1] == 0
            release.set()
        """,
        "-W",
        "ignore",
    )
    assert ended.errors == ""
    assert ended.output == "done\n"
    assert ended.status == 0
