"""URLs that are taken apart without yarl: the same request and the same ``response.url``."""

import asyncio
import contextlib
import os
import random

import aiohttp
import aioxide
import aioxide.http
import pytest
from yarl import URL

pytestmark = pytest.mark.skipif(
    os.environ.get("AIOXIDE_TEST_LOOPS") == "asyncio", reason="aioxide only"
)

PIECES = (
    *("a", "Z", "0", "-", "_", ".", "~", "/", "/", "/", "//", "/.", "/..", "/./", "/../", "?", "="),
    *("&", "+", "%", "%41", "%2f", "%2F", "%zz", "#", "#f", ":", "@", ";", ",", "!", "$", "'", "*"),
    *("(", ")", "[", "]", "|", "^", "`", "{", "}", "<", ">", '"', "\\", " ", "\t", "\n", "\0"),
    *("\u00e9", "\u20ac", "x=1", "a=b&c=d", "?q=1", "json/12"),
)


def states(function):
    """Call ``function(session, state)`` with a session that has sent nothing yet."""
    from aioxide.http._aiohttp.session_state import state_of

    async def main():
        async with aioxide.http.ClientSession() as session:
            return function(session, state_of(session))

    return aioxide.run(main())


def test_any_url_is_taken_apart_as_yarl_does():
    numbers = random.Random(1)

    def compare(session, state):
        taken = 0
        assert state.target(session, "http://host:8000/first") is not None
        assert state.target(session, "http://host:8000?x=/first") is not None
        for _ in range(20000):
            prefix = numbers.choice(("http://host:8000", "http://host:8000", "http://HOST:8000"))
            text = prefix + "/" + "".join(numbers.choices(PIECES, k=numbers.randrange(6)))
            target = state.target(session, text)
            try:
                url = URL(text)
            except ValueError:
                assert target is None, text
                continue
            if target is None:
                continue
            taken += target._real_url is None
            assert target.path == url.raw_path_qs.encode(), text
            assert target.real_url == url and str(target.real_url) == str(url), text
            assert target.url == url.with_fragment(None), text
            assert target.place.host == url.host_port_subcomponent, text
        return taken

    assert states(compare) > 1000


@pytest.mark.parametrize(
    "first",
    [
        "http://host?x=/first",
        "http://host#x/first",
        "http://user@host/first",
        "http://host\\@other/first",
        "http:///host/first",
    ],
)
def test_only_an_origin_is_known_by_its_text(first):
    def work(session, state):
        state.target(session, first)
        second = first.replace("/first", "/second")
        target = state.target(session, second)
        if target is not None:
            assert target.path == URL(second).raw_path_qs.encode()
        return state.prefixes

    assert states(work) == {}


def test_a_base_url_comes_first():
    async def main():
        async with aioxide.http.ClientSession("http://base/api/") as session:
            from aioxide.http._aiohttp.session_state import state_of

            state = state_of(session)
            assert state.target(session, "users").path == b"/api/users"
            assert state.target(session, "http://other/x").place.host == "other"
            assert state.target(session, "http://other/y").path == b"/y"

    aioxide.run(main())


def test_the_url_of_a_response():
    async def main():
        async def serve(reader, writer):
            with contextlib.suppress(asyncio.IncompleteReadError):
                while await reader.readuntil(b"\r\n\r\n"):
                    writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with aioxide.http.ClientSession() as session:
            for path in ("/a?b=c", "/d", "/e?f#g"):
                async with session.get(base + path) as response:
                    assert response.real_url == URL(base + path)
                    assert response.url == URL(base + path).with_fragment(None)
                    with pytest.raises(aiohttp.ClientResponseError) as caught:
                        response.raise_for_status()
                    assert caught.value.request_info.real_url == URL(base + path)
        server.close()

    aioxide.run(main())
