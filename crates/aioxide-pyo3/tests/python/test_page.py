"""The programs of docs/rust/python_extensions.md do what the page says, on every loop."""

import asyncio
import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[4]
PROGRAMS = Path(__file__).parents[1] / "probe" / "src" / "page"


def test_the_programs_are_those_of_the_page():
    page = (CHECKOUT / "docs" / "rust" / "python_extensions.md").read_text()
    printed = re.findall(r"^```rust\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    names = ["greet", "ask", "measure", "node"]
    assert printed == [(PROGRAMS / f"{name}.rs").read_text() for name in names]


def test_the_readme_has_the_first_program():
    readme = (CHECKOUT / "crates" / "aioxide-pyo3" / "README.md").read_text()
    assert (PROGRAMS / "greet.rs").read_text() in readme


def test_greet(probe, run):
    async def main():
        greeting = probe.page.first.greeting
        assert await greeting.greet("ada") == "hello, ada"
        assert await greeting.greet("bob", milliseconds=0) == "hello, bob"

    run(main)


def test_ask(probe, run):
    async def answer(question):
        await asyncio.sleep(0)
        return f"{question} 42"

    async def main():
        ask = probe.page.second.ask
        assert await ask(answer, "what?") == len("what? 42")
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_result, "later")
        assert await ask(lambda question: future, "what?") == len("later")

    run(main)


def test_measure(probe, run):
    async def main():
        assert 5 <= await probe.page.third.measure(5) < 60_000

    run(main)


def test_node(probe, run):
    async def main():
        node = probe.page.fourth.Node()
        node.task = asyncio.create_task(node.wait())
        await asyncio.sleep(0)
        assert not node.task.done()
        node.task.cancel()
        await asyncio.wait([node.task])
        assert node.task.cancelled()

    run(main)
