"""How a process ends that is recorded and watched."""

import os
import subprocess
import sys
import textwrap

import pytest

DEADLINE = 20  # seconds

KINDS = {
    "return": "",
    "sys.exit": "sys.exit(0)",
    "os._exit": "os._exit(0)",
    "a daemon thread that runs a loop": """
        begun = threading.Event()
        def forever():
            async def spin():
                while True:
                    await aioxide.sleep(0)
                    begun.set()
            aioxide.run(spin())
        threading.Thread(target=forever, daemon=True).start()
        assert begun.wait(10)
    """,
    "a loop that is not closed": """
        loop = aioxide.new_event_loop()
        loop.run_until_complete(aioxide.sleep(0))
    """,
    "a pending task that is dropped": """
        loop = aioxide.new_event_loop()
        task = loop.create_task(aioxide.sleep(60))
        loop.run_until_complete(aioxide.sleep(0))
        task._log_destroy_pending = False
    """,
    "a client that asks for stacks": """
        sys.path.insert(0, TESTS)
        from recorder.console_client import Client
        begun = threading.Event()
        def ask():
            try:
                with Client(os.getpid()) as client:
                    while True:
                        client.ask("stack", task=1)
                        begun.set()
            except (EOFError, OSError):
                pass
        threading.Thread(target=ask, daemon=True).start()
        assert begun.wait(10)
    """,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_process_ends_as_it_would_unrecorded(tmp_path, kind):
    tests = os.path.dirname(os.path.dirname(__file__))
    source = f"TESTS = {tests!r}\n" + textwrap.dedent(
        f"""
        import os, sys, threading
        import aioxide
        from aioxide import console
        aioxide.record(full=True, file={str(tmp_path / "run.aiotrace")!r})
        console.start()
        async def main():
            await aioxide.gather(*(aioxide.sleep(0.001) for _ in range(10)))
        aioxide.run(main())
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", source + textwrap.dedent(KINDS[kind])],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    lines = [line for line in done.stderr.splitlines() if "ResourceWarning" not in line]
    assert (done.returncode, lines) == (0, [])


def test_a_loop_is_closed_while_it_is_recorded(tmp_path):
    source = """
    import aioxide
    with aioxide.record() as recording:
        for _ in range(50):
            aioxide.run(aioxide.sleep(0))
        loops = aioxide._aioxide._recording_state()[1]
        # The closed loops that are kept.
        assert 1 < len(loops) <= 9, loops
        assert not any(is_open for _, is_open, _, _ in loops), loops
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(source)], check=True, timeout=DEADLINE)


def test_a_loop_that_is_dropped_unclosed_gives_its_record_back():
    source = """
    import gc, warnings
    import aioxide
    warnings.simplefilter("ignore", ResourceWarning)
    with aioxide.record() as recording:
        for _ in range(50):
            loop = aioxide.new_event_loop()
            loop.run_until_complete(aioxide.sleep(0))
            del loop
            gc.collect()
        loops = aioxide._aioxide._recording_state()[1]
        assert len(loops) <= 9, loops
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(source)], check=True, timeout=DEADLINE)
