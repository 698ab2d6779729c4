"""A web server with good pages, slow pages, broken pages and dropped connections.

    python server.py [--port PORT]

It prints its address once it listens and stops on SIGTERM or Ctrl-C.

    /            which event loop the server runs on
    /ok/N        a page of 1 KiB, at once
    /slow/N      the same page, after 30 seconds
    /broken/N    status 500
    /dropped/N   no answer: the connection is cut
"""

import argparse
import asyncio

from aiohttp import web

PAGE = b"0123456789abcdef" * 64
SLOW_SECONDS = 30.0


async def index(request: web.Request) -> web.Response:
    return web.Response(text=type(asyncio.get_running_loop()).__module__)


async def ok(request: web.Request) -> web.Response:
    return web.Response(body=PAGE)


async def slow(request: web.Request) -> web.Response:
    await asyncio.sleep(SLOW_SECONDS)
    return web.Response(body=PAGE)


async def broken(request: web.Request) -> web.Response:
    raise web.HTTPInternalServerError(text="broken on purpose")


async def dropped(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response(text="nobody reads this")


async def serve(port: int) -> None:
    """Serve on the loopback interface until the task is cancelled.

    Args:
        port: the port to listen on; 0 lets the system choose a free one.
    """
    app = web.Application()
    app.router.add_get("/", index)
    app.router.add_get("/ok/{number}", ok)
    app.router.add_get("/slow/{number}", slow)
    app.router.add_get("/broken/{number}", broken)
    app.router.add_get("/dropped/{number}", dropped)
    # A client that has given up takes its handler with it.
    runner = web.AppRunner(app, access_log=None, handle_signals=True, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        host, chosen_port = runner.addresses[0]
        print(f"http://{host}:{chosen_port}", flush=True)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A web server for the demonstration.")
    parser.add_argument("--port", type=int, default=0, help="0 (the default): any free port")
    try:
        asyncio.run(serve(parser.parse_args().port))
    except (web.GracefulExit, KeyboardInterrupt):
        pass
