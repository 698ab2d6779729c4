import asyncio

from aioxide_learn.labs.stage import checks


class Jobs:
    """Jobs that note what became of them."""

    def __init__(self):
        self.ended = {}

    def job(self, name, seconds, result=None, error=None):
        async def run():
            self.ended[name] = "running"
            try:
                await asyncio.sleep(seconds)
            except asyncio.CancelledError:
                self.ended[name] = "cancelled"
                raise
            self.ended[name] = "ended"
            if error is not None:
                raise error
            return result

        return run


def mixed(jobs):
    return {
        "quick": jobs.job("quick", 1, result=1),
        "slow": jobs.job("slow", 60),
        "broken": jobs.job("broken", 0.5, error=ValueError("broken")),
        "fine": jobs.job("fine", 2, result=None),
        "endless": jobs.job("endless", 10_000),
    }


@checks("Each job is in the right place of the summary")
async def summary(program, stage):
    jobs = Jobs()
    result, seconds = await stage.timed(program.run_all(mixed(jobs), 3))
    stage.require(isinstance(result, dict), f"The result should be a dict, not {result!r:.80}.")
    stage.require(
        result.keys() == {"done", "late", "failed"},
        f"The summary has the entries done, late and failed, not {', '.join(map(str, result))}.",
    )
    stage.require(
        result["done"] == {"quick": 1, "fine": None},
        f"done should be {{'quick': 1, 'fine': None}}, not {result['done']!r:.100}. "
        "A job without a result is done too, and one limit for all together is too little.",
    )
    stage.require(
        result["late"] == ["endless", "slow"],
        f"late should be ['endless', 'slow'], not {result['late']!r}.",
    )
    stage.require(
        list(result["failed"]) == ["broken"] and isinstance(result["failed"]["broken"], ValueError),
        f"failed should hold the ValueError of 'broken', not {result['failed']!r:.100}.",
    )
    stage.require(
        seconds == 3,
        f"With a limit of 3 seconds all is over after 3 seconds, not {seconds:g}: "
        "the jobs have to run at the same time, each with its own limit.",
    )


@checks("What is late is cancelled")
async def cancelled(program, stage):
    jobs = Jobs()
    await stage.call(program.run_all(mixed(jobs), 3))
    running = sorted(name for name, state in jobs.ended.items() if state == "running")
    stage.require(
        not running,
        f"These jobs were late and are still running: {', '.join(running)}. asyncio.wait() with a "
        "timeout cancels nothing; asyncio.timeout() and asyncio.wait_for() do.",
    )


@checks("Cancelling run_all cancels the jobs")
async def from_outside(program, stage):
    jobs = Jobs()
    task = stage.start(program.run_all(mixed(jobs), 100))
    await asyncio.sleep(1.5)
    task.cancel()
    await asyncio.wait({task}, timeout=300)
    stage.require(
        task.done() and task.cancelled(),
        "run_all was cancelled and went on: the CancelledError was swallowed. Catch Exception, "
        "never BaseException and never a bare `except:`, or raise it again.",
    )
    stage.require(
        jobs.ended["slow"] == "cancelled",
        "run_all was cancelled, and the job 'slow' is still running.",
    )


@checks("A failure at once stops nobody", orders=3)
async def at_once(program, stage):
    async def bad():
        raise KeyError("bad")

    async def good():
        await asyncio.sleep(0.1)
        return "good"

    result = await stage.call(program.run_all({"bad": bad, "good": good}, 1))
    stage.require(
        result["done"] == {"good": "good"}, "The failure of 'bad' stopped the job 'good'."
    )
