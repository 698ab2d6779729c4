"""Child watchers, which Python 3.14 has no more: one that a program has set is used."""

import asyncio
import sys
import warnings

import pytest

pytestmark = [
    pytest.mark.skipif(sys.version_info >= (3, 14), reason="Python 3.14 has no child watchers"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture
def policy(api, kind):
    """The policy in force: that of the side under test, with no watcher chosen."""
    made = asyncio.DefaultEventLoopPolicy() if kind == "asyncio" else api.EventLoopPolicy()
    asyncio.set_event_loop_policy(made)
    yield made
    made.set_child_watcher(None)
    asyncio.set_event_loop_policy(None)


async def exit_with(code):
    process = await asyncio.create_subprocess_exec("/bin/sh", "-c", f"exit {code}")
    return await process.wait()


@pytest.mark.parametrize(
    "name", ["ThreadedChildWatcher", "PidfdChildWatcher", "SafeChildWatcher", "FastChildWatcher"]
)
def test_those_of_the_standard_library(policy, loop, name):
    watcher = getattr(asyncio, name)()
    asyncio.set_event_loop(loop)
    watcher.attach_loop(loop)
    policy.set_child_watcher(watcher)
    assert loop.run_until_complete(asyncio.wait_for(exit_with(5), 10)) == 5
    policy.set_child_watcher(None)


@pytest.fixture
def watcher():
    """A watcher of a program's own, which notes whom it watches."""

    class Noting(asyncio.ThreadedChildWatcher):
        active = True

        def __init__(self):
            super().__init__()
            self.watched = []

        def is_active(self):
            return self.active

        def add_child_handler(self, pid, callback, *args):
            self.watched.append(pid)
            super().add_child_handler(pid, callback, *args)

    return Noting()


def test_one_of_the_programs_own(policy, loop, watcher):
    policy.set_child_watcher(watcher)
    assert loop.run_until_complete(asyncio.wait_for(exit_with(6), 10)) == 6
    assert len(watcher.watched) == 1


def test_one_that_is_not_active(policy, loop, watcher):
    watcher.active = False
    policy.set_child_watcher(watcher)
    with pytest.raises(RuntimeError, match=r"^asyncio.get_child_watcher\(\) is not activated, "):
        loop.run_until_complete(asyncio.wait_for(exit_with(0), 10))
    assert watcher.watched == []


def test_asking_for_a_watcher_chooses_none(policy, loop):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert asyncio.get_child_watcher().is_active()
    assert loop.run_until_complete(asyncio.wait_for(exit_with(7), 10)) == 7
