"""What shows a program shows the coroutines of an extension: its functions, and their waits."""

import asyncio
import contextlib
import io
import os
import re
import socket
import sys
import traceback

import aioxide
import pytest
from aioxide import introspect
from recorder import trace_file


def run(function):
    return aioxide.run(function())


@contextlib.asynccontextmanager
async def running(coroutine, name="probing"):
    """A task of the coroutine that has begun to wait; cancelled afterwards."""
    task = asyncio.create_task(coroutine, name=name)
    for _ in range(3):
        await asyncio.sleep(0)
    assert not task.done()
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


def test_the_code_is_that_of_the_function(probe):
    coroutine = probe.run(())
    code = coroutine.cr_code
    assert (code.co_name, code.co_qualname) == ("probe::Probe::run", "probe::Probe::run")
    assert (code.co_filename, code.co_firstlineno) == ("src/probe.c", 42)
    assert coroutine.cr_frame.f_code is code
    coroutine.close()
    assert coroutine.cr_frame is None
    assert coroutine.cr_code is code


def test_all_tasks_and_their_repr(probe):
    async def main():
        async with running(probe.run((("forever",),))) as task:
            assert task in asyncio.all_tasks()
            assert re.search(r"coro=<Probe\.run\(\) running at src/probe\.c:42>", repr(task))
            assert task.get_coro().cr_suspended

    run(main)


def test_the_stack_of_a_task(probe):
    async def main():
        async with running(probe.run((("forever",),))) as task:
            (frame,) = task.get_stack()
            assert (frame.f_code.co_name, frame.f_lineno) == ("probe::Probe::run", 42)
            written = io.StringIO()
            task.print_stack(file=written)
            assert 'File "src/probe.c", line 42, in probe::Probe::run' in written.getvalue()

    run(main)


@pytest.mark.skipif(sys.version_info < (3, 14), reason="from 3.14 on")
def test_the_call_graph(probe):
    async def outer():
        await probe.run((("forever",),))

    async def main():
        async with running(outer()) as task:
            graph = asyncio.format_call_graph(task)
            assert "probe::Probe::run" in graph
            assert "outer" in graph

    run(main)


def test_the_traceback_of_what_it_awaits(probe):
    async def inner():
        raise KeyError("its own")

    async def main():
        with pytest.raises(KeyError) as raised:
            await probe.run((("await", inner()),))
        functions = [entry.name for entry in traceback.extract_tb(raised.value.__traceback__)]
        assert functions[-1] == "inner"

    run(main)


async def a_task():
    await asyncio.sleep(1000)


def waits():
    """Each operation with the kind and the text that are said of it."""
    yield "forever", lambda _: ("forever",), "rust future", "a Rust future"
    yield "sleep", lambda _: ("sleep", 1000), "sleep", "a deadline, in Rust"
    yield "read", lambda end: ("ready", (end.fileno(), 0)), "read", "data, in Rust"
    yield "thread", lambda _: ("thread", 0.2), "thread", "a call in a thread, in Rust"
    yield "task", lambda _: ("await", aioxide.create_task(a_task(), name="x")), "task", "task 'x'"
    yield (
        "future",
        lambda _: ("await", asyncio.get_running_loop().create_future()),
        "future",
        "a future, in Rust",
    )


WAITS = [pytest.param(*rest, id=name) for name, *rest in waits()]


@pytest.mark.parametrize(("operation", "kind", "text"), WAITS)
def test_introspection_says_what_it_waits_for(probe, operation, kind, text):
    async def main():
        ours, theirs = socket.socketpair()
        with ours, theirs:
            async with running(probe.run((operation(ours),))):
                infos = {info.name: info for info in introspect.tasks()}
                info = infos["probing"]
                assert (info.waits_for.kind, info.waits_for.text) == (kind, text)
                assert [place.function for place in info.stack] == ["Probe.run"]
                assert [(place.file, place.line) for place in info.stack] == [("src/probe.c", 42)]
                assert "Probe.run" in introspect.format_tree()

    run(main)


@pytest.mark.parametrize(("operation", "kind", "text"), WAITS)
def test_the_recorder_says_what_it_waits_for(probe, tmp_path, operation, kind, text):
    async def main():
        ours, theirs = socket.socketpair()
        with ours, theirs:
            async with running(probe.run((operation(ours),))):
                pass

    with aioxide.record() as recording:
        run(main)
        recording.dump(tmp_path / "run.aiotrace")
    trace = trace_file.read(tmp_path / "run.aiotrace")
    task = trace.task_named("probing")
    assert trace.place(task.coroutine) == ("src/probe.c", "probe::Probe::run", 42)
    step = trace.steps_of("probing")[0]
    assert (step.outcome, step.wait) == ("waiting", kind.replace(" ", "-"))
    if kind == "task":
        assert step.waits_for == trace.task_named("x").id


