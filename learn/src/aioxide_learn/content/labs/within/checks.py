import asyncio

from aioxide_learn.labs.stage import checks


class Work:
    def __init__(self, seconds, result=None, error=None, cleanup=0.0):
        self.seconds, self.result, self.error, self.cleanup = seconds, result, error, cleanup
        self.state = "new"

    async def run(self):
        self.state = "running"
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            await asyncio.sleep(self.cleanup)
            self.state = "cancelled"
            raise
        self.state = "ended"
        if self.error is not None:
            raise self.error
        return self.result


@checks("In time: the result")
async def in_time(program, stage):
    for value in ("value", None, 0):
        result, seconds = await stage.timed(
            program.within(2, Work(1, result=value).run(), default="default")
        )
        stage.require(
            result == value and result is not False,
            f"The result {value!r} was there in time, and within returned {result!r}.",
        )
        stage.require(
            seconds == 1, f"The coroutine ended after 1 second, within after {seconds:g}."
        )


@checks("Too late: cancelled, cleaned up, and the default")
async def late(program, stage):
    work = Work(60, result="late", cleanup=0.5)
    result, seconds = await stage.timed(program.within(2, work.run(), default="default"))
    stage.require(result == "default", f"A late coroutine gives the default, not {result!r}.")
    stage.require(
        work.state != "running",
        "within returned while the coroutine was still running: it has to be cancelled, and its "
        "clean-up awaited. asyncio.wait and asyncio.shield leave it running.",
    )
    stage.require(
        seconds == 2.5,
        f"2 seconds and half a second of clean-up are 2.5 seconds, not {seconds:g}.",
    )


@checks("Exceptions come through")
async def errors(program, stage):
    await stage.error_of(
        program.within(2, Work(1, error=LookupError("x")).run(), default="default"),
        LookupError,
        "The coroutine raised a LookupError and within swallowed it: catch TimeoutError alone.",
    )


@checks("A TimeoutError of the coroutine itself is an error")
async def own_timeout(program, stage):
    await stage.error_of(
        program.within(5, Work(1, error=TimeoutError("of the socket")).run(), default="default"),
        TimeoutError,
        "The coroutine itself raised a TimeoutError after 1 second of 5, and within took it for "
        "lateness. `limit.expired()` of the object of asyncio.timeout() tells the two apart.",
    )


@checks("Cancelling the caller cancels the coroutine")
async def cancelled(program, stage):
    work = Work(60, cleanup=0.5)
    task = stage.start(program.within(10, work.run(), default="default"))
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.wait({task}, timeout=5)
    stage.require(
        task.done() and task.cancelled(),
        "The caller was cancelled, and within returned as if the time were over: the "
        "CancelledError was swallowed.",
    )
    stage.require(work.state == "cancelled", "The coroutine was not cancelled with its caller.")
