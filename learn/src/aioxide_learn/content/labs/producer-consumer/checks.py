import asyncio

from aioxide_learn.labs.stage import checks


class Work:
    """A source and a handler that count."""

    def __init__(self, count=40, seconds=1.0, fails_at=None, pause=0.0):
        self.count, self.seconds, self.fails_at = count, seconds, fails_at
        self.pause = pause
        self.produced, self.handled, self.running = 0, [], 0
        self.ahead = self.most = 0

    async def source(self):
        for number in range(self.count):
            self.produced += 1
            self.ahead = max(self.ahead, self.produced - len(self.handled))
            yield number
            await asyncio.sleep(self.pause)

    async def handle(self, number):
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self.seconds)
            if number == self.fails_at:
                raise LookupError(f"item {number}")
            self.handled.append(number)
        finally:
            self.running -= 1


@checks("Every item is handled once")
async def once(program, stage):
    work = Work(pause=3)
    result = await stage.call(program.process(work.source(), work.handle))
    missing = 40 - len(set(work.handled))
    stage.require(
        not missing,
        f"{missing} of 40 items were never handled: an empty queue does not mean that nothing "
        "more comes, and what is in the queue at the end has to be handled too.",
    )
    stage.require(
        sorted(work.handled) == list(range(40)), "Some items were handled more than once."
    )
    stage.require(result == 40, f"process should return 40, the number of items, not {result!r}.")


@checks("Three consumers work at the same time")
async def consumers(program, stage):
    work = Work(count=30)
    _, seconds = await stage.timed(program.process(work.source(), work.handle))
    stage.require(
        work.most == 3,
        f"{work.most} items were handled at the same time at most; with 3 consumers it is 3.",
    )
    stage.require(
        seconds == 10, f"30 items of 1 second by 3 consumers take 10 seconds, not {seconds:g}."
    )


@checks("The producer waits when the queue is full")
async def bounded(program, stage):
    work = Work(count=200, pause=0.1)  # long enough that a queue is seen to grow
    await stage.call(program.process(work.source(), work.handle, 3, 5))
    # In the queue, with the consumers, and the one that the producer holds.
    most = 5 + 3 + 1
    stage.require(
        work.ahead <= most,
        f"{work.ahead} items had been produced and not yet handled, {most} at most are right for a "
        "queue with room for 5: the queue is unbounded. Use asyncio.Queue(maxsize=room) and "
        "`await queue.put(…)`.",
    )


@checks("Also with nothing to do", orders=0)
async def nothing(program, stage):
    work = Work(count=0)
    result = await stage.call(program.process(work.source(), work.handle))
    stage.require(result == 0, f"An empty source gives 0, not {result!r}.")


@checks("A failing handler ends everything")
async def failing(program, stage):
    work = Work(count=100, fails_at=7)
    task = stage.start(program.process(work.source(), work.handle))
    await asyncio.wait({task}, timeout=1000)
    if not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=10)
        stage.require(
            False,
            "handle raised an error, and process waits for ever: the consumers have ended, and "
            "the producer waits for room (or `join` for items) in vain. Use a TaskGroup.",
        )
    error = task.exception()
    stage.require(error is not None, "handle raised LookupError, and process did not raise it.")
    stage.require(
        isinstance(error, LookupError),
        f"process should raise the LookupError of handle, not {type(error).__name__}.",
    )
    await asyncio.sleep(0)
    stage.require(work.running == 0, "process raised, and a consumer was still handling an item.")
