"""What ``import aioxide`` offers: asyncio's names, and a few of its own."""

import asyncio
import inspect
from importlib import metadata

import pytest

OWN_NAMES = {"EventLoopPolicy", "Loop", "install", "metrics", "uninstall", "unwatch", "watch"}
NATIVE_CLASSES = ("Future", "Task", "Handle", "TimerHandle")


@pytest.fixture
def ours():
    """The package under test; imported late, so that collecting does not need it."""
    import aioxide

    return aioxide


@pytest.mark.parametrize("name", asyncio.__all__)
def test_every_public_name_of_asyncio_is_there(ours, name):
    assert name in ours.__all__
    assert callable(getattr(ours, name)) == callable(getattr(asyncio, name))


def test_all_names_exist_once(ours):
    assert OWN_NAMES <= set(ours.__all__)
    assert len(set(ours.__all__)) == len(ours.__all__)
    for name in ours.__all__:
        assert hasattr(ours, name)


def test_star_import(ours):
    namespace = {}
    exec("from aioxide import *", namespace)
    assert set(ours.__all__) <= set(namespace)
    assert namespace["Task"] is ours.Task


@pytest.mark.parametrize("name", NATIVE_CLASSES)
def test_native_classes_are_not_asyncios(ours, name):
    native = getattr(ours, name)
    assert inspect.isclass(native)
    assert native is not getattr(asyncio, name)
    assert native.__name__ == name
    assert native.__module__.partition(".")[0] == "aioxide"


def test_what_is_not_replaced_is_asyncios_own(ours):
    for name in ("TimeoutError", "SubprocessProtocol", "get_running_loop", "Protocol"):
        assert getattr(ours, name) is getattr(asyncio, name)


def test_exceptions_are_the_same_classes(ours):
    for name in asyncio.__all__:
        standard = getattr(asyncio, name)
        if inspect.isclass(standard) and issubclass(standard, BaseException):
            assert getattr(ours, name) is standard


def test_submodules_and_private_names_lead_to_asyncio(ours):
    assert ours.subprocess is asyncio.subprocess
    assert ours.exceptions is asyncio.exceptions
    assert ours.events is asyncio.events
    assert ours.tasks is asyncio.tasks


def test_unknown_name(ours):
    with pytest.raises(AttributeError) as info:
        ours.no_such_name  # noqa: B018
    assert str(info.value) == "module 'aioxide' has no attribute 'no_such_name'"


def test_version_is_the_distributions(ours):
    assert ours.__version__ == metadata.version("aioxide")


def test_new_event_loop(ours):
    loop = ours.new_event_loop()
    try:
        assert type(loop) is ours.Loop
        assert isinstance(loop, asyncio.AbstractEventLoop)
    finally:
        loop.close()


def test_every_public_function_is_documented(ours):
    for name in sorted(OWN_NAMES | {"run", "Runner", "new_event_loop", *NATIVE_CLASSES}):
        assert inspect.getdoc(getattr(ours, name)), name


def test_import_as_asyncio(run_script):
    finished = run_script(
        """
        import aioxide as asyncio

        async def worker(queue, results):
            while True:
                results.append(await queue.get())
                queue.task_done()

        async def main():
            queue, results = asyncio.Queue(), []
            async with asyncio.timeout(10), asyncio.TaskGroup() as group:
                task = group.create_task(worker(queue, results))
                for number in range(5):
                    await queue.put(number)
                await queue.join()
                task.cancel()
            assert isinstance(task, asyncio.Task)
            future = asyncio.get_running_loop().create_future()
            assert type(future) is asyncio.Future
            try:
                await asyncio.wait_for(future, 0.001)
            except asyncio.TimeoutError:
                results.append("timeout")
            return results

        print(asyncio.run(main()))
        """,
        options=("-W", "error"),
    )
    assert finished.stderr == ""
    assert finished.stdout == "[0, 1, 2, 3, 4, 'timeout']\n"


def test_importing_is_light_and_silent(run_script):
    finished = run_script(
        """
        import sys
        import asyncio
        before = set(sys.modules)
        import aioxide
        new = {name.partition(".")[0] for name in set(sys.modules) - before}
        # asyncio itself imports typing up to Python 3.13.
        new -= {"__future__", "_typing", "typing"}
        # A small native module, asked whether this is the main interpreter.
        new -= {"_interpreters", "_xxsubinterpreters"}
        print(sorted(new))
        """,
        options=("-W", "error"),
    )
    assert finished.stderr == ""
    assert finished.stdout == "['aioxide']\n"
