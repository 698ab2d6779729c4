import asyncio

from aioxide_learn.labs.stage import checks


class Ticks:
    def __init__(self, stage, takes=0.0, fails_at=None):
        self.stage, self.takes, self.fails_at = stage, takes, fails_at
        self.times, self.running, self.most, self.cancelled = [], 0, 0, 0

    async def __call__(self):
        self.times.append(self.stage.now())
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            takes = self.takes[len(self.times) - 1] if isinstance(self.takes, list) else self.takes
            await asyncio.sleep(takes)
            if len(self.times) == self.fails_at:
                raise LookupError("tick")
        except asyncio.CancelledError:
            await asyncio.sleep(0.25)
            self.cancelled += 1
            raise
        finally:
            self.running -= 1


async def run(program, interval, ticks, seconds):
    async with program.Timer(interval, ticks):
        await asyncio.sleep(seconds)


@checks("A tick every interval, the first after one interval")
async def regular(program, stage):
    await asyncio.sleep(7)
    ticks = Ticks(stage)
    await stage.call(run(program, 10, ticks, 45))
    stage.require(ticks.times, "The callback was never called.")
    stage.require(
        ticks.times == [17, 27, 37, 47],
        f"In 45 seconds from 7 on, ticks are due at 17, 27, 37, 47, not at {ticks.times}.",
    )


@checks("No drift")
async def no_drift(program, stage):
    ticks = Ticks(stage, takes=3)
    await stage.call(run(program, 10, ticks, 45))
    stage.require(
        ticks.times == [10, 20, 30, 40],
        f"The callback takes 3 seconds, and the ticks drift: {ticks.times} instead of "
        "[10, 20, 30, 40]. Sleep until `began + n * interval`, not for `interval` seconds.",
    )


@checks("Slow callbacks do not overlap, and passed ticks are left out")
async def no_overlap(program, stage):
    ticks = Ticks(stage, takes=[25, 0, 10, 0, 0, 0])
    await stage.call(run(program, 10, ticks, 75))
    stage.require(
        ticks.most == 1,
        f"{ticks.most} calls ran at the same time: await the callback in the loop, do not start a "
        "task for each tick.",
    )
    stage.require(
        ticks.times in ([10, 40, 50, 60, 70], [10, 40, 50, 70]),
        f"With a first call of 25 seconds the ticks are [10, 40, 50, …], not {ticks.times}.",
    )


@checks("Leaving the block ends the timer")
async def ends(program, stage):
    ticks = Ticks(stage, takes=5)
    await stage.call(run(program, 10, ticks, 12))
    stage.require(
        ticks.running == 0,
        "The block was left while a callback was still running: cancel the timer's task and wait "
        "for its end.",
    )
    stage.require(ticks.cancelled == 1, "The callback that was running should be cancelled.")
    await asyncio.sleep(100)
    stage.require(len(ticks.times) == 1, "The callback was called after the block had been left.")


@checks("A failing callback is not lost")
async def failing(program, stage):
    ticks = Ticks(stage, fails_at=2)
    await stage.error_of(
        run(program, 10, ticks, 55),
        LookupError,
        "The second call raised a LookupError, and nothing was raised at the end of the block.",
    )
    stage.require(len(ticks.times) == 2, "A failure ends the timer; it was called again after it.")


@checks("The block's own error comes first")
async def block_fails(program, stage):
    async def failing_block(ticks):
        async with program.Timer(10, ticks):
            await asyncio.sleep(15)
            raise KeyError("block")

    for fails_at in (None, 1):
        error = await stage.error_of(
            failing_block(Ticks(stage, fails_at=fails_at)),
            (KeyError, LookupError),
            "The block raised a KeyError, and the timer swallowed it.",
        )
        stage.require(
            isinstance(error, KeyError),
            "The block raised a KeyError, and the timer raised its callback's failure instead.",
        )
