import asyncio

from aioxide_learn.labs.stage import checks


class Connection:
    """A connection that notes what is done with it."""

    def __init__(self, fails_at=None, open_fails=False):
        self.beats = self.closed = 0
        self.is_open = False
        self.fails_at, self.open_fails = fails_at, open_fails

    async def open(self):
        await asyncio.sleep(0.5)
        if self.open_fails:
            raise ConnectionRefusedError("no")
        self.is_open = True

    async def send_heartbeat(self):
        await asyncio.sleep(0)
        self.beats += 1
        if self.beats == self.fails_at:
            raise ConnectionResetError("reset")

    async def close(self):
        await asyncio.sleep(0.5)
        self.is_open = False
        self.closed += 1


@checks("A cancelled worker closes its connection and ends as cancelled")
async def closes(program, stage):
    connection = Connection()
    task = stage.start(program.worker(connection), name="worker")
    await asyncio.sleep(3.7)
    stage.require(
        connection.beats == 4,
        f"4 heartbeats are due within 3.7 seconds, one a second from 0.5 on; "
        f"the worker sent {connection.beats}.",
    )
    task.cancel()
    await asyncio.wait({task}, timeout=60)
    stage.require(
        task.done(),
        "The worker was cancelled and works on: the CancelledError was swallowed inside the loop. "
        "Let it pass.",
    )
    stage.require(
        connection.closed >= 1,
        "The connection was not closed. Close it in `finally`: `except Exception` does not see a "
        "CancelledError.",
    )
    stage.require(
        connection.closed == 1, f"The connection was closed {connection.closed} times, not once."
    )
    stage.require(
        task.cancelled(),
        "The worker ended as if it had finished: the CancelledError was swallowed. After the "
        "clean-up let it go on (`finally`, or `raise`).",
    )


@checks("A failing worker closes its connection and fails")
async def fails(program, stage):
    connection = Connection(fails_at=2)
    await stage.error_of(
        program.worker(connection),
        ConnectionResetError,
        "send_heartbeat raised ConnectionResetError, which should come out of the worker.",
    )
    stage.require(connection.closed == 1, "After a failure the connection was not closed.")


@checks("What was never open is not closed")
async def not_opened(program, stage):
    connection = Connection(open_fails=True)
    await stage.error_of(
        program.worker(connection), ConnectionRefusedError, "The error of open() was swallowed."
    )
    stage.require(
        connection.closed == 0, "open() failed, and close() was called: `try` begins after open()."
    )


@checks("stop returns when the task has ended")
async def stops(program, stage):
    connection = Connection()
    task = stage.start(program.worker(connection), name="worker")
    await asyncio.sleep(2.2)
    await _stop(program, stage, task)
    stage.require(
        task.done(),
        "stop returned while the task was still closing its connection: cancel() only asks. "
        "Wait for the task after it.",
    )


@checks("stop is quiet about tasks that have failed or ended")
async def quiet(program, stage):
    async def failing():
        try:
            await asyncio.sleep(10)
        finally:
            raise OSError("while closing")

    async def quick():
        return 1

    for coroutine in (failing(), quick()):
        task = stage.start(coroutine, name="other")
        await asyncio.sleep(0.1)
        await _stop(program, stage, task)
        stage.require(task.done(), "stop returned before the task had ended.")


async def _stop(program, stage, task):
    stopping = stage.start(program.stop(task), name="stop")
    await asyncio.wait({stopping})
    stage.require(
        not stopping.cancelled(),
        "stop raised the CancelledError of the task that it had cancelled: `await task` raises it. "
        "asyncio.wait([task]) waits without raising.",
    )
    error = stopping.exception()
    stage.require(error is None, f"stop raised {error!r} of the task; it should be quiet about it.")


@checks("stop can be cancelled itself")
async def stop_cancelled(program, stage):
    async def stubborn():
        try:
            await asyncio.sleep(1000)
        finally:
            await asyncio.sleep(50)

    task = stage.start(stubborn(), name="stubborn")
    await asyncio.sleep(1)
    stopping = stage.start(program.stop(task), name="stop")
    await asyncio.sleep(1)
    stopping.cancel()
    await asyncio.wait({stopping}, timeout=10)
    ended = stopping.done() and stopping.cancelled()
    await asyncio.wait({task})
    stage.require(
        ended,
        "stop was cancelled while it waited and swallowed that: `except CancelledError` around "
        "`await task` also catches a cancellation of stop itself. Use asyncio.wait([task]).",
    )
