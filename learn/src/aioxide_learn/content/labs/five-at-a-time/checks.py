import asyncio

from aioxide_learn.labs.stage import checks


class Work:
    """Jobs that count how many of them run."""

    def __init__(self, seconds=lambda begun_before: 1.0, fails=()):
        self.seconds, self.fails = seconds, fails
        self.running = self.most = 0
        self.begun, self.ended = [], []

    async def __call__(self, number):
        self.running += 1
        self.most = max(self.most, self.running)
        self.begun.append(number)
        try:
            await asyncio.sleep(self.seconds(len(self.begun) - 1))
            if number in self.fails:
                raise LookupError(f"job {number}")
            self.ended.append(number)
            return number * number
        finally:
            self.running -= 1


@checks("Never more than five at a time")
async def bounded(program, stage):
    work = Work()
    await stage.call(program.run_all(work))
    stage.require(
        work.most <= 5,
        f"{work.most} jobs ran at the same time, not 5 at most. Let all jobs share one "
        "asyncio.Semaphore(limit) and hold a slot around `await work(number)`.",
    )
    stage.require(
        sorted(work.begun) == list(range(50)),
        f"Each of the 50 jobs has to run once; {len(work.begun)} calls of work were made.",
    )


@checks("Five at a time, not fewer")
async def busy(program, stage):
    work = Work()
    _, seconds = await stage.timed(program.run_all(work))
    stage.require(
        seconds != 50,
        "The jobs ran one after the other: 50 seconds. Start a task for each before you wait.",
    )
    stage.require(
        seconds == 10,
        f"50 jobs of 1 second, 5 at a time, take 10 seconds, not {seconds:g}.",
    )


@checks("A free slot is used at once")
async def sliding(program, stage):
    work = Work(lambda begun_before: 8.0 if begun_before == 0 else 1.0)
    _, seconds = await stage.timed(program.run_all(work, 13, 3))
    stage.require(
        seconds <= 8,
        f"A slow job held the others up: {seconds:g} seconds instead of 8. Fixed batches wait for "
        "their slowest job; with a semaphore the next job begins when any slot is free.",
    )


@checks("The results are in order")
async def ordered(program, stage):
    work = Work(lambda begun_before: 1.0 / (begun_before + 1))
    results = await stage.call(program.run_all(work, 20, 4))
    stage.require(
        results == [number * number for number in range(20)],
        f"The results should be those of job 0, 1, 2, …, not {results!r:.80}.",
    )


@checks("After a failure nothing runs on")
async def failing(program, stage):
    work = Work(fails={3})
    error = await stage.error_of(
        program.run_all(work, 20, 5),
        (LookupError, ExceptionGroup),
        "Job 3 raised a LookupError, and run_all did not raise it.",
    )
    stage.require(
        isinstance(error, LookupError),
        "run_all raised an ExceptionGroup; raise the job's own error, `group.exceptions[0]`.",
    )
    await asyncio.sleep(0)
    stage.require(
        work.running == 0,
        f"{work.running} jobs were still running after run_all had raised: gather leaves the "
        "others running. A TaskGroup cancels them.",
    )
