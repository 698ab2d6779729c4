"""Which of CPython's test modules and classes are taken."""

import pytest
from harness.selection import classes_taken, module_names


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        (
            {"PollEventLoopTests", "SelectEventLoopTests", "EPollEventLoopTests"},
            "EPollEventLoopTests",
        ),
        ({"KqueueEventLoopTests", "SelectEventLoopTests"}, "KqueueEventLoopTests"),
        ({"SelectEventLoopTests"}, "SelectEventLoopTests"),
        (
            {"SubprocessThreadedWatcherTests", "SubprocessPidfdWatcherTests"},
            "SubprocessPidfdWatcherTests",
        ),
        (
            {"SubprocessFastWatcherTests", "SubprocessSafeWatcherTests"},
            "SubprocessSafeWatcherTests",
        ),
    ],
)
def test_one_class_is_taken_where_a_module_repeats_its_tests(there, taken):
    assert classes_taken(there | {"HandleTests"}) == {taken, "HandleTests"}


def test_modules_about_the_insides_of_pure_python_loops_are_left_out():
    names = module_names()
    assert {"test_events", "test_futures", "test_tasks", "test_sock_lowlevel"} <= set(names)
    assert not {"test_base_events", "test_unix_events", "test_windows_utils"} & set(names)