def test_a_deadline_beside_something_else_says_less(probe):
    """The body polls two leaves, as a timeout around a read does: the read is what it waits for."""

    async def main():
        inner = probe.run((("sleep", 1000),))
        async with running(probe.run((("await", asyncio.create_task(inner, name="inner")),))):
            infos = {info.name: info for info in introspect.tasks()}
            assert infos["probing"].waits_for.text == "task 'inner'"
            assert infos["inner"].waits_for.kind == "sleep"

    run(main)


def test_a_circle_of_tasks_is_found(probe):
    async def main():
        tasks = []

        async def first():
            await probe.run((("await", tasks[1]),))

        async def second():
            await probe.run((("await", tasks[0]),))

        tasks += [asyncio.create_task(first()), asyncio.create_task(second())]
        for _ in range(3):
            await asyncio.sleep(0)
        graph = introspect.wait_graph()
        assert graph.cycles
        # Neither can be cancelled without the other: the first ends what it waits for.
        for task in tasks:
            task.get_coro().close()

    loop = aioxide.new_event_loop()
    loop.run_until_complete(main())
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False
    loop.close()


@pytest.mark.parametrize("operation", ['("spin", 0.5)', '("call", lambda: time.sleep(0.5))'])
def test_the_watchdog_names_one_that_never_yields(run_with_probe, operation):
    done = run_with_probe(
        """
        import asyncio, logging, time
        import aioxide, probe

        texts = []

        class Texts(logging.Handler):
            def emit(self, record):
                texts.append(record.getMessage())

        logger = logging.getLogger("aioxide.watchdog")
        logger.addHandler(Texts())
        logger.propagate = False

        async def main():
            task = asyncio.create_task(probe.run((("suspend", 1), OPERATION)), name="spinning")
            await task
            deadline = time.monotonic() + 10
            while not texts and time.monotonic() < deadline:
                await asyncio.sleep(0.005)

        aioxide.watch(50)
        aioxide.run(main())
        print(texts)
        """.replace("OPERATION", operation)
    )
    assert done.returncode == 0, done.stderr
    for said in (done.stderr, done.stdout) if operation.startswith('("spin"') else (done.stdout,):
        assert "probe::Probe::run (src/probe.c:42) is polled" in said or (
            "src/probe.c:42 in probe::Probe::run" in said
        )
        assert "Task-1" not in said, "that is main(), which waits"


def test_the_watchdog_blames_what_has_kept_the_gil_alone(run_with_probe):
    """Python code that runs when the GIL is free again has nothing to do with it."""
    done = run_with_probe(
        """
        import asyncio, logging, time
        import aioxide, probe

        texts = []

        class Texts(logging.Handler):
            def emit(self, record):
                texts.append(record.getMessage())

        logger = logging.getLogger("aioxide.watchdog")
        logger.addHandler(Texts())
        logger.propagate = False

        async def culprit():
            await probe.run((("spin", 0.5),))
            for _ in range(1000):
                time.sleep(0.0001)  # innocent
                if texts:
                    break

        async def main():
            await asyncio.create_task(culprit())
            deadline = time.monotonic() + 10
            while len(texts) < 2 and time.monotonic() < deadline:
                await asyncio.sleep(0.005)

        aioxide.watch(50)
        aioxide.run(main())
        print("\\n".join(texts[:2]))
        """
    )
    assert done.returncode == 0, done.stderr
    assert "which kept the GIL" in done.stdout, done.stdout
    assert "probe::Probe::run (src/probe.c:42) is polled" in done.stdout
    assert "probe::Probe::run (src/probe.c:42) was polled" in done.stdout, "the record of its end"
    assert "sleep" not in done.stdout


@pytest.mark.skipif(os.environ.get("LD_PRELOAD", "") != "", reason="a build of its own is run")
def test_sub_interpreters_are_refused(run_with_probe):
    """The module may be imported there, with the table of the main interpreter in a static."""
    done = run_with_probe(
        """
        import aioxide, probe

        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters

        WORK = '''
        import probe
        try:
            probe.run(())
        except RuntimeError as error:
            text = str(error)
        else:
            text = "made"
        assert text == "aioxide runs in the main interpreter only", text
        assert probe.running_loop() is None
        assert probe.counts() == (0, 0, 0)
        '''
        made = interpreters.create("legacy") if hasattr(interpreters, "exec") else (
            interpreters.create(isolated=False))
        run = getattr(interpreters, "exec", None) or interpreters.run_string
        failure = run(made, __import__("textwrap").dedent(WORK))
        assert failure is None, failure.formatted
        interpreters.destroy(made)
        aioxide.run(probe.run((("suspend", 2),)))
        print("over")
        """,
        options=["-W", "ignore"],
    )
    assert (done.stdout, done.returncode) == ("over\n", 0), done.stderr
