"""A fork while other threads record."""

import subprocess
import sys

DEADLINE = 20  # seconds

PROGRAM = """
import asyncio, os, threading

ran, done = threading.Event(), threading.Event()


def let_the_other_thread_run():
    ran.clear()
    ran.wait()


# The interpreter calls the newest hook first: this one is called when aioxide's own, if it had
# one, has been.
os.register_at_fork(before=let_the_other_thread_run)

import aioxide


def run_loops():
    while not done.is_set():
        aioxide.run(asyncio.sleep(0))
        ran.set()


aioxide.record()
thread = threading.Thread(target=run_loops)
thread.start()
for _ in range(10):
    child = os.fork()
    if child == 0:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
done.set()
thread.join()
print("ended")
"""


def test_a_fork_while_another_thread_makes_loops():
    # The recorder has its locks around a fork. Where Python code ran in between, the other thread
    # waited for one of them with the GIL, and the forking thread for the GIL.
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
    assert (done.returncode, done.stdout) == (0, "ended\n"), done.stderr
