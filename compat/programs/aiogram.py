"""A bot of aiogram, against a small Bot API on this machine: polling, a webhook, states."""

import asyncio
from typing import Any

import aiohttp
from aiogram import Bot, Dispatcher, F
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.filters import Command, CommandStart
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import Message
from aiogram.webhook.aiohttp_server import SimpleRequestHandler, setup_application
from aiohttp import web
from harness.given import Given

TOKEN = "42:for-this-run-alone"
SECONDS = 60.0


class Asking(StatesGroup):
    name = State()


def main(given: Given) -> None:
    given.run(work(given))


async def work(given: Given) -> None:
    telegram = Telegram()
    runner = web.AppRunner(telegram.application())
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        session = AiohttpSession(api=TelegramAPIServer.from_base(address))
        async with Bot(TOKEN, session=session) as bot:
            await polled(given, telegram, bot)
            await called(given, telegram, bot)
    finally:
        await runner.cleanup()


def dispatcher(given: Given) -> Dispatcher:
    found = Dispatcher()

    @found.message(CommandStart())
    async def start(message: Message, state: FSMContext) -> None:
        given.check_loop()
        await state.set_state(Asking.name)
        await message.answer("Your name?")

    @found.message(Command("add"))
    async def add(message: Message) -> None:
        _, one, other = (message.text or "").split()
        await asyncio.sleep(0.001)
        await message.answer(str(int(one) + int(other)))

    @found.message(Asking.name, F.text)
    async def named(message: Message, state: FSMContext) -> None:
        await state.clear()
        await message.answer(f"Hello, {message.text}")

    return found


async def polled(given: Given, telegram: "Telegram", bot: Bot) -> None:
    total = given.times(100, 20)
    texts = ["/start", "Ada", *(f"/add {number} 1" for number in range(total))]
    expected = sorted(["Your name?", "Hello, Ada", *(str(number + 1) for number in range(total))])
    found = dispatcher(given)
    polling = asyncio.create_task(found.start_polling(bot, handle_signals=False))
    for text in texts:
        count = len(telegram.answers)
        await telegram.updates.put(telegram.update(text))
        if text in ("/start", "Ada"):  # the second depends on the first
            async with asyncio.timeout(SECONDS):
                while len(telegram.answers) == count:
                    await asyncio.sleep(0.001)
    async with asyncio.timeout(SECONDS):
        while len(telegram.answers) < len(texts):
            await asyncio.sleep(0.001)
    assert sorted(telegram.answers) == expected, telegram.answers
    await found.stop_polling()
    await polling
    given.did(f"long polling: {len(texts)} messages")


async def called(given: Given, telegram: "Telegram", bot: Bot) -> None:
    telegram.answers.clear()
    found = dispatcher(given)
    app = web.Application()
    SimpleRequestHandler(found, bot, handle_in_background=False).register(app, "/hook")
    setup_application(app, found, bot=bot)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        async with aiohttp.ClientSession() as session:
            for number in range(10):
                update = telegram.update(f"/add {number} 1")
                async with session.post(url, json=update) as response:
                    assert response.status == 200, await response.text()
        assert telegram.answers == [str(number + 1) for number in range(10)], telegram.answers
        given.did("a webhook")
    finally:
        await runner.cleanup()


class Telegram:
    """What a bot needs of the Bot API."""

    def __init__(self) -> None:
        self.updates: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.answers: list[str] = []
        self._number = 0

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_post(f"/bot{TOKEN}/{{method}}", self.call)
        return app

    def update(self, text: str) -> dict[str, Any]:
        self._number += 1
        return {"update_id": self._number, "message": self.message(text, self._number)}

    def message(self, text: str, number: int) -> dict[str, Any]:
        entity = {"type": "bot_command", "offset": 0, "length": len(text.split()[0])}
        return {
            "message_id": number,
            "date": 1,
            "chat": {"id": 7, "type": "private"},
            "from": {"id": 7, "is_bot": False, "first_name": "Ada"},
            "text": text,
            "entities": [entity] if text.startswith("/") else [],
        }

    async def call(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        sent = await request.post()
        if method == "getMe":
            result: Any = {"id": 42, "is_bot": True, "first_name": "bot", "username": "bot"}
        elif method == "getUpdates":
            result = await self.next_updates()
        elif method == "sendMessage":
            self.answers.append(str(sent["text"]))
            result = self.message(str(sent["text"]), 10_000 + len(self.answers))
        else:
            result = True
        return web.json_response({"ok": True, "result": result})

    async def next_updates(self) -> list[dict[str, Any]]:
        try:
            found = [await asyncio.wait_for(self.updates.get(), 0.5)]
        except TimeoutError:
            return []
        while not self.updates.empty():
            found.append(self.updates.get_nowait())
        return found
