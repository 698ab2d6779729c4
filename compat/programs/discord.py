"""A bot of discord.py, against a small Discord on this machine: HTTP and the gateway."""

import asyncio
import json
from typing import Any

import aiohttp
import discord
import discord.http
from aiohttp import web
from discord.ext import commands, tasks
from harness.given import Given

SELF = {"id": "1", "username": "bot", "discriminator": "0", "avatar": None, "bot": True}
SOMEBODY = {"id": "2", "username": "somebody", "discriminator": "0", "avatar": None}
SECONDS = 60.0


def main(given: Given) -> None:
    given.run(work(given))


async def work(given: Given) -> None:
    site = Discord(given.times(50, 10))
    runner = web.AppRunner(site.application())
    await runner.setup()
    try:
        tcp = web.TCPSite(runner, "127.0.0.1", 0)
        await tcp.start()
        site.address = f"127.0.0.1:{runner.addresses[0][1]}"
        discord.http.Route.BASE = f"http://{site.address}/api"
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = site.gateway
        bot = Bot(given)
        async with bot:
            async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as group:
                group.create_task(bot.start("a token"))
                await site.answered.wait()
                await bot.wait_until_ready()
                assert bot.ticks > 0
                await bot.close()
        given.did(f"a bot: {site.total} commands answered, a task loop, heartbeats")
    finally:
        await runner.cleanup()
    assert site.heartbeats > 0


class Bot(commands.Bot):
    """Answers ``!add`` in a direct message."""

    def __init__(self, given: Given) -> None:
        intents = discord.Intents.default()
        intents.message_content = True
        super().__init__("!", intents=intents, guild_ready_timeout=0.1)
        self._given = given
        self.ticks = 0
        self.add_command(commands.Command(add, name="add"))

    async def setup_hook(self) -> None:
        self._given.check_loop()
        self.tick.start()

    @tasks.loop(seconds=0.01)
    async def tick(self) -> None:
        self.ticks += 1

    async def close(self) -> None:
        self.tick.cancel()
        await super().close()


async def add(context: commands.Context, one: int, other: int) -> None:
    await context.send(str(one + other))


class Discord:
    """What a bot needs of Discord."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.address = ""
        self.answers: list[str] = []
        self.answered = asyncio.Event()
        self.heartbeats = 0

    @property
    def gateway(self) -> Any:
        return type(discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY)(
            f"ws://{self.address}/gateway"
        )

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/users/@me", self.me)
        app.router.add_get("/api/oauth2/applications/@me", self.about)
        app.router.add_get("/api/gateway/bot", self.where)
        app.router.add_post("/api/channels/10/messages", self.message)
        app.router.add_get("/gateway", self.serve_gateway)
        app.router.add_get("/gateway/", self.serve_gateway)
        return app

    async def me(self, request: web.Request) -> web.Response:
        return answer(SELF)

    async def about(self, request: web.Request) -> web.Response:
        return answer(
            {"id": "1", "name": "bot", "description": "", "bot_public": True}
            | {"bot_require_code_grant": False, "verify_key": "", "flags": 0, "icon": None}
            | {"owner": SOMEBODY, "team": None}
        )

    async def where(self, request: web.Request) -> web.Response:
        limits = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
        gateway = f"ws://{self.address}/gateway"
        return answer({"url": gateway, "shards": 1, "session_start_limit": limits})

    async def message(self, request: web.Request) -> web.Response:
        content = (await request.json())["content"]
        self.answers.append(content)
        if len(self.answers) == self.total:
            assert sorted(map(int, self.answers)) == list(range(1, self.total + 1)), self.answers
            self.answered.set()
        return answer(message_of(SELF, content, 1000 + len(self.answers)))

    async def serve_gateway(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 200}, "s": None, "t": None})
        async for message in socket:
            if message.type != aiohttp.WSMsgType.TEXT:
                break
            received = json.loads(message.data)
            if received["op"] == 1:
                self.heartbeats += 1
                await socket.send_json({"op": 11, "d": None, "s": None, "t": None})
            elif received["op"] == 2:
                await self.greet(socket)
        return socket

    async def greet(self, socket: web.WebSocketResponse) -> None:
        ready = {"v": 10, "user": SELF, "guilds": [], "session_id": "one", "shard": [0, 1]}
        ready |= {"application": {"id": "1", "flags": 0}, "private_channels": []}
        ready |= {"resume_gateway_url": f"ws://{self.address}/gateway"}
        await socket.send_json({"op": 0, "s": 1, "t": "READY", "d": ready})
        channel = {"id": "10", "type": 1, "recipients": [SOMEBODY], "last_message_id": None}
        await socket.send_json({"op": 0, "s": 2, "t": "CHANNEL_CREATE", "d": channel})
        for number in range(self.total):
            data = message_of(SOMEBODY, f"!add {number} 1", 100 + number)
            sent = {"op": 0, "s": 3 + number, "t": "MESSAGE_CREATE", "d": data}
            await socket.send_json(sent)


def answer(data: object) -> web.Response:
    # The client takes nothing else for JSON, not even with a character set.
    return web.Response(body=json.dumps(data).encode(), content_type="application/json")


def message_of(author: dict[str, Any], content: str, number: int) -> dict[str, Any]:
    return {
        "id": str(number),
        "channel_id": "10",
        "channel_type": 1,
        "author": author,
        "content": content,
        "timestamp": "2026-01-01T00:00:00+00:00",
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [],
        "pinned": False,
        "type": 0,
    }
