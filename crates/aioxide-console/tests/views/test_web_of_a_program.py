"""``aioxide top --web`` in Chromium, of a real program that ``aioxide --console`` runs."""

import os
import re
import subprocess
import sys
import textwrap
import urllib.error
import urllib.parse
import urllib.request

import pytest
from conftest import PROGRAM

api = pytest.importorskip("playwright.sync_api")

APP = """
    import asyncio, sys, time

    async def sleeper():
        try:
            await inner()
        except asyncio.CancelledError:
            print("cancelled", asyncio.current_task().get_name(), flush=True)
            raise

    async def inner():
        await asyncio.sleep(3600)

    async def waits(lock):
        async with lock:
            await asyncio.sleep(3600)

    async def read_commands():
        while line := await asyncio.to_thread(sys.stdin.readline):
            if line == "block\\n":
                until_the_next_line(sys.stdin)

    def until_the_next_line(stream):
        stream.readline()

    async def main():
        lock = asyncio.Lock()
        tasks = [
            asyncio.create_task(sleeper(), name="victim"),
            asyncio.create_task(waits(lock), name="holder"),
            asyncio.create_task(waits(lock), name="waiter"),
        ]
        await asyncio.sleep(0)
        print("ready", flush=True)
        await read_commands()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())
"""


class Program:
    """``app.py`` with its console, and ``top --web`` of it."""

    def __init__(self, folder):
        (folder / "app.py").write_text(textwrap.dedent(APP))
        environment = {
            **os.environ,
            "XDG_RUNTIME_DIR": str(folder),
            "PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "aioxide", "--console", "app.py"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout.readline() == "ready\n"
        self.server = subprocess.Popen(
            [sys.executable, "-m", "aioxide", "top", "--web", str(self.process.pid)],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.address = self.server.stdout.readline().strip()

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def close(self):
        self.server.terminate()
        self.server.communicate(timeout=10)
        if not self.process.stdin.closed:
            self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)


@pytest.fixture
def program(tmp_path):
    started = Program(tmp_path)
    yield started
    started.close()


@pytest.fixture
def view(page, program):
    page.goto(program.address)
    page.wait_for_selector("body[data-ready]")
    yield page
    # The server ends before the page does, which would ask it again.
    page.goto("about:blank")


def row(view, name):
    first = view.locator("td:first-child", has_text=re.compile(f"^{name} "))
    return view.locator("tr.task").filter(has=first)


def test_the_tasks_of_a_program_with_what_they_wait_for(view, screenshot):
    for name, coroutine, waits in (
        ("victim", "sleeper", "sleep"),
        ("holder", "waits", "sleep"),
        ("waiter", "waits", "lock"),
    ):
        api.expect(row(view, name)).to_contain_text(coroutine)
        api.expect(row(view, name)).to_contain_text(waits)
    screenshot(view)
    view.click("nav >> text=locks")
    api.expect(view.locator("#body")).to_contain_text("held by holder")
    view.click("nav >> text=tree")
    api.expect(row(view, "victim")).to_contain_text("sleeper")


def test_the_stack_of_a_task_and_its_cancellation(view, program, screenshot):
    row(view, "victim").click()
    details = view.locator("#details")
    api.expect(details).to_contain_text("inner")
    api.expect(details).to_contain_text("app.py:12")
    view.click("#details >> text=Cancel this task")
    view.click("dialog >> text=No")
    api.expect(row(view, "victim")).to_have_count(1)
    view.click("#details >> text=Cancel this task")
    view.click("dialog >> text=Cancel the task")
    assert program.process.stdout.readline() == "cancelled victim\n"
    api.expect(row(view, "victim")).to_have_count(0)
    screenshot(view)


def test_a_loop_that_is_blocked_is_told_while_it_is(view, program):
    program.say("block")
    alarm = view.locator("#processes .alarm")
    api.expect(alarm).to_contain_text("is blocked: a step of task Task-1", timeout=15_000)
    api.expect(row(view, "victim")).to_have_count(1)
    program.say("go on")
    api.expect(alarm).to_have_count(0, timeout=15_000)


def test_the_timeline_of_a_program(view, screenshot):
    view.click("nav >> text=timeline")
    frame = view.frame_locator("iframe")
    api.expect(frame.locator("#facts")).to_contain_text("4 tasks")
    screenshot(view)


@pytest.mark.parametrize("token", [None, "", "0" * 32])
@pytest.mark.parametrize("path", ["/", "/snapshot", "/cancel"])
def test_nothing_is_shown_or_cancelled_without_the_token(view, program, token, path):
    address = urllib.parse.urlsplit(program.address)
    snapshot = f"http://{address.netloc}/snapshot?{address.query}&limit=100"
    with urllib.request.urlopen(snapshot, timeout=10) as answer:
        assert b"victim" in answer.read()
    query = "" if token is None else f"token={token}"
    if path == "/cancel":
        query += f"&pid={program.process.pid}&task=2"
    request = urllib.request.Request(
        f"http://{address.netloc}{path}?{query}", method="POST" if path == "/cancel" else "GET"
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    assert refused.value.code == 403
    assert b"victim" not in refused.value.read()
    refused.value.close()
    api.expect(row(view, "victim")).to_have_count(1)


def test_a_program_that_ends_is_told(view, program):
    program.process.stdin.close()
    program.process.wait(20)
    api.expect(view.locator("#processes .alarm")).to_contain_text("there is no process")
