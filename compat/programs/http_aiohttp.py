"""An aiohttp client that knows nothing of aioxide, run under ``--http``."""

import asyncio
import hashlib
from typing import Any

import aiohttp
from harness.given import Given

from programs.applications.http_api import Api

PATHS = (
    *("/json/1", "/text", "/gzip", "/status/204", "/status/404", "/status/500", "/head"),
    *("/redirect/3", "/redirect/50", "/cookie", "/head", "/stream/10"),
    *("/cut", "/drop", "/stall", "/never"),
)
TIMEOUT = aiohttp.ClientTimeout(total=30, sock_read=0.2)


def main(given: Given) -> None:
    given.run(work(given))


async def work(given: Given) -> None:
    api = Api()
    async with api.listening() as base:
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(base, cookie_jar=jar, timeout=TIMEOUT) as session:
            for path in PATHS:
                given.found(f"GET {path}", await outcome(session, "GET", path))
            for method in ("HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"):
                given.found(method, await outcome(session, method, "/head"))
            given.did(f"{len(PATHS)} answers, good and bad")
            await bodies(given, session)
            await at_once(given, session, api)
            await cancelled(given, session, api)
            given.check_native_http()
        await with_traces(given, base)
        await with_limits(given, base)
    async with (
        api.listening(given.server_tls()) as base,
        aiohttp.ClientSession(
            base, connector=aiohttp.TCPConnector(ssl=given.client_tls()), timeout=TIMEOUT
        ) as session,
    ):
        for path in PATHS:
            given.found(f"GET {path} over TLS", await outcome(session, "GET", path))
        given.found("at last, over TLS", await outcome(session, "GET", "/json/1"))
        given.check_native_http()
    given.did("the same over TLS")
    async with aiohttp.ClientSession(base) as session:
        given.found("after the end", await outcome(session, "GET", "/json/1"))
    given.did("closed cleanly")


async def outcome(session: aiohttp.ClientSession, method: str, path: str, **options: Any) -> Any:
    """All that a program can see of a response; or the class of the exception."""
    try:
        async with session.request(method, path, **options) as response:
            body = await response.read()
            return {
                "status": response.status,
                "reason": response.reason,
                "version": list(response.version or ()),
                "headers": [list(pair) for pair in response.headers.items()],
                "raw": [[name.decode(), value.decode()] for name, value in response.raw_headers],
                "url": response.url.path,
                "history": [it.status for it in response.history],
                "cookies": sorted(response.cookies),
                "encoding": response.get_encoding(),
                "type": response.content_type,
                # With the head of our own request, where the page shows it.
                "body": body.decode("latin-1") if len(body) < 2000 else digest(body),
            }
    except (aiohttp.ClientError, TimeoutError) as error:
        return f"{type(error).__module__}.{type(error).__qualname__}"


def digest(body: bytes) -> str:
    return f"{len(body)} bytes, {hashlib.sha256(body).hexdigest()}"


async def bodies(given: Given, session: aiohttp.ClientSession) -> None:
    async def pieces():
        for number in range(5):
            yield b"piece %d " % number

    form = aiohttp.FormData()
    form.add_field("name", "value")
    for what, options in (
        ("json", {"json": {"a": [1, 2]}}),
        ("bytes", {"data": b"bytes"}),
        ("text", {"data": "Grüße"}),
        ("a form", {"data": {"a": "1", "b": "ü"}}),
        ("an iterator", {"data": pieces()}),
        ("parameters", {"params": {"q": "a b", "p": "ü"}}),
        ("headers", {"headers": {"X-Own": "Yes", "Accept": "text/plain"}}),
        (
            "authentication",
            {"headers": {"Authorization": aiohttp.encode_basic_auth("user", "pass")}},
        ),
        ("compressed", {"data": b"hello" * 100, "compress": "deflate"}),
        ("expect", {"data": b"hello", "headers": {"x": "y"}}),
    ):
        given.found(what, await outcome(session, "POST", "/echo", **options))
        if what != "an iterator":
            given.found(f"{what}: head", await outcome(session, "POST", "/head", **options))
    given.did("bodies of every kind")


async def at_once(given: Given, session: aiohttp.ClientSession, api: Api) -> None:
    total = given.times(1000, 200)
    order: list[int] = []

    async def one(number: int) -> None:
        async with session.get(f"/json/{number}", timeout=aiohttp.ClientTimeout(60)) as response:
            assert (await response.json())["number"] == number
        order.append(number)

    before = api.accepted
    async with asyncio.TaskGroup() as group:
        for number in range(total):
            group.create_task(one(number))
    assert sorted(order) == list(range(total))
    # The default limit of the connector, at most.
    assert api.accepted - before <= 100, api.accepted - before
    given.did(f"{total} requests at once")


async def cancelled(given: Given, session: aiohttp.ClientSession, api: Api) -> None:
    api.abandoned.clear()
    task = asyncio.create_task(outcome(session, "GET", "/never", timeout=aiohttp.ClientTimeout(30)))
    while not api.seen["/never"]:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    task.cancel()
    given.found("cancelled", type((await asyncio.gather(task, return_exceptions=True))[0]).__name__)
    await asyncio.wait_for(api.abandoned.wait(), 30)
    given.did("a request cancelled")


async def with_traces(given: Given, base: str) -> None:
    told: list[str] = []
    traces = aiohttp.TraceConfig()

    def teller(name: str):
        async def tell(session: object, context: object, parameters: object) -> None:
            told.append(name)

        return tell

    for name in (
        *("on_request_start", "on_request_end", "on_request_exception", "on_request_redirect"),
        *("on_connection_create_start", "on_connection_create_end", "on_connection_reuseconn"),
        *("on_request_headers_sent", "on_request_chunk_sent", "on_response_chunk_received"),
    ):
        getattr(traces, name).append(teller(name))
    async with aiohttp.ClientSession(base, trace_configs=[traces], timeout=TIMEOUT) as session:
        for path in ("/json/1", "/json/2", "/redirect/1", "/drop", "/stream/2"):
            await outcome(session, "GET", path)
            given.found(f"traces of {path}", told.copy())
            told.clear()
    given.did("traces")


async def with_limits(given: Given, base: str) -> None:
    """At most two connections, whoever is cancelled meanwhile."""
    api_seen = []
    connector = aiohttp.TCPConnector(limit=2)
    async with aiohttp.ClientSession(base, connector=connector) as session:
        tasks = [asyncio.create_task(outcome(session, "GET", f"/json/{n}")) for n in range(20)]
        await asyncio.sleep(0)
        for task in tasks[5:10]:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            api_seen.append(type(result).__name__)
    given.found("limits", api_seen)
    given.did("a limit of connections")
