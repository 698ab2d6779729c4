import asyncio

from aioxide_learn.labs.stage import checks
from aioxide_learn.labs.web import Answer, Site


def rate_of(visits):
    """The most requests in any second."""
    starts = [visit.start for visit in visits]
    return max(sum(0 <= other - start < 1 - 0.01 for other in starts) for start in starts)


class Busy:
    """A site that answers 503 so many times for each path."""

    def __init__(self, times, headers=None, after=0.0):
        self.times, self.headers, self.after = dict(times), headers or {}, after

    def __call__(self, path):
        if self.times.get(path, 0) > 0:
            self.times[path] -= 1
            return Answer(503, "busy", headers=self.headers)
        return Answer(200, f"page {path}", after=self.after)


@checks("At most five requests in any second", orders=1)
async def limited(program, stage):
    site = await Site(stage, Busy({})).start()
    urls = [site.url(f"/{number}") for number in range(15)]
    results = await stage.call(program.fetch_all(urls))
    stage.require(
        results == [(200, f"page /{number}") for number in range(15)],
        f"Expected (200, 'page /0'), … in order, got {results!r:.100}.",
    )
    stage.require(
        rate_of(site.visits) <= 5,
        f"The site saw {rate_of(site.visits)} requests within one second, not 5 at most. Limit how "
        "many begin in a second, not how many run at a time.",
    )
    last = site.visits[-1].start
    stage.require(
        last < 2.5, f"15 pages at 5 a second begin within 2 seconds; yours took {last:.3g}."
    )


@checks("Slow answers do not lower the rate", orders=1)
async def slow(program, stage):
    site = await Site(stage, Busy({}, after=20)).start()
    urls = [site.url(f"/{number}") for number in range(10)]
    await stage.call(program.fetch_all(urls))
    last = site.visits[-1].start
    stage.require(
        last < 1.5,
        f"With answers that take 20 seconds the tenth request began after {last:.3g} seconds "
        "instead of 1: a request waits for the answers of earlier ones.",
    )


@checks("A busy site is asked again, with growing pauses", orders=1)
async def again(program, stage):
    site = await Site(stage, Busy({"/a": 3})).start()
    results = await stage.call(program.fetch_all([site.url("/a")]))
    starts = [visit.start for visit in site.visits]
    stage.require(
        results == [(200, "page /a")],
        f"After three answers 503 the fourth attempt succeeds; the result was {results!r}.",
    )
    pauses = [round(b - a, 1) for a, b in zip(starts, starts[1:], strict=False)]
    stage.require(pauses == [1, 2, 4], f"The pauses should be 1, 2 and 4 seconds, not {pauses}.")


@checks("It gives up after the last attempt, at once", orders=1)
async def gives_up(program, stage):
    site = await Site(stage, Busy({"/a": 100})).start()
    results, seconds = await stage.timed(program.fetch_all([site.url("/a")], attempts=3))
    stage.require(len(site.visits) == 3, f"attempts=3 means 3 requests, not {len(site.visits)}.")
    stage.require(results == [(503, "busy")], f"The last answer is the result, not {results!r}.")
    stage.require(seconds < 3.5, f"Pauses of 1 and 2 seconds are 3; giving up took {seconds:.3g}.")


@checks("Repeated requests keep to the rate too", orders=1)
async def repeated(program, stage):
    site = await Site(stage, Busy({f"/{number}": 1 for number in range(10)})).start()
    urls = [site.url(f"/{number}") for number in range(10)]
    results = await stage.call(program.fetch_all(urls))
    stage.require(
        all(status == 200 for status, _ in results), f"Not all pages came: {results!r:.100}."
    )
    stage.require(
        rate_of(site.visits) <= 5,
        f"With repeated requests the site saw {rate_of(site.visits)} within one second: each "
        "attempt has to pass the limiter.",
    )


@checks("Retry-After is the pause", orders=1)
async def retry_after(program, stage):
    site = await Site(stage, Busy({"/a": 1}, {"Retry-After": "7"})).start()
    await stage.call(program.fetch_all([site.url("/a")]))
    starts = [visit.start for visit in site.visits]
    stage.require(len(starts) == 2, f"2 requests are right, not {len(starts)}.")
    stage.require(
        round(starts[1] - starts[0], 1) == 7,
        f"The site asked for a pause of 7 seconds (Retry-After: 7); yours was "
        f"{starts[1] - starts[0]:.3g}.",
    )


@checks("Other answers are results", orders=0)
async def others(program, stage):
    site = await Site(stage, lambda path: Answer(404, "missing")).start()
    results = await stage.call(program.fetch_all([site.url("/x")]))
    stage.require(
        results == [(404, "missing")] and len(site.visits) == 1,
        f"A 404 is a result and is not asked again: {results!r}, {len(site.visits)} requests.",
    )
    empty = await stage.call(program.fetch_all([]))
    await asyncio.sleep(0)
    stage.require(empty == [], f"fetch_all([]) should return [], not {empty!r}.")
