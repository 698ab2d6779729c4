"""Which callbacks are logged as slow, and as what?"""

import asyncio
import logging
import re
import socket

import pytest


def test_the_slow_callback_limit_is_a_tenth_of_a_second(new_loop):
    assert new_loop().slow_callback_duration == 0.1


def test_a_slow_callback_is_logged(loop, logged):
    def slow():
        pass

    loop.slow_callback_duration = 0.0
    loop.call_soon(slow)
    loop.stop()
    loop.run_forever()
    record = logged.take_one()
    assert record.levelno == logging.WARNING
    line = slow.__code__.co_firstlineno
    pattern = (
        rf"Executing <Handle .*slow\(\) at {re.escape(__file__)}:{line} "
        rf"created at {re.escape(__file__)}:\d+> took \d+\.\d{{3}} seconds"
    )
    assert re.fullmatch(pattern, record.getMessage())


def test_a_slow_step_of_a_task_is_logged_with_the_task(loop, logged):
    async def slow():
        pass

    loop.slow_callback_duration = 0.0
    loop.create_task(slow(), name="the name")
    loop.stop()
    loop.run_forever()
    pattern = (
        r"Executing <Task finished name='the name' coro=<.*slow\(\) done, defined at .*> "
        r"result=None created at .*> took \d+\.\d{3} seconds"
    )
    assert re.fullmatch(pattern, logged.take_one().getMessage())


def test_a_quick_callback_is_not_logged(loop, turn, logged):
    loop.call_soon(int)
    turn()
    assert logged.take() == []


def test_without_debug_no_callback_is_logged(loop, turn, logged):
    loop.set_debug(False)
    loop.slow_callback_duration = 0.0
    loop.call_soon(int)
    turn()
    assert logged.take() == []


def logged_lines(logged):
    """What is said to have been executed, in order, but for the ``stop()`` of each iteration."""
    pattern = r"Executing (<.*>) took \d+\.\d{3} seconds"
    lines = [re.fullmatch(pattern, record.getMessage()).group(1) for record in logged.take()]
    return [line for line in lines if "Loop.stop()" not in line]


@pytest.fixture
def everything_is_slow(loop):
    loop.slow_callback_duration = 0.0


@pytest.mark.usefixtures("everything_is_slow")
def test_a_timer_is_shown_with_its_time(loop, turn, logged):
    loop.call_at(0.5, int)
    turn()
    (line,) = logged_lines(logged)
    assert re.fullmatch(rf"<TimerHandle when=0\.5 .*created at {re.escape(__file__)}:\d+>", line)


@pytest.mark.usefixtures("everything_is_slow")
def test_a_done_callback_is_shown_with_its_place(loop, turn, logged):
    def slow(future):
        pass

    future = loop.create_future()
    future.add_done_callback(slow)
    future.set_result(None)
    line_of_set_result = slow.__code__.co_firstlineno + 5
    turn()
    (line,) = logged_lines(logged)
    assert line.startswith("<Handle ")
    assert ".slow(<Future finis" in line
    assert f" at {__file__}:{slow.__code__.co_firstlineno} " in line
    assert line.endswith(f"created at {__file__}:{line_of_set_result}>")


@pytest.mark.usefixtures("everything_is_slow")
def test_a_method_of_a_task_is_shown_as_the_task(loop, turn, logged):
    async def forever():
        await loop.create_future()

    task = loop.create_task(forever(), name="the name")
    turn()
    logged.take()
    loop.call_soon(task.cancel)
    turn()
    (line,) = logged_lines(logged)
    assert line.startswith("<Task cancelling name='the name' coro=<")
    turn()
    logged.take()


@pytest.mark.usefixtures("everything_is_slow")
def test_steps_of_a_standard_task_are_shown_as_the_task(loop, turn, logged):
    async def forever():
        await loop.create_future()

    task = asyncio.Task(forever(), loop=loop, name="standard")
    turn()
    task.cancel()
    turn()
    first, second = logged_lines(logged)
    assert first.startswith("<Task pending name='standard' coro=<")
    assert second.startswith("<Task cancelled name='standard' coro=<")


