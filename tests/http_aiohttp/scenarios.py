"""Programs that are run on aiohttp as it is and natively, each with the answers that it gets.

The programs stand in the other modules of this folder.
"""

from http_aiohttp.scripted import json_response, response

SCENARIOS = {}


class Scenario:
    """A program, the server's answers, and the session's options."""

    def __init__(self, program, answers, options, differs):
        self.program = program
        self.answers = answers
        self.options = options
        #: What of the outcome is not the same, for the reason that stands beside it.
        self.differs = differs


def scenario(*answers, options=dict, differs=()):
    """Register a program: ``async def name(session, server)``."""

    def register(program):
        assert program.__name__ not in SCENARIOS
        SCENARIOS[program.__name__] = Scenario(program, answers, options, differs)
        return program

    return register


JSON = json_response(b'{"answer": [42, "\\u00e9"]}')
TEXT = response(b"hello", headers=[("Content-Type", "text/plain; charset=utf-8")])
LATIN = response(b'"h\xe9"', headers=[("Content-Type", "application/json; charset=latin-1")])
COOKIES = response(headers=[("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2; Path=/x")])


async def seen(response):
    """Everything of a response that can be compared."""
    return [
        response.status,
        response.reason,
        tuple(response.version),
        list(response.headers.items()),
        list(response.raw_headers),
        str(response.url),
        str(response.real_url),
        response.method,
        response.ok,
        response.host,
        response.content_type,
        response.charset,
        response.content_length,
        repr(response.content_disposition),
        sorted((name, morsel.OutputString()) for name, morsel in response.cookies.items()),
        [[one.status, str(one.url)] for one in response.history],
        list(response.request_info.headers.items()),
        response.request_info.method,
        str(response.request_info.url),
        str(response.request_info.real_url),
        repr(response),
        await response.read(),
        response.closed,
        response.connection is None,
    ]


async def pieces():
    for piece in (b"one", b"", b"three"):
        yield piece
