from aioxide_learn.labs.stage import checks

JOBS = [("tea", 3), ("toast", 2), ("egg", 4)]


@checks("The jobs run at the same time")
async def overlap(program, stage):
    _, seconds = await stage.timed(program.run_jobs(JOBS))
    stage.require(
        seconds != 9,
        "The jobs ran one after the other: together they took 9 seconds, the sum of their times. "
        "Start all of them before you wait for the first one (asyncio.gather, or a TaskGroup).",
    )
    stage.require(
        seconds == 4, f"Jobs of 3, 2 and 4 seconds should take 4 seconds together, not {seconds:g}."
    )


@checks("The results are in the order of the jobs")
async def order(program, stage):
    results = await stage.call(program.run_jobs(JOBS))
    stage.require(
        isinstance(results, list) and all(isinstance(r, tuple) and len(r) == 3 for r in results),
        f"The result should be a list of triples (name, started, finished), not {results!r:.100}.",
    )
    names = [name for name, _, _ in results]
    stage.require(
        names == ["tea", "toast", "egg"],
        f"The results should be in the order of the jobs, tea, toast, egg, not {', '.join(names)}. "
        "asyncio.gather keeps the order of its arguments.",
    )


@checks("The times are those of each job")
async def times(program, stage):
    import asyncio

    await asyncio.sleep(100)  # the loop's clock does not begin at zero
    results = await stage.call(program.run_jobs([*JOBS, ("tea", 1)]))
    expected = [("tea", 0, 3), ("toast", 0, 2), ("egg", 0, 4), ("tea", 0, 1)]
    rounded = [(name, round(start, 6), round(end, 6)) for name, start, end in results]
    stage.require(
        rounded == expected,
        f"Expected {expected}, got {rounded}. Times are seconds since run_jobs began, by "
        "asyncio.get_running_loop().time(); a name may come twice.",
    )


@checks("No jobs give an empty list", orders=0)
async def nothing(program, stage):
    results = await stage.call(program.run_jobs([]))
    stage.require(results == [], f"run_jobs([]) should return [], not {results!r}.")
