import asyncio

from aioxide_learn.labs.stage import checks


class Source:
    def __init__(self, count, seconds=0.0, fails=False):
        self.count, self.seconds, self.fails = count, seconds, fails
        self.read, self.closed = 0, False

    async def items(self):
        try:
            for number in range(self.count):
                await asyncio.sleep(self.seconds)
                self.read += 1
                yield number
            if self.fails:
                raise LookupError("source")
        finally:
            self.closed = True


def stage_of(seconds, change=lambda item: item, log=None):
    async def stage(item):
        await asyncio.sleep(seconds)
        if log is not None:
            log.append(item)
        return change(item)

    return stage


@checks("Every item passes all stages, in order")
async def passes(program, stage):
    stages = [stage_of(1, lambda n: n + 1), stage_of(0.5, lambda n: n * 10), stage_of(2, str)]
    results = await stage.call(program.run(Source(8).items(), stages))
    expected = [str((number + 1) * 10) for number in range(8)]
    stage.require(results == expected, f"Expected {expected}, got {results!r:.120}.")
    none = await stage.call(program.run(Source(3).items(), [stage_of(0, lambda n: None)]))
    stage.require(
        none == [None, None, None],
        f"A stage may return None: three results are right, not {none!r}. Mark the end with an "
        "object of your own.",
    )


@checks("The stages work side by side")
async def overlap(program, stage):
    stages = [stage_of(1), stage_of(1), stage_of(1)]
    _, seconds = await stage.timed(program.run(Source(10, 1).items(), stages))
    stage.require(
        seconds != 40,
        "The items went through the stages one after the other: 40 seconds. Each stage is a task.",
    )
    stage.require(
        seconds == 13,
        f"10 items through a source and 3 stages of 1 second take 13 seconds, not {seconds:g}: "
        "a stage waits until another one has done all items, or handles several at a time.",
    )


@checks("A slow stage holds the source back")
async def bounded(program, stage):
    log = []
    source = Source(100)
    task = stage.start(program.run(source.items(), [stage_of(0), stage_of(10, log=log)], room=3))
    await asyncio.sleep(55)
    ahead = source.read - len(log)
    task.cancel()
    await asyncio.wait({task}, timeout=100)
    most = 3 + 3 + 1 + 1 + 1
    stage.require(
        ahead <= most,
        f"The source was {ahead} items ahead of the slow stage, {most} at most are right with room "
        "for 3 in each queue: a queue is unbounded.",
    )
    stage.require(task.cancelled(), "run was cancelled and did not end as cancelled.")


@checks("A failing stage ends everything")
async def failing(program, stage):
    def fail_at_3(item):
        if item == 3:
            raise LookupError("stage")
        return item

    for position in range(3):
        stages = [stage_of(0.1), stage_of(0.1), stage_of(0.1)]
        stages[position] = stage_of(0.1, fail_at_3)
        source = Source(1000)
        await _fails(program, stage, source, stages, f"Stage {position + 1}")


async def _fails(program, stage, source, stages, what):
    task = stage.start(program.run(source.items(), stages))
    await asyncio.wait({task}, timeout=1000)
    if not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=10)
        stage.require(
            False,
            f"{what} raised an error, and run waits for ever: the other tasks wait for room or "
            "for items that never come. Put all tasks into one TaskGroup.",
        )
    error = task.exception()
    stage.require(
        isinstance(error, LookupError), f"{what} raised a LookupError; run gave {error!r}."
    )
    stage.require(
        source.closed,
        f"{what} raised an error, and the source was left open: its `finally` has not run. "
        "`async with contextlib.aclosing(source):` closes it.",
    )


@checks("A failing source ends everything")
async def failing_source(program, stage):
    source = Source(5, 0.1, fails=True)
    await _fails(program, stage, source, [stage_of(0.1), stage_of(0.5)], "The source")


@checks("Nothing to do", orders=0)
async def nothing(program, stage):
    results = await stage.call(program.run(Source(0).items(), [stage_of(1)]))
    stage.require(results == [], f"An empty source gives [], not {results!r}.")