@pytest.mark.usefixtures("everything_is_slow")
def test_a_watched_descriptor_is_shown_with_its_callback(loop, turn, logged):
    near, far = socket.socketpair()
    with near, far:

        def read():
            near.recv(10)

        loop.add_reader(near, read)
        far.send(b"x")
        turn()
        loop.remove_reader(near)
    (line,) = logged_lines(logged)
    assert line.startswith("<Handle ")
    assert f".read() at {__file__}:{read.__code__.co_firstlineno} created at " in line


@pytest.mark.usefixtures("everything_is_slow")
def test_a_slow_protocol_can_be_found(loop, run, kind, logged):
    class Slow(asyncio.Protocol):
        pass

    async def main():
        near, far = socket.socketpair()
        with far:
            transport, _ = await loop.connect_accepted_socket(Slow, near)
            # A reader of the standard library is added in a turn of its own.
            await asyncio.sleep(0)
            logged.take()
            far.send(b"x")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            lines = logged_lines(logged)
            transport.close()
            return lines

    lines = run(main())
    turn_of_transport = [line for line in lines if "SocketTransport" in line]
    assert len(turn_of_transport) == 1
    if kind == "aioxide":
        # More than the standard library says: whose protocol it is.
        assert re.search(r" for <.*\.Slow object at 0x[0-9a-f]+>$", turn_of_transport[0])
    loop.run_until_complete(asyncio.sleep(0))
    logged.take()


@pytest.mark.usefixtures("everything_is_slow")
def test_a_cancelled_callback_is_not_executed(loop, turn, logged):
    loop.call_soon(int).cancel()
    turn()
    assert logged_lines(logged) == []


@pytest.mark.usefixtures("everything_is_slow")
@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_what_ends_the_loop_is_not_logged(loop, logged, error):
    def end():
        raise error

    loop.call_soon(end)
    with pytest.raises(error):
        loop.run_forever()
    assert logged_lines(logged) == []


@pytest.mark.usefixtures("everything_is_slow")
def test_a_callback_that_fails_is_logged_too(loop, turn, logged, reported):
    def fail():
        raise ArithmeticError

    loop.call_soon(fail)
    turn()
    reported.take_one()
    (line,) = logged_lines(logged)
    assert ".fail() at " in line


@pytest.fixture
def everything_logged():
    """All messages of asyncio's logger, at every level."""
    records = []
    handler = logging.Handler(logging.DEBUG)
    handler.emit = records.append
    logger = logging.getLogger("asyncio")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield records
    logger.setLevel(level)
    logger.removeHandler(handler)


@pytest.mark.parametrize("limit, level", [(0.0, logging.INFO), (3600.0, logging.DEBUG)])
def test_a_lookup_is_logged_with_its_time(loop, run, logged, everything_logged, limit, level):
    loop.slow_callback_duration = limit
    run(loop.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM))
    messages = {
        record.getMessage(): record.levelno
        for record in everything_logged
        if "ddress info" in record.getMessage()
    }
    asked, answered = messages
    assert asked == f"Get address info localhost:80, type={socket.SOCK_STREAM!r}"
    assert messages[asked] == logging.DEBUG
    pattern = r"Getting address info localhost:80, type=.* took \d+\.\d{3}ms: \[.*\]"
    assert re.fullmatch(pattern, answered)
    assert messages[answered] == level
    logged.take()


@pytest.mark.usefixtures("everything_is_slow")
def test_without_debug_no_lookup_is_logged(loop, run, everything_logged):
    loop.set_debug(False)
    run(loop.getaddrinfo("localhost", 80))
    assert [record for record in everything_logged if "ddress info" in record.getMessage()] == []
