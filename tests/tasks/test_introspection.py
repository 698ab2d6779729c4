"""What does a task tell about its coroutine, its context and its stack?"""

import asyncio
import contextvars
import io
import sys

import pytest


async def innermost(future):
    return await future


async def inner(future):
    return await innermost(future)


SOURCE = "return await innermost(future)"


async def fail():
    raise_it()


def raise_it():
    raise ValueError("text")


def printed(task, **options):
    stream = io.StringIO()
    assert task.print_stack(file=stream, **options) is None
    return stream.getvalue()


@pytest.fixture
def future(loop):
    return loop.create_future()


@pytest.fixture
def waiting(loop, turn, future):
    """A task that waits for the future; it is done when the test is over."""
    task = loop.create_task(inner(future), name="the name")
    turn()
    yield task
    if not future.done():
        future.set_result(None)
    loop.run_until_complete(asyncio.wait([task]))


@pytest.fixture
def failed(loop, turn):
    task = loop.create_task(fail(), name="the name")
    turn()
    task.exception()
    return task


def test_the_coroutine(loop, turn):
    async def nothing():
        pass

    coroutine = nothing()
    task = loop.create_task(coroutine)
    assert task.get_coro() is coroutine
    turn()
    assert task.done()
    assert task.get_coro() is coroutine


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Task.get_context() is new in 3.12")
def test_the_context(loop, turn):
    async def nothing():
        pass

    context = contextvars.Context()
    assert loop.create_task(nothing(), context=context).get_context() is context
    variable = contextvars.ContextVar("variable")
    token = variable.set("when created")
    task = loop.create_task(nothing())
    variable.reset(token)
    assert task.get_context()[variable] == "when created"
    turn()
    assert task.get_context()[variable] == "when created"


def test_the_stack_of_a_waiting_task_is_one_frame(waiting):
    (frame,) = waiting.get_stack()
    assert frame.f_code is inner.__code__


def test_the_stack_of_a_task_that_has_not_started(loop, turn):
    async def nothing():
        pass

    task = loop.create_task(nothing())
    (frame,) = task.get_stack()
    assert frame.f_code is nothing.__code__
    assert frame.f_lineno == nothing.__code__.co_firstlineno
    turn()


def test_the_stack_of_the_running_task_reaches_down_to_the_loop(run):
    async def main():
        return [frame.f_code.co_name for frame in asyncio.current_task().get_stack()]

    names = run(main())
    assert names[-1] == "main"
    assert "test_the_stack_of_the_running_task_reaches_down_to_the_loop" in names


def test_a_finished_task_has_no_stack(loop, turn):
    async def nothing():
        pass

    task = loop.create_task(nothing())
    turn()
    assert task.get_stack() == []
    assert task.get_stack(limit=3) == []


def test_a_cancelled_task_has_no_stack(loop, waiting):
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(waiting)
    assert waiting.get_stack() == []


def test_the_stack_of_a_failed_task_is_its_traceback(failed):
    assert [frame.f_code.co_name for frame in failed.get_stack()] == ["fail", "raise_it"]


def test_a_limit_keeps_the_oldest_frames_of_a_traceback(failed):
    assert [frame.f_code.co_name for frame in failed.get_stack(limit=1)] == ["fail"]
    assert failed.get_stack(limit=0) == []
    assert len(failed.get_stack(limit=10)) == 2


def test_a_limit_keeps_the_newest_frames_of_a_stack(waiting):
    assert len(waiting.get_stack(limit=1)) == 1
    assert waiting.get_stack(limit=0) == []


def test_a_limit_is_a_keyword_and_a_number(waiting):
    with pytest.raises(TypeError):
        waiting.get_stack(1)
    with pytest.raises(TypeError):
        waiting.get_stack(limit="text")


def test_printing_the_stack_of_a_waiting_task(waiting):
    text = printed(waiting)
    first, *rest = text.splitlines()
    assert first == f"Stack for {waiting!r} (most recent call last):"
    line = inner.__code__.co_firstlineno + 1
    assert rest[0] == f'  File "{__file__}", line {line}, in inner'
    assert rest[1].strip() == SOURCE


def test_printing_the_stack_of_a_failed_task(failed):
    lines = printed(failed).splitlines()
    assert lines[0] == f"Traceback for {failed!r} (most recent call last):"
    assert [line.split(", in ")[-1] for line in lines if ", in " in line] == ["fail", "raise_it"]
    assert lines[-1] == "ValueError: text"


def test_printing_the_stack_of_a_finished_task(loop, turn):
    async def nothing():
        pass

    task = loop.create_task(nothing())
    turn()
    assert printed(task) == f"No stack for {task!r}\n"


def test_printing_goes_to_standard_error(waiting, capsys):
    waiting.print_stack(limit=1)
    captured = capsys.readouterr()
    assert captured.err.endswith(f"in inner\n    {SOURCE}\n")
    # The reference prints the heading to standard output.
    assert (captured.out + captured.err).startswith("Stack for <Task pending name='the name' ")


def test_printing_with_a_limit(failed):
    text = printed(failed, limit=1)
    assert "in fail\n" in text
    assert "in raise_it\n" not in text


def test_the_coroutine_of_a_chain_can_be_walked(waiting):
    names = []
    coroutine = waiting.get_coro()
    while hasattr(coroutine, "cr_await"):
        names.append(coroutine.__name__)
        coroutine = coroutine.cr_await
    assert names == ["inner", "innermost"]
