"""What becomes of a program must be seen, whatever it does."""

import ctypes
import os
import signal
import time

import isolation
import pytest


def outcome_of(program, deadline=10.0):
    return isolation.run_isolated(program, deadline)


def test_a_program_that_ends_is_no_failure():
    assert outcome_of(lambda: None).failure is None


def test_a_program_may_end_through_the_end_of_the_interpreter():
    def program():
        # The interpreter that ends is the copy of this test's; its reports are not wanted.
        os.close(2)
        os._exit(0)

    assert outcome_of(program).failure is None


def test_a_crash_is_named_by_its_signal():
    outcome = outcome_of(lambda: ctypes.string_at(0))
    assert outcome.status == -signal.SIGSEGV
    assert "SIGSEGV" in outcome.failure


def test_an_abort_is_a_failure():
    assert "SIGABRT" in outcome_of(os.abort).failure


def test_a_panic_is_a_failure_though_the_program_goes_on():
    def program():
        os.write(2, b"thread '<unnamed>' (1) panicked at crates/aioxide-python/src/lib.rs:7:9:\n")

    assert outcome_of(program).failure == "panic: crates/aioxide-python/src/lib.rs:7"


def test_a_panic_of_a_library_is_named_by_who_called_it():
    text = (
        "thread 'main' panicked at /root/registry/src/index-1/pyo3-0.30.1/src/instance.rs:348:2:\n"
        "stack backtrace:\n"
        "   3: make\n             at ./crates/aioxide-python/src/server.rs:31:7\n"
    )
    expected = (
        "panic: pyo3-0.30.1/src/instance.rs:348, called at crates/aioxide-python/src/server.rs:31"
    )
    assert isolation.judge(0, text) == expected


def test_the_sanitizer_is_heard():
    text = "SUMMARY: AddressSanitizer: heap-use-after-free lib.rs:3 in drop\n"
    assert isolation.judge(-6, text) == "sanitizer: heap-use-after-free lib.rs:3 in drop"


def test_a_program_that_does_not_end_is_a_hang():
    outcome = outcome_of(lambda: time.sleep(60), deadline=0.3)
    assert outcome.failure == "hang"


def test_a_hang_says_where(monkeypatch):
    def the_place():
        time.sleep(60)

    outcome = outcome_of(the_place, deadline=0.5)
    if "libasan" not in os.environ.get("LD_PRELOAD", ""):
        assert "the_place" in outcome.output


def test_an_exception_that_leaves_the_program_is_a_failure():
    outcome = outcome_of(lambda: 1 / 0)
    assert "ZeroDivisionError" in outcome.failure


def test_an_exit_status_is_a_failure():
    assert outcome_of(lambda: os._exit(3)).failure == "exit status 3"


@pytest.mark.skipif(
    "libasan" in os.environ.get("LD_PRELOAD", ""), reason="the sanitizer reserves terabytes"
)
def test_memory_is_limited():
    def program():
        try:
            bytearray(isolation.MOST_MEMORY + 1)
        except MemoryError:
            os.write(1, b"refused")

    assert "refused" in outcome_of(program).output


def test_what_a_program_starts_ends_with_it():
    def program():
        reading, writing = os.pipe()
        if os.fork() == 0:
            os.write(writing, b"here")
            time.sleep(60)
        os.read(reading, 4)
        os.write(1, str(os.getpgid(0)).encode())

    group = int(outcome_of(program).output)
    with pytest.raises(ProcessLookupError):
        for _ in range(200):
            # Killed at once; init may take a moment to collect it.
            os.killpg(group, 0)
            time.sleep(0.02)


def test_counters_are_shared_with_forked_processes():
    counter = isolation.Counter()
    outcome_of(lambda: counter.add(3))
    outcome_of(lambda: counter.add(4))
    assert counter.value == 7


def test_the_process_that_forks_keeps_its_streams(capfd):
    outcome = outcome_of(lambda: os.write(1, b"of the child"))
    os.write(1, b"of the parent\n")
    assert outcome.output == "of the child"
    assert capfd.readouterr().out == "of the parent\n"
