"""What switches the debug mode on, and what follows at once?"""

import asyncio
import sys

import pytest


def test_debug_is_off_unless_asked_for(new_loop):
    assert new_loop().get_debug() is False


def test_debug_can_be_switched(loop):
    assert loop.get_debug() is True
    loop.set_debug(False)
    assert loop.get_debug() is False


DEBUG_OF_A_NEW_LOOP = """
    import importlib, sys
    module = importlib.import_module(sys.argv[1])
    loop = module.new_event_loop()
    print(loop.get_debug())
    loop.close()
"""


@pytest.mark.parametrize(
    "env, options, expected",
    [
        ({}, (), "False"),
        ({"PYTHONASYNCIODEBUG": "1"}, (), "True"),
        ({"PYTHONASYNCIODEBUG": "0"}, (), "True"),
        ({"PYTHONASYNCIODEBUG": ""}, (), "False"),
        ({}, ("-X", "dev"), "True"),
        ({"PYTHONDEVMODE": "1"}, (), "True"),
    ],
)
def test_the_environment_switches_debug_on(kind, run_script, env, options, expected):
    result = run_script(DEBUG_OF_A_NEW_LOOP, kind, env=env, options=options)
    assert (result.stdout.strip(), result.stderr) == (expected, "")


def test_an_ignored_environment_switches_nothing(kind, run_script):
    env = {"PYTHONASYNCIODEBUG": "1"}
    result = run_script(DEBUG_OF_A_NEW_LOOP, kind, env=env, options=("-E",))
    assert (result.stdout.strip(), result.stderr) == ("False", "")


def test_coroutines_remember_their_origin_while_the_loop_runs(loop, run):
    async def main():
        return sys.get_coroutine_origin_tracking_depth()

    before = sys.get_coroutine_origin_tracking_depth()
    assert run(main()) == 10
    assert sys.get_coroutine_origin_tracking_depth() == before


def test_switching_debug_while_running_switches_origin_tracking(loop, run):
    async def main():
        loop.set_debug(False)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        depths = [sys.get_coroutine_origin_tracking_depth()]
        loop.set_debug(True)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        depths.append(sys.get_coroutine_origin_tracking_depth())
        return depths

    assert run(main()) == [0, 10]
    assert sys.get_coroutine_origin_tracking_depth() == 0
