"""A program that says nothing of aioxide runs on its loop."""

import sys

import pytest

SHOW_LOOP = """
    import asyncio

    async def main():
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        future = loop.create_future()
        print(type(loop).__module__.partition(".")[0])
        print(type(task).__module__.partition(".")[0], isinstance(task, asyncio.Task))
        print(type(future).__module__.partition(".")[0], isinstance(future, asyncio.Future))
        print(task in asyncio.all_tasks())
"""

ON_AIOXIDE = "aioxide\naioxide True\naioxide True\nTrue\n"

WAYS_TO_RUN = {
    "asyncio.run": "asyncio.run(main())",
    "Runner": "with asyncio.Runner() as runner:\n    runner.run(main())",
    "new_event_loop": "loop = asyncio.new_event_loop()\n"
    "loop.run_until_complete(main())\nloop.close()",
    "get_event_loop after set": "loop = asyncio.new_event_loop()\nasyncio.set_event_loop(loop)\n"
    "asyncio.get_event_loop().run_until_complete(main())\nloop.close()",
    "imported by name": "from asyncio import run\nrun(main())",
    "in a thread": "import threading\n"
    "thread = threading.Thread(target=lambda: asyncio.run(main()))\n"
    "thread.start()\nthread.join()",
}


@pytest.fixture
def using_asyncio(program):
    """Writes SHOW_LOOP followed by the lines that start it."""

    def write(start, name="app.py"):
        path = program(SHOW_LOOP, name)
        path.write_text(path.read_text() + start + "\n")
        return path

    return write


@pytest.mark.parametrize("start", WAYS_TO_RUN.values(), ids=list(WAYS_TO_RUN))
def test_script(aioxide, using_asyncio, start):
    using_asyncio(start)
    finished = aioxide("app.py")
    assert finished.stderr == ""
    assert finished.stdout == ON_AIOXIDE
    assert finished.returncode == 0


def test_module(aioxide, using_asyncio, program):
    program("", "package/__init__.py")
    using_asyncio("asyncio.run(main())", "package/__main__.py")
    finished = aioxide("-m", "package")
    assert finished.stderr == ""
    assert finished.stdout == ON_AIOXIDE


def test_program_text(aioxide):
    finished = aioxide(
        "-c",
        "import asyncio\n"
        "async def main(): print(type(asyncio.get_running_loop()).__module__.partition('.')[0])\n"
        "asyncio.run(main())",
    )
    assert finished.stdout == "aioxide\n"
    assert finished.stderr == ""


@pytest.mark.skipif(sys.version_info < (3, 13), reason="asyncio.EventLoop came with Python 3.13")
def test_event_loop_class(aioxide, using_asyncio):
    using_asyncio(
        "with asyncio.Runner(loop_factory=asyncio.EventLoop) as runner:\n    runner.run(main())"
    )
    finished = aioxide("app.py")
    assert finished.stderr == ""
    assert finished.stdout == ON_AIOXIDE


def test_same_program_under_python_runs_on_the_standard_loop(launch, using_asyncio):
    using_asyncio("asyncio.run(main())")
    assert launch("app.py").stdout.startswith("asyncio\n_asyncio True\n")


def test_program_that_serves_and_connects(aioxide, program):
    program(
        """
        import asyncio

        async def echo(reader, writer):
            while data := await reader.read(1000):
                writer.write(data)
                await writer.drain()
            writer.close()
            await writer.wait_closed()

        async def ask(address, number):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"%d" % number)
            writer.write_eof()
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
            return int(answer)

        async def main():
            async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
                address = server.sockets[0].getsockname()
                answers = await asyncio.gather(*(ask(address, n) for n in range(50)))
            print(answers == list(range(50)))

        asyncio.run(main())
        """
    )
    finished = aioxide("app.py")
    assert finished.stderr == ""
    assert finished.stdout == "True\n"


def test_debug_mode_by_environment(aioxide, program):
    program(
        """
        import asyncio

        async def main():
            print(asyncio.get_running_loop().get_debug())

        asyncio.run(main())
        """
    )
    assert aioxide("app.py", env={"PYTHONASYNCIODEBUG": "1"}).stdout == "True\n"
    assert aioxide("app.py").stdout == "False\n"


def test_programs_own_policy_wins(aioxide, program):
    program(
        """
        import asyncio, selectors, warnings
        warnings.simplefilter("ignore", DeprecationWarning)

        class Policy(asyncio.DefaultEventLoopPolicy):
            def new_event_loop(self):
                return asyncio.SelectorEventLoop(selectors.DefaultSelector())

        asyncio.set_event_loop_policy(Policy())

        async def main():
            print(type(asyncio.get_running_loop()).__module__.partition(".")[0])

        asyncio.run(main())
        """
    )
    assert aioxide("app.py").stdout == "asyncio\n"
