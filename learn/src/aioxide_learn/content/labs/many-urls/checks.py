from aioxide_learn.labs.sessions import Sessions
from aioxide_learn.labs.stage import checks
from aioxide_learn.labs.web import Answer, Site, refused_url

SLOW, COUNT = 2.0, 12


def answer(path):
    if path == "/missing":
        return Answer(404, "nothing here")
    return Answer(200, f"page {path}", after=SLOW if path != "/quick" else 0.0)


@checks("The pages are fetched at the same time", orders=1)
async def together(program, stage):
    site = await Site(stage, answer).start()
    urls = [site.url(f"/{number}") for number in range(COUNT)]
    with Sessions() as sessions:
        results, seconds = await stage.timed(program.fetch_all(urls))
    stage.require(
        seconds < SLOW * COUNT,
        f"The pages were fetched one after the other: {COUNT} pages took {seconds:g} seconds, and "
        f"each takes {SLOW:g}. Start all requests before you wait for the first (asyncio.gather).",
    )
    stage.require(
        results == [(200, f"page /{number}") for number in range(COUNT)],
        f"Expected (200, 'page /0'), (200, 'page /1'), … in the order of the URLs, got "
        f"{results!r:.120}.",
    )
    stage.require(seconds < SLOW + 1, f"All at once take {SLOW:g} seconds; yours took {seconds:g}.")
    stage.require(
        sessions.count <= 1,
        f"{sessions.count} sessions were made for {COUNT} pages. A session keeps connections for "
        "the next request: make one and share it.",
    )


@checks("The session is closed", orders=1)
async def closed(program, stage):
    site = await Site(stage, answer).start()
    with Sessions() as sessions:
        await stage.call(program.fetch_all([site.url("/quick")]))
    stage.require(
        not sessions.open,
        "The session was never closed: its connections stay open. "
        "Make it with `async with aiohttp.ClientSession() as session:`.",
    )


@checks("Errors stay with their URL", orders=1)
async def errors(program, stage):
    site = await Site(stage, answer).start()
    urls = [site.url("/quick"), refused_url(), site.url("/missing"), site.url("/1")]
    results = await stage.call(program.fetch_all(urls))
    stage.require(
        results[2] == (404, "nothing here"),
        f"A missing page is an answer, (404, 'nothing here'), not {results[2]!r}.",
    )
    stage.require(
        results[1] == (None, ""),
        f"A URL that cannot be reached gives (None, ''), not {results[1]!r}.",
    )
    stage.require(
        results[0] == (200, "page /quick") and results[3] == (200, "page /1"),
        f"The other pages should have come: {results!r:.150}.",
    )


@checks("No URLs give an empty list", orders=0)
async def nothing(program, stage):
    results = await stage.call(program.fetch_all([]))
    stage.require(results == [], f"fetch_all([]) should return [], not {results!r}.")
