"""Programs that ask for uvloop, rloop or zuvloop, with aioxide installed."""

import sys

import pytest

# As these packages are made: functions and policies look the class up when they are called.
PACKAGES = {
    "uvloop": (
        "Loop",
        {
            "__init__": """
                import asyncio
                from .loop import Loop as _Base

                class Loop(_Base):
                    pass

                def new_event_loop():
                    return Loop()

                def run(main, *, loop_factory=new_event_loop):
                    async def wrapper():
                        if not isinstance(asyncio.get_running_loop(), Loop):
                            raise TypeError("uvloop.run() uses a non-uvloop event loop")
                        return await main
                    with asyncio.Runner(loop_factory=loop_factory) as runner:
                        return runner.run(wrapper())

                # From Python 3.14 on, the name is private.
                _events = vars(asyncio.events)
                _Policy = _events.get("_AbstractEventLoopPolicy") or _events[
                    "AbstractEventLoopPolicy"
                ]

                class EventLoopPolicy(_Policy):
                    def new_event_loop(self):
                        return new_event_loop()
                """,
            "loop": "import asyncio\nclass Loop(asyncio.SelectorEventLoop): pass\n",
        },
    ),
    "rloop": (
        "RLoop",
        {
            "__init__": "from .loop import RLoop\ndef new_event_loop():\n    return RLoop()\n",
            "loop": "import asyncio\nclass RLoop(asyncio.SelectorEventLoop): pass\n",
        },
    ),
    "zuvloop": (
        "EventLoop",
        {
            "__init__": "from ._loop import EventLoop\nfrom ._runner import new_event_loop\n",
            "_loop": "import asyncio\nclass EventLoop(asyncio.SelectorEventLoop): pass\n",
            "_runner": "from ._loop import EventLoop\n"
            "def new_event_loop():\n    return EventLoop()\n",
        },
    ),
}

ORIGIN = """
    import asyncio

    async def where():
        return type(asyncio.get_running_loop()).__module__.partition(".")[0]

    def origin(loop):
        try:
            return loop.run_until_complete(where())
        finally:
            loop.close()
"""


@pytest.fixture
def package(program):
    """Writes a package that is made as that loop package is: ``package("uvloop")``."""

    def write(name):
        for module, source in PACKAGES[name][1].items():
            program(source, f"{name}/{module}.py")

    return write


def announcement(name):
    return f"loops of {name} are aioxide's here (--keep-loops leaves them alone)\n"


@pytest.mark.parametrize("name", PACKAGES)
def test_its_loop_is_ours(aioxide, package, program, name):
    package(name)
    loop_class = PACKAGES[name][0]
    program(
        ORIGIN
        + f"""
    import {name}
    print(origin({name}.new_event_loop()), origin({name}.{loop_class}()))
    loop = asyncio.new_event_loop()
    print(isinstance(loop, {name}.{loop_class}), {name}.__spec__.loader is {name}.__loader__)
    loop.close()
    """
    )
    finished = aioxide("app.py")
    assert finished.stdout == "aioxide aioxide\nTrue True\n"
    assert finished.stderr == announcement(name)


@pytest.mark.parametrize("name", PACKAGES)
def test_keep_loops_leaves_it_alone(aioxide, package, program, name):
    package(name)
    program(
        ORIGIN
        + f"""
    import {name}
    print(origin({name}.new_event_loop()), origin(asyncio.new_event_loop()))
    """
    )
    finished = aioxide("--keep-loops", "app.py")
    assert (finished.stdout, finished.stderr) == (f"{name} aioxide\n", "")


@pytest.mark.parametrize("name", PACKAGES)
def test_package_that_is_not_installed_cannot_be_imported(same, program, name):
    program(
        f"""
        import importlib.util
        import os
        import sys
        # The environment of the tests may have it.
        sys.path[:] = [each for each in sys.path if not os.path.isdir(os.path.join(each, {name!r}))]
        print(importlib.util.find_spec({name!r}))
        try:
            import {name}
        except ImportError as error:
            print(type(error), error)
        """
    )
    assert "ModuleNotFoundError" in same("app.py").stdout


def test_import_that_fails_goes_on_failing(same, program):
    program("raise ImportError('built for another system')", "uvloop/__init__.py")
    program(
        """
        for _ in range(2):
            try:
                import uvloop
            except ImportError as error:
                print(error)
        """
    )
    same("app.py")


def test_uvloop_run_accepts_our_loop(aioxide, package, program):
    package("uvloop")
    program(
        ORIGIN
        + """
    import aioxide, uvloop
    from uvloop import run
    print(uvloop.run(where()), run(where(), loop_factory=aioxide.new_event_loop))
    """
    )
    finished = aioxide("app.py")
    assert finished.stdout == "aioxide aioxide\n"
    assert finished.stderr == announcement("uvloop")


def test_policy_of_uvloop_makes_ours(aioxide, package, program):
    package("uvloop")
    program(
        ORIGIN
        + """
    import uvloop, warnings
    warnings.simplefilter("ignore", DeprecationWarning)
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    print(origin(asyncio.new_event_loop()))
    """
    )
    assert aioxide("app.py").stdout == "aioxide\n"


def test_install_leaves_other_loops_alone_unless_asked(run_script, package, tmp_path):
    package("uvloop")
    finished = run_script(
        ORIGIN
        + """
    import sys, aioxide
    from importlib import reload

    aioxide.install()
    import uvloop
    from uvloop import new_event_loop
    original = vars(uvloop)["Loop"]
    print(origin(new_event_loop()))
    aioxide.install(loops=True)
    aioxide.install(loops=True)
    print(origin(new_event_loop()), origin(uvloop.loop.Loop()))
    reload(uvloop)
    print(origin(uvloop.new_event_loop()))
    aioxide.uninstall()
    print(origin(new_event_loop()), origin(uvloop.loop.Loop()), uvloop.Loop is aioxide.Loop)
    """,
        env={"PYTHONPATH": str(tmp_path)},
    )
    assert finished.stdout.splitlines() == [
        "uvloop",
        "aioxide aioxide",
        "aioxide",
        "uvloop uvloop False",
    ]
    assert finished.stderr == announcement("uvloop")


def test_package_without_the_class_is_left_alone(aioxide, program):
    program("", "uvloop/__init__.py")
    program("import uvloop")
    assert aioxide("app.py").stderr == "uvloop has no class Loop; its loops are its own\n"


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="uvloop's names are deprecated there")
def test_real_uvloop_if_there_is_one(aioxide, program):
    pytest.importorskip("uvloop")
    program(ORIGIN + "\n    import uvloop\n    print(uvloop.run(where()), origin(uvloop.Loop()))\n")
    assert aioxide("app.py").stdout == "aioxide aioxide\n"
