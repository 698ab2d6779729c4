"""Programs whose requests are traced: what each signal said, and in which order."""

import aiohttp
from http_aiohttp.scenarios import TEXT, pieces, scenario
from http_aiohttp.scripted import Close, chunked, redirect, response

SIGNALS = (
    "request_start",
    "request_end",
    "request_exception",
    "request_redirect",
    "request_chunk_sent",
    "request_headers_sent",
    "response_chunk_received",
    "connection_queued_start",
    "connection_queued_end",
    "connection_create_start",
    "connection_create_end",
    "connection_reuseconn",
    "dns_resolvehost_start",
    "dns_resolvehost_end",
    "dns_cache_hit",
    "dns_cache_miss",
)


def recorder(*names):
    """A trace config that keeps what it is told, in ``seen``."""
    config = aiohttp.TraceConfig()
    config.seen = []

    def listener(name):
        async def told(session, context, params):
            said = {
                key: str(getattr(params, key))
                for key in ("method", "url", "chunk", "host", "headers")
                if hasattr(params, key)
            }
            if hasattr(params, "response"):
                said["status"] = params.response.status
            if hasattr(params, "exception"):
                said["exception"] = type(params.exception).__name__
            config.seen.append((name, said, context.trace_request_ctx))

        return told

    for name in names or SIGNALS:
        getattr(config, f"on_{name}").append(listener(name))
    return config


def traced(*names):
    return lambda: {"trace_configs": [recorder(*names)]}


@scenario(TEXT, options=traced())
async def traced_get(session, server):
    for _ in range(2):
        async with session.get(server.url + "/a#b", params={"q": "1"}) as response:
            await response.read()
    return session.trace_configs[0].seen


@scenario(TEXT, options=traced("request_start", "request_end", "request_exception"))
async def traced_begin_and_end(session, server):
    for _ in range(2):
        async with session.get(server.url, trace_request_ctx={"own": 1}) as response:
            await response.read()
    return session.trace_configs[0].seen


@scenario(
    TEXT,
    options=lambda: {
        "trace_configs": [recorder()],
        "connector": aiohttp.TCPConnector(force_close=True),
    },
)
async def traced_name(session, server):
    for _ in range(2):
        async with session.get(f"http://localhost:{server.port}/") as response:
            await response.read()
    return session.trace_configs[0].seen


@scenario(TEXT, options=traced())
async def traced_post(session, server):
    async with session.post(server.url, json={"a": 1}) as response:
        await response.text()
    async with session.post(server.url, data=pieces()) as response:
        await response.read()
    async with session.post(server.url, data=b"xyz" * 100, compress=True) as response:
        await response.read()
    return session.trace_configs[0].seen


BEGIN_AND_END = traced("request_start", "request_end", "request_exception")


@scenario(redirect("/next"), TEXT, options=BEGIN_AND_END)
async def begin_and_end_of_a_redirect(session, server):
    async with session.post(server.url, json=[1], headers={"X": "y"}) as response:
        return await response.text(), session.trace_configs[0].seen


@scenario(Close, options=BEGIN_AND_END)
async def begin_and_end_of_a_failure(session, server):
    try:
        await session.get(server.url, params={"a": "b"})
    except aiohttp.ClientError as error:
        return session.trace_configs[0].seen, type(error).__name__


@scenario(response(status=b"500 Oh"), options=BEGIN_AND_END)
async def begin_and_end_of_a_refusal(session, server):
    try:
        await session.post(server.url, data=b"x", raise_for_status=True)
    except aiohttp.ClientError as error:
        return session.trace_configs[0].seen, str(error)


@scenario(TEXT, options=BEGIN_AND_END)
async def begin_and_end_with_unusual_headers(session, server):
    async with session.post(
        server.url, data=b"12345", headers={"Content-Length": "5"}, params={"a": "1"}
    ) as response:
        return await response.text(), session.trace_configs[0].seen


@scenario(redirect("/next"), TEXT, options=traced())
async def traced_redirect(session, server):
    async with session.get(server.url) as response:
        await response.read()
    return session.trace_configs[0].seen


@scenario(response(status=b"500 Oh"), options=traced())
async def traced_status(session, server):
    try:
        await session.get(server.url, raise_for_status=True)
    except aiohttp.ClientResponseError:
        return session.trace_configs[0].seen


@scenario(Close, options=traced())
async def traced_failure(session, server):
    try:
        await session.get(server.url)
    except aiohttp.ClientError as error:
        return session.trace_configs[0].seen, type(error).__name__


@scenario(TEXT, options=traced())
async def traced_refusal(session, server):
    try:
        await session.get("http://127.0.0.1:1/")
    except aiohttp.ClientError as error:
        return session.trace_configs[0].seen, type(error).__name__


@scenario(chunked(b"one", b"two"), options=traced("response_chunk_received"))
async def traced_stream(session, server):
    async with session.get(server.url) as response:
        pieces = [piece async for piece in response.content.iter_any()]
        return b"".join(pieces), session.trace_configs[0].seen


@scenario(
    TEXT,
    options=lambda: {"cookies": {"s": "1"}, "headers": {"Host": "own"}, **BEGIN_AND_END()},
)
async def begin_and_end_with_cookies(session, server):
    url = server.url.replace("127.0.0.1", "localhost")
    async with session.get(url, headers={"Cookie": "a=b"}) as response:
        return await response.text(), session.trace_configs[0].seen


def adds_headers():
    config = aiohttp.TraceConfig()

    async def start(session, context, params):
        params.headers["Traceparent"] = "00-1"

    config.on_request_start.append(start)
    return config


@scenario(TEXT, options=lambda: {"trace_configs": [adds_headers()]})
async def trace_that_adds_a_header(session, server):
    async with session.get(server.url, headers={"X": "1"}) as response:
        return await response.read()


def fails():
    config = aiohttp.TraceConfig()

    async def start(session, context, params):
        raise ValueError("no trace")

    config.on_request_start.append(start)
    return config


@scenario(TEXT, options=lambda: {"trace_configs": [recorder(), fails()]})
async def trace_that_fails(session, server):
    try:
        await session.get(server.url)
    except ValueError as error:
        return session.trace_configs[0].seen, str(error)
