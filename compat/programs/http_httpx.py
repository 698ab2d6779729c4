"""An httpx client that knows nothing of aioxide, run under ``--http``.

`work` takes the module: httpx2 has the same interface.
"""

import asyncio
import hashlib
from types import ModuleType
from typing import Any

import httpx
from harness.given import Given

from programs.applications.http_api import Api

PATHS = (
    *("/json/1", "/text", "/gzip", "/status/204", "/status/404", "/status/500", "/head"),
    *("/redirect/3", "/redirect/50", "/cookie", "/head", "/stream/10"),
    *("/cut", "/drop", "/stall", "/never"),
)
#: Seconds for connecting, and for a read that nobody answers.
SECONDS = 30.0
READ_SECONDS = 0.2


def main(given: Given) -> None:
    given.run(work(given, httpx))


async def work(given: Given, library: ModuleType) -> None:
    """All of it, with httpx or httpx2."""
    api = Api()
    timeout = library.Timeout(SECONDS, read=READ_SECONDS)
    async with api.listening() as base:
        async with library.AsyncClient(
            base_url=base, timeout=timeout, follow_redirects=True
        ) as client:
            await answers(given, library, client)
            await bodies(given, library, client)
            await at_once(given, client)
            await cancelled(given, library, client, api)
            given.check_native_http()
        await with_limits(given, library, base)
        given.found("in a call", await of_one_call(library, base))
    async with (
        api.listening(given.server_tls()) as base,
        library.AsyncClient(
            base_url=base, timeout=timeout, follow_redirects=True, verify=given.client_tls()
        ) as client,
    ):
        await answers(given, library, client, " over TLS")
        given.check_native_http()
    async with library.AsyncClient(base_url=base) as client:
        given.found("after the end", await outcome(library, client, "GET", "/json/1"))
    given.did("closed cleanly")


async def answers(given: Given, library: ModuleType, client: Any, how: str = "") -> None:
    for path in PATHS:
        given.found(f"GET {path}{how}", await outcome(library, client, "GET", path))
    for method in ("HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"):
        given.found(f"{method}{how}", await outcome(library, client, method, "/head"))
    given.did(f"{len(PATHS)} answers, good and bad{how}")


async def outcome(library: ModuleType, client: Any, method: str, path: str, **options: Any) -> Any:
    """All that a program can see of a response; or the class of the exception."""
    try:
        response = await client.request(method, path, **options)
    except library.HTTPError as error:
        return f"{type(error).__qualname__}, {error.request.method} {error.request.url.path}"
    except library.InvalidURL as error:
        return type(error).__qualname__
    body = response.content
    return {
        "status": response.status_code,
        "reason": response.reason_phrase,
        "version": response.http_version,
        "headers": [list(pair) for pair in response.headers.multi_items()],
        "raw": [[name.decode(), value.decode()] for name, value in response.headers.raw],
        "url": response.url.path,
        "history": [it.status_code for it in response.history],
        "cookies": sorted(response.cookies),
        "encoding": response.encoding,
        "extensions": sorted(response.extensions),
        # With the head of our own request, where the page shows it.
        "body": body.decode("latin-1") if len(body) < 2000 else digest(body),
    }


def digest(body: bytes) -> str:
    return f"{len(body)} bytes, {hashlib.sha256(body).hexdigest()}"


async def bodies(given: Given, library: ModuleType, client: Any) -> None:
    async def pieces():
        for number in range(5):
            yield b"piece %d " % number

    for what, options in (
        ("json", {"json": {"a": [1, 2]}}),
        ("bytes", {"content": b"bytes"}),
        ("text", {"content": "Grüße"}),
        ("a form", {"data": {"a": "1", "b": "ü"}}),
        ("an iterator", {"content": pieces()}),
        ("parameters", {"params": {"q": "a b", "p": "ü"}}),
        ("headers", {"headers": {"X-Own": "Yes", "Accept": "text/plain"}}),
        ("authentication", {"auth": ("user", "pass")}),
    ):
        given.found(what, await outcome(library, client, "POST", "/echo", **options))
        if what != "an iterator":
            given.found(f"{what}: head", await outcome(library, client, "POST", "/head", **options))
    given.did("bodies of every kind")


async def at_once(given: Given, client: Any) -> None:
    total = given.times(500, 100)

    async def one(number: int) -> int:
        response = await client.get(f"/json/{number}", timeout=SECONDS)
        assert response.json()["number"] == number
        return number

    found = await asyncio.gather(*(one(number) for number in range(total)))
    assert found == list(range(total))
    given.did(f"{total} requests at once")


async def cancelled(given: Given, library: ModuleType, client: Any, api: Api) -> None:
    api.abandoned.clear()
    before = api.seen["/never"]
    task = asyncio.create_task(client.get("/never", timeout=SECONDS))
    while api.seen["/never"] == before:
        await asyncio.sleep(0.01)
    task.cancel()
    given.found("cancelled", type((await asyncio.gather(task, return_exceptions=True))[0]).__name__)
    await asyncio.wait_for(api.abandoned.wait(), 30)

    api.abandoned.clear()
    async with client.stream("GET", "/stream/100000") as response:
        async for piece in response.aiter_bytes():
            given.found("the first piece of many", piece[:1].hex())
            break
    await asyncio.wait_for(api.abandoned.wait(), 30)
    given.did("a request cancelled, a response closed early")


async def with_limits(given: Given, library: ModuleType, base: str) -> None:
    """One connection that is never answered: the next request has to wait for it."""
    limits = library.Limits(max_connections=1)
    timeout = library.Timeout(SECONDS, pool=0.1)
    async with library.AsyncClient(base_url=base, limits=limits, timeout=timeout) as client:
        waiting = asyncio.create_task(client.get("/never"))
        await asyncio.sleep(0.05)
        given.found("no place", await outcome(library, client, "GET", "/json/1"))
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        answer = await outcome(library, client, "GET", "/json/2")
        given.found("a place again", answer["status"])
    given.did("a limit of connections")


async def of_one_call(library: ModuleType, base: str) -> Any:
    """A client that is closed with its first response unread."""
    client = library.AsyncClient(base_url=base)
    request = client.build_request("GET", "/stream/1000")
    response = await client.send(request, stream=True)
    await client.aclose()
    try:
        await response.aread()
    except Exception as error:
        return type(error).__qualname__
    finally:
        await response.aclose()
    return "read"
