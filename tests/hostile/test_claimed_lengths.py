"""Objects that claim to be long: items are taken as they come, and nothing is reserved for more."""

import os

import pytest

pytestmark = pytest.mark.skipif(
    os.environ.get("AIOXIDE_TEST_LOOPS") == "asyncio", reason="asyncio has none of these functions"
)


@pytest.mark.parametrize(
    "call",
    [
        "_adopt_tasks(claiming)",
        "_start_recording(16, None, False, claiming, 'python', '3')",
        "_dump_recording(os.devnull, claiming)",
        "_dump_recording(os.devnull, [(1, claiming)])",
        "_note_finding('lint', 'sentence', '', '', 0, claiming, 'fix', 0)",
        "_start_console(claiming, 'python', '3')",
        "_watchdog_start(None, None, None, claiming)",
        "_watchdog_start(None, None, None, 7)",
        "_adopt_tasks(7)",
    ],
)
def test_a_claimed_length(run_script, call):
    done = run_script(
        """
        import os
        from aioxide import _aioxide

        class Claiming:
            def __len__(self):
                return 1 << 60
            def __getitem__(self, place):
                raise TypeError("no items")

        claiming = Claiming()
        try:
            _aioxide.CALL
        except (TypeError, MemoryError):
            print("over")
        """.replace("CALL", call)
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "over\n", "")
