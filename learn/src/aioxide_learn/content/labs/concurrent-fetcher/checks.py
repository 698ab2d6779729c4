import asyncio

from aioxide_learn.labs.sessions import Sessions
from aioxide_learn.labs.stage import checks
from aioxide_learn.labs.web import Answer, Site, refused_url


def answer(path):
    if path == "/slow":
        return Answer(200, "slow", after=500)
    if path == "/missing":
        return Answer(404, "missing")
    return Answer(200, f"page {path}", after=1)


@checks("So many at a time, over one session", orders=1)
async def limited(program, stage):
    site = await Site(stage, answer).start()
    urls = [site.url(f"/{number}") for number in range(12)]
    with Sessions() as sessions:
        results, seconds = await stage.timed(program.fetch_all(urls, limit=4, seconds=2.0))
    stage.require(
        site.most_at_once <= 4,
        f"The site had {site.most_at_once} requests at the same time, not 4 at most. Share one "
        "asyncio.Semaphore(limit).",
    )
    stage.require(
        site.most_at_once > 1, "The pages were fetched one after the other: use a task for each."
    )
    found = [(result.url, result.status, result.body, result.error) for result in results]
    expected = [(url, 200, f"page /{number}", None) for number, url in enumerate(urls)]
    timeouts = sum(error == "timeout" for *_, error in found)
    stage.require(
        not timeouts,
        f"{timeouts} pages count as timed out although each takes 1 second of 2: the wait for a "
        "slot does not count. Begin the time limit when you have the slot.",
    )
    stage.require(found == expected, f"Expected {expected[0]}, …, got {found[0]}, ….")
    stage.require(seconds == 3, f"12 pages of 1 second, 4 at a time, take 3, not {seconds:g}.")
    stage.require(
        sessions.count == 1, f"{sessions.count} sessions were made; share one between all pages."
    )
    stage.require(not sessions.open, "The session was never closed: make it with `async with`.")


@checks("Each page has an outcome of its own", orders=1)
async def outcomes(program, stage):
    site = await Site(stage, answer).start()
    paths = ["/1", "/slow", "/missing"]
    urls = [*map(site.url, paths), refused_url(), site.url("/2")]
    results, seconds = await stage.timed(program.fetch_all(urls, limit=10, seconds=2.0))
    found = [(result.status, result.body, result.error) for result in results]
    expected = [
        (200, "page /1", None),
        (None, None, "timeout"),
        (404, "missing", None),
        (None, None, "connection"),
        (200, "page /2", None),
    ]
    stage.require(
        seconds < 100, f"A page that never comes was waited for {seconds:g} seconds: no time limit."
    )
    for path, is_so, should in zip([*paths, "(refused)", "/2"], found, expected, strict=True):
        stage.require(is_so == should, f"{path}: expected {should}, got {is_so}.")


@checks("A body that stops half way counts as late", orders=0)
async def half_a_body(program, stage):
    async def serve(reader, writer):
        stage.own.add(asyncio.current_task())
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        try:
            await reader.read()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def close():
        server.close()

    stage.at_end(close)
    task = stage.start(program.fetch_all([f"http://127.0.0.1:{port}/"], seconds=2.0))
    await asyncio.wait({task}, timeout=100)
    late = not task.done()
    if late:
        task.cancel()
        await asyncio.wait({task}, timeout=10)
    stage.require(
        not late,
        "The head of the answer came, the body did not, and fetch_all waits on: the time limit has "
        "to cover `response.text()` too.",
    )
    stage.require(
        task.result()[0].error == "timeout",
        f"A body that never ends is a timeout, not {task.result()[0]!r}.",
    )


@checks("Cancelling ends the requests and closes the session", orders=1)
async def cancelled(program, stage):
    site = await Site(stage, answer).start()
    with Sessions() as sessions:
        task = stage.start(program.fetch_all([site.url("/slow")] * 3, seconds=100))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait({task}, timeout=10)
    stage.require(
        task.done() and task.cancelled(),
        "fetch_all was cancelled and went on, or made a result of the cancellation.",
    )
    stage.require(not sessions.open, "After a cancellation the session was not closed.")
