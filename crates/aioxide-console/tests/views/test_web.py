"""``top --web`` in Chromium: tasks, loops, locks, findings, stacks, cancelling, the timeline."""

import http.client
import subprocess
import urllib.parse

import pytest
from conftest import PROGRAM, TARGET

api = pytest.importorskip("playwright.sync_api")


class Watched:
    """A pretended process with a console, and ``top --web`` of it."""

    def __init__(self, folder, *kind):
        environment = {"XDG_RUNTIME_DIR": str(folder), "PATH": ""}
        self.process = subprocess.Popen(
            [TARGET / "debug" / "examples" / "watched", folder, *kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = int(self.process.stdout.readline())
        self.server = subprocess.Popen(
            [PROGRAM, "top", "--web", str(self.pid)],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.address = self.server.stdout.readline().strip()

    def end_process(self):
        self.process.stdin.close()
        self.process.wait(10)

    def close(self):
        self.server.terminate()
        self.server.wait(10)
        self.server.stdout.close()
        if self.process.poll() is None:
            self.end_process()
        self.process.stdout.close()


@pytest.fixture
def watched(tmp_path, page):
    made = []

    def start(*kind):
        made.append(Watched(tmp_path, *kind))
        return made[-1]

    yield start
    # The servers end before the page does, which would ask them again.
    page.goto("about:blank")
    for each in made:
        each.close()


def open_view(page, watched):
    page.goto(watched.address)
    page.wait_for_selector("body[data-ready]")


def test_the_table_sorts_and_filters(page, watched, screenshot):
    open_view(page, watched())
    names = page.locator("tr.task td:first-child")
    api.expect(names).to_have_count(6)
    api.expect(names.first).to_have_text("cleaner serve")
    api.expect(page.locator("#body")).to_contain_text("1.50 s lock till (shop.py:4)")
    screenshot(page)
    page.click("th[data-sort=steps]")
    api.expect(names.first).to_have_text("driver serve")
    page.click("th[data-sort=steps]")
    api.expect(names.first).to_have_text("main serve")
    page.fill("#filter", "guard")
    api.expect(names).to_have_count(1)


def test_tree_loops_locks_and_findings(page, watched):
    open_view(page, watched())
    page.click("nav >> text=tree")
    row = page.locator("tr.task td:first-child", has_text="cashier")
    api.expect(row).to_have_css("padding-left", "24px")
    page.click("nav >> text=loops")
    api.expect(page.locator("#body")).to_contain_text("baker shop.py:30 for 1.00 µs")
    longest = "250 ms night shift (clean, shop.py:40)"
    api.expect(page.locator("#body")).to_contain_text(longest)
    page.click("nav >> text=locks")
    api.expect(page.locator("#body")).to_contain_text("till")
    api.expect(page.locator("#body")).to_contain_text("cashier")
    page.click("nav >> text=findings")
    api.expect(page.locator("#body")).to_contain_text("cleaner held the loop for 250 ms")


def test_a_click_shows_the_stack_and_cancels_after_asking(page, watched, screenshot):
    view = watched()
    open_view(page, view)
    page.click("tr.task >> text=cashier")
    api.expect(page.locator("#details")).to_contain_text("Till.open — shop.py:31")
    page.click("#details >> text=Cancel this task")
    screenshot(page)
    page.click("dialog >> text=No")
    page.click("#details >> text=Cancel this task")
    page.click("dialog >> text=Cancel the task")
    api.expect(page.locator("#details")).to_contain_text("cancel requested")
    assert view.process.stdout.readline() == "cancelled 2\n"


def test_the_timeline_is_what_the_process_has_recorded(page, watched, screenshot):
    open_view(page, watched())
    page.click("nav >> text=timeline")
    frame = page.frame_locator("iframe")
    api.expect(frame.locator("#facts")).to_contain_text("1 tasks, 5 events")
    screenshot(page)


def test_a_process_that_ends_is_told(page, watched):
    view = watched()
    open_view(page, view)
    view.end_process()
    api.expect(page.locator("#processes .alarm")).to_contain_text("there is no process")


def test_names_that_are_markup_are_text(page, watched):
    open_view(page, watched("hostile"))
    for tab in ("tree", "loops", "locks", "findings", "tasks"):
        page.click(f"nav >> text={tab}")
        api.expect(page.locator("body")).to_contain_text(
            "<img src=x onerror=alert(1)>\\u{1b}[31m\\u{202e}"
        )
        assert page.locator("img").count() == 0


@pytest.mark.parametrize(
    "path", ["/", "/snapshot", "/stack?pid=1&task=1", "/timeline?pid=1", "/cancel?pid=1&task=1"]
)
def test_nothing_is_answered_without_the_token(watched, path):
    address = urllib.parse.urlsplit(watched().address)
    token = urllib.parse.parse_qs(address.query)["token"][0]
    assert len(token) == 32
    joined = path + ("&" if "?" in path else "?")
    for query, host in (
        ("", None),
        ("token=" + "0" * 32, None),
        (f"token={token}", "evil.example:80"),
    ):
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
        connection.putrequest(
            "POST" if "cancel" in path else "GET", joined + query, skip_host=host is not None
        )
        if host:
            connection.putheader("Host", host)
        connection.endheaders()
        assert connection.getresponse().status == 403
        connection.close()


def test_a_port_that_is_taken_is_named(watched):
    port = urllib.parse.urlsplit(watched().address).port
    done = subprocess.run(
        [PROGRAM, "top", "--web", "--port", str(port)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr
