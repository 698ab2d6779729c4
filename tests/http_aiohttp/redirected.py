"""Programs that are redirected, and what goes along: cookies and credentials."""

import aiohttp
from http_aiohttp.scenarios import TEXT, pieces, scenario, seen
from http_aiohttp.scripted import Silence, redirect, response


@scenario(redirect("/next"), redirect("last?x=1"), TEXT)
async def redirects(session, server):
    async with session.get(server.url + "/first#part") as response:
        return await seen(response)


@scenario(redirect("/next"), TEXT)
async def redirect_not_followed(session, server):
    async with session.get(server.url, allow_redirects=False) as response:
        return response.status, response.headers["Location"], str(response.url)


@scenario(redirect("/again"))
async def too_many_redirects(session, server):
    await session.get(server.url + "/again", max_redirects=3)


@scenario(redirect("/next"), [Silence])
async def total_timeout_behind_a_redirect(session, server):
    await session.get(server.url, timeout=aiohttp.ClientTimeout(total=0.05))


@scenario(redirect("/again"))
async def ten_redirects(session, server):
    await session.get(server.url)


@scenario(
    *[
        part
        for status in (b"301 M", b"302 F", b"303 S", b"307 T", b"308 P")
        for part in (redirect("/to", status), TEXT)
    ]
)
async def redirected_post(session, server):
    for _ in range(5):
        async with session.post(server.url, data=b"body") as response:
            await response.read()


@scenario(redirect("/to", b"307 T"), TEXT)
async def redirected_json(session, server):
    async with session.post(server.url, json={"a": 1}, headers={"X": "y"}) as response:
        return await response.read(), list(response.request_info.headers.items())


@scenario(redirect("/to", b"307 T"), TEXT)
async def redirected_generator(session, server):
    await session.post(server.url, data=pieces())


@scenario(redirect("/to", b"303 See Other"), response())
async def redirected_head(session, server):
    async with session.head(server.url, allow_redirects=True) as response:
        return response.method


@scenario(response(b"here", status=b"302 Found"))
async def redirect_to_nowhere(session, server):
    async with session.get(server.url) as response:
        return response.status, await response.read(), len(response.history)


@scenario(redirect("ftp://x.y/"))
async def redirect_to_another_scheme(session, server):
    await session.get(server.url)


@scenario(redirect("http://"))
async def redirect_to_no_host(session, server):
    await session.get(server.url)


@scenario(redirect("http://[::1"))
async def redirect_to_no_url(session, server):
    await session.get(server.url)


@scenario(redirect("/to", headers=[("Set-Cookie", "a=1")]), TEXT)
async def redirect_with_cookie(session, server):
    async with session.get(server.url.replace("127.0.0.1", "localhost")) as response:
        return await seen(response)


@scenario(lambda head: redirect("http://localhost:" + host_port(head) + "/to"), TEXT)
async def redirect_to_another_origin(session, server):
    async with session.get(
        server.url,
        headers={"Authorization": "secret", "Cookie": "a=b", "X-Other": "kept"},
        cookies={"own": "1"},
    ) as response:
        return await response.read()


def host_port(head):
    return head.split(b"Host: ", 1)[1].split(b"\r\n", 1)[0].split(b":")[1].decode()


@scenario(
    response(b"", headers=[("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2; Path=/x")]), TEXT
)
async def cookies_are_kept(session, server):
    url = server.url.replace("127.0.0.1", "localhost")
    for path in ("/", "/", "/x/y"):
        async with session.get(url + path) as response:
            await response.read()
    return sorted((cookie.key, cookie.value) for cookie in session.cookie_jar)


@scenario(response(b"", headers=[("Set-Cookie", "a=1")]), TEXT)
async def cookies_of_addresses_are_not_kept(session, server):
    for _ in range(2):
        async with session.get(server.url) as response:
            await response.read()
    return len(session.cookie_jar)


@scenario(
    response(b"", headers=[("Set-Cookie", "a=1")]),
    TEXT,
    options=lambda: {"cookie_jar": aiohttp.CookieJar(unsafe=True)},
)
async def cookies_of_addresses(session, server):
    for _ in range(2):
        async with session.get(server.url) as response:
            await response.read()


@scenario(
    response(b"", headers=[("Set-Cookie", "a=1")]),
    TEXT,
    options=lambda: {"cookie_jar": aiohttp.DummyCookieJar(), "cookies": {"own": "1"}},
)
async def no_cookies(session, server):
    for _ in range(2):
        async with session.get(server.url) as response:
            return sorted(response.cookies)


@scenario(TEXT, options=lambda: {"cookies": {"s": "1", "q": '"quoted"'}})
async def cookies_of_the_session(session, server):
    url = server.url.replace("127.0.0.1", "localhost")
    async with session.get(url) as response:
        await response.read()
    async with session.post(url, json=[1], headers={"Cookie": "h=2; s=0", "X": "y"}) as response:
        return list(response.request_info.headers.items())


@scenario(TEXT, options=lambda: {"headers": {"Content-Encoding": "gzip", "Expect": ""}})
async def unusual_headers_of_the_session(session, server):
    async with session.post(server.url, data=b"zipped") as response:
        await response.read()
    async with session.get(server.url) as response:
        await response.read()


@scenario(TEXT, options=lambda: {"cookies": {"s": "1"}})
async def cookies_of_session_and_request(session, server):
    url = server.url.replace("127.0.0.1", "localhost")
    async with session.get(url, cookies={"r": "2", "s": "3"}) as response:
        await response.read()
    async with session.get(url, headers={"Cookie": "h=1"}) as response:
        await response.read()


@scenario(TEXT)
async def auth(session, server):
    async with session.get(server.url, auth=aiohttp.BasicAuth("me", "pw")) as response:
        await response.read()
    async with session.get(server.url.replace("//", "//user:secret@")) as response:
        return str(response.url), str(response.real_url)


@scenario(TEXT)
async def auth_twice(session, server):
    await session.get(
        server.url, auth=aiohttp.BasicAuth("me", "pw"), headers={"Authorization": "x"}
    )


@scenario(TEXT)
async def auth_of_the_wrong_type(session, server):
    await session.get(server.url, auth=("me", "pw"))


@scenario(TEXT, options=lambda: {"auth": aiohttp.BasicAuth("me", "pw")})
async def auth_of_the_session(session, server):
    async with session.get(server.url) as response:
        await response.read()
