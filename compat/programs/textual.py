"""Terminal programs: Textual with a pilot, and prompt_toolkit at the end of a pipe."""

import asyncio

from harness.given import Given
from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application, create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.layout import FormattedTextControl, Layout, Window
from prompt_toolkit.output import DummyOutput
from prompt_toolkit.patch_stdout import patch_stdout
from textual.app import App, ComposeResult
from textual.widgets import Button, Input, Label


def main(given: Given) -> None:
    given.run(piloted(given))
    given.did("Textual: keys, clicks, a worker, a timer")
    started_by_itself(given)
    given.did("Textual's App.run()")
    given.run(prompted(given))
    given.did("prompt_toolkit: prompts, a background task, an application")
    prompted_without_a_loop(given)
    given.did("prompt_toolkit's prompt() outside of a loop")


class Form(App[str]):
    """A form whose button hands over what was typed, changed in a thread and after a while."""

    def __init__(self, given: Given) -> None:
        super().__init__()
        self._given = given
        self.ticks = 0

    def compose(self) -> ComposeResult:
        yield Input(id="name")
        yield Button("Done", id="done")
        yield Label("", id="answer")

    def on_mount(self) -> None:
        self._given.check_loop()
        self.set_interval(0.01, self.tick)

    def tick(self) -> None:
        self.ticks += 1

    def on_button_pressed(self) -> None:
        self.run_worker(self.answer())

    async def answer(self) -> None:
        typed = self.query_one("#name", Input).value
        shouted = await asyncio.to_thread(typed.upper)
        while self.ticks < 3:
            await asyncio.sleep(0.01)
        self.query_one("#answer", Label).update(shouted)
        self.exit(shouted)


async def piloted(given: Given) -> None:
    app = Form(given)
    async with app.run_test() as pilot:
        await pilot.click("#name")
        await pilot.press(*"hello")
        await pilot.click("#done")
        async with asyncio.timeout(30):
            while app.return_value is None:
                await pilot.pause(0.01)
    assert app.return_value == "HELLO", app.return_value


def started_by_itself(given: Given) -> None:
    class Short(App[int]):
        def on_mount(self) -> None:
            given.check_loop()
            self.set_timer(0.05, lambda: self.exit(42))

    assert Short().run(headless=True) == 42


async def prompted(given: Given) -> None:
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        session: PromptSession[str] = PromptSession()
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.001)
                ticks += 1

        ticking = asyncio.create_task(tick())
        with patch_stdout():
            for text in ("one", "two"):
                asyncio.get_running_loop().call_later(0.05, pipe.send_text, f"{text}\r")
                assert await session.prompt_async("> ") == text
        ticking.cancel()
        assert ticks > 0
        keys = KeyBindings()
        keys.add("q")(lambda event: event.app.exit(result=given.check_loop()))
        window = Window(FormattedTextControl("press q"))
        app: Application[None] = Application(Layout(window), key_bindings=keys)
        asyncio.get_running_loop().call_later(0.05, pipe.send_text, "q")
        await app.run_async()


def prompted_without_a_loop(given: Given) -> None:
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text("typed\r")
        session: PromptSession[str] = PromptSession()
        assert session.prompt("> ", pre_run=given.check_loop) == "typed"
