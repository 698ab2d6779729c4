"""An aiohttp application: made by a function, and as a script that runs it."""

import sys

from aiohttp import web

from programs.applications.place import busy, here


async def loop(request: web.Request) -> web.Response:
    return web.json_response(here())


async def keep_busy(request: web.Request) -> web.Response:
    return web.json_response(busy())


async def echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


def make(argv: list[str] | None = None) -> web.Application:
    """The application; ``python -m aiohttp.web`` hands over its command line."""
    app = web.Application()
    app.router.add_get("/loop", loop)
    app.router.add_get("/busy", keep_busy)
    app.router.add_post("/echo", echo)
    return app


async def make_later() -> web.Application:
    """The application, as gunicorn may be given it."""
    return make()


if __name__ == "__main__":
    web.run_app(make(), host="127.0.0.1", port=int(sys.argv[1]))
