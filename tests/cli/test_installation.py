"""aioxide.install() and uninstall(): whose loops asyncio makes."""

import sys

import pytest

# Every script runs with warnings as errors: installing must not use what is deprecated.
START = """
    import asyncio
    from asyncio import new_event_loop, run
    import aioxide

    def origin(loop):
        return type(loop).__module__.partition(".")[0]

    def maker(factory):
        loop = factory()
        loop.close()
        return origin(loop)

    def runner(run):
        async def main():
            return origin(asyncio.get_running_loop())
        return run(main())

    def with_runner():
        with asyncio.Runner() as runner:
            return runner.run(asyncio.sleep(0, origin(runner.get_loop())))

    def makers():
        return [
            maker(asyncio.new_event_loop), maker(new_event_loop),
            runner(asyncio.run), runner(run), with_runner(),
        ]
"""


@pytest.fixture
def output_of(run_script):
    """Runs START and the given lines; returns the lines printed."""

    def run_and_read(source):
        finished = run_script(START + source, options=("-W", "error"))
        assert finished.stderr == ""
        assert finished.returncode == 0
        return finished.stdout.splitlines()

    return run_and_read


STANDARD = str(["asyncio"] * 5)
OURS = str(["aioxide"] * 5)


def test_importing_changes_nothing(output_of):
    assert output_of("\n    print(makers())\n") == [STANDARD]


def test_install_and_uninstall(output_of):
    assert output_of(
        """
    aioxide.install()
    print(makers())
    aioxide.uninstall()
    print(makers())
    aioxide.install()
    print(makers())
    """
    ) == [OURS, STANDARD, OURS]


def test_installing_twice_is_undone_once(output_of):
    assert output_of(
        """
    aioxide.install()
    aioxide.install()
    print(makers())
    aioxide.uninstall()
    print(makers())
    aioxide.uninstall()
    print(makers())
    """
    ) == [OURS, STANDARD, STANDARD]


def test_uninstall_alone_changes_nothing(output_of):
    assert output_of("\n    aioxide.uninstall()\n    print(makers())\n") == [STANDARD]


def test_uninstall_restores_every_attribute_of_asyncio(output_of):
    assert output_of(
        """
    import asyncio.events, asyncio.runners, asyncio.unix_events, multiprocessing.spawn, os, sys

    CLASSES = (asyncio.BaseEventLoop, asyncio.SelectorEventLoop, asyncio.SelectorEventLoop.__base__)
    MODULES = (
        asyncio, asyncio.events, asyncio.runners, asyncio.unix_events, multiprocessing.spawn
    )

    def everything():
        return [
            *(dict(vars(module)) for module in MODULES),
            *(dict(vars(cls), metaclass=type(cls)) for cls in CLASSES),
            dict(enumerate(sys.meta_path)),
            dict(os.environ),
        ]

    makers()
    before = everything()
    aioxide.install(loops=True)
    aioxide.uninstall()
    print(all(
        now.keys() == then.keys() and all(
            now[name] is then[name] or isinstance(then[name], str) and now[name] == then[name]
            for name in then
        )
        for now, then in zip(everything(), before, strict=True)
    ))
    """
    ) == ["True"]


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="policies are deprecated since 3.14")
def test_uninstall_restores_the_programs_own_policy(output_of):
    assert output_of(
        """
    class Own(asyncio.DefaultEventLoopPolicy):
        pass

    own = Own()
    asyncio.set_event_loop_policy(own)
    aioxide.install()
    print(runner(asyncio.run))
    aioxide.uninstall()
    print(asyncio.get_event_loop_policy() is own)
    """
    ) == ["aioxide", "True"]


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="policies are deprecated since 3.14")
def test_uninstall_keeps_a_policy_set_after_install(output_of):
    assert output_of(
        """
    aioxide.install()
    own = asyncio.DefaultEventLoopPolicy()
    asyncio.set_event_loop_policy(own)
    aioxide.uninstall()
    print(asyncio.get_event_loop_policy() is own)
    """
    ) == ["True"]


def test_current_loop_of_the_thread_survives(output_of):
    assert output_of(
        """
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    aioxide.install()
    aioxide.uninstall()
    print(asyncio.get_event_loop() is loop)
    loop.close()
    """
    ) == ["True"]


def test_standard_loops_go_on_beside(output_of):
    assert output_of(
        """
    standard = asyncio.SelectorEventLoop()
    aioxide.install()
    print(type(standard.run_until_complete(asyncio.sleep(0, standard))).__module__)
    standard.close()
    print(runner(asyncio.run))
    """
    ) == ["asyncio.unix_events", "aioxide"]


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="policies are deprecated since 3.14")
def test_policy(output_of):
    assert output_of(
        """
    import threading
    policy = aioxide.EventLoopPolicy()
    print(isinstance(policy, asyncio.AbstractEventLoopPolicy))
    asyncio.set_event_loop_policy(policy)
    print(makers())

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    print(asyncio.get_event_loop() is loop)
    seen = []

    def elsewhere():
        try:
            asyncio.get_event_loop()
        except RuntimeError as exc:
            seen.append(str(exc).partition(" in thread")[0])

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    print(seen)
    asyncio.set_event_loop(None)
    loop.close()
    """
    ) == ["True", OURS, "True", "['There is no current event loop']"]


def test_runner_with_our_factory(output_of):
    assert output_of(
        """
    for factory in (aioxide.new_event_loop, aioxide.Loop):
        with asyncio.Runner(loop_factory=factory) as one:
            print(runner(one.run))
    """
    ) == ["aioxide", "aioxide"]
