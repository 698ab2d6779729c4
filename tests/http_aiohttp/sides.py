"""Runs one program on aiohttp as it is, and natively; what it saw is compared."""

import asyncio
import gc
import re
import warnings
from dataclasses import dataclass, field

import aiohttp
import aioxide
from aioxide.http._aiohttp import sessions
from http_aiohttp.scripted import ScriptedServer

SIDES = ("plain", "session", "in_place")
NATIVE_SIDES = ("session", "in_place")


def session_class(side):
    """Return the class of sessions on a side, and put it in place."""
    sessions.uninstall()
    if side == "in_place":
        sessions.install()
    return sessions.ClientSession if side == "session" else aiohttp.ClientSession


def run(main):
    """Run a coroutine on an aioxide loop; what it leaves on the loop is a failure."""

    async def guarded():
        before = asyncio.all_tasks()
        result = await main
        for _ in range(5):
            await asyncio.sleep(0)
        left = asyncio.all_tasks() - before
        assert not left, f"tasks left: {left}"
        return result

    return aioxide.run(guarded())


@dataclass
class Outcome:
    """What a program saw, did to the server, and left."""

    result: object = None
    error: tuple = ()
    requests: list = field(default_factory=list)
    connections: int = 0
    warnings: list = field(default_factory=list)


def outcome_of(side, scenario):
    """Run a scenario on one side, on an aioxide loop."""
    Session = session_class(side)
    seen = Outcome()
    port = "0"

    def plain(text):
        text = re.sub(r"0x[0-9a-f]+", "0x…", str(text)).replace(port, "PORT")
        return re.sub(r"boundary=\w+", "boundary=…", text)

    async def main():
        nonlocal port
        server = await ScriptedServer(scenario.answers).start()
        port = str(server.port)
        try:
            async with Session(**scenario.options()) as session:
                try:
                    seen.result = await scenario.program(session, server)
                except (Exception, asyncio.CancelledError) as error:
                    seen.error = described(error, plain)
            for _ in range(3):
                await asyncio.sleep(0)
        finally:
            await server.close()
        seen.requests = [plain(request.decode("latin-1")) for request in server.requests]
        seen.connections = server.connections

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            run(main())
        finally:
            gc.collect()
            sessions.uninstall()
    seen.warnings = [(one.category.__name__, plain(one.message)) for one in caught]
    seen.result = without_port(seen.result, plain)
    return seen


def described(error, plain):
    """An exception as a tuple that can be compared: class, text, and the class of its cause."""
    cause = type(error.__cause__).__name__ if error.__cause__ is not None else None
    more = {
        name: plain(getattr(error, name))
        for name in ("status", "message", "headers", "host", "port", "errno", "request_info")
        if hasattr(error, name)
    }
    return type(error).__name__, plain(error), cause, more


def without_port(value, plain):
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, (list, tuple)):
        return type(value)(without_port(item, plain) for item in value)
    if isinstance(value, dict):
        return {key: without_port(item, plain) for key, item in value.items()}
    return value
