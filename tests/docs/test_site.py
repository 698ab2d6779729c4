"""Is the built site whole, and can it be used in a browser, wide and narrow?

``make test-docs`` builds the site and names its folder in ``AIOXIDE_DOCS`` and the browser in
``CHROMIUM``; without them these tests are left out. The browser is driven, and the site served,
on aioxide's loop.
"""

import asyncio
import contextlib
import html.parser
import os
import pathlib
import urllib.parse

import aioxide
import pytest

if not os.environ.get("AIOXIDE_DOCS"):
    pytest.skip("`make test-docs` builds the site", allow_module_level=True)
SITE = pathlib.Path(os.environ["AIOXIDE_DOCS"])
web = pytest.importorskip("aiohttp.web")
playwright_api = pytest.importorskip("playwright.async_api")

# A browser takes its time to start on a busy machine.
pytestmark = pytest.mark.timeout(120)

PAGES = ("index.html", "guide/queues.html", "benchmarks.html")
WIDTHS = (1280, 390)


@pytest.fixture
def descriptors_stay_constant():
    """The browser is there for the whole module; its connections come and go."""


class _Links(html.parser.HTMLParser):
    """What a page links to, and the anchors that it has."""

    def __init__(self):
        super().__init__()
        self.targets, self.loaded, self.anchors = [], [], {""}

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id":
                self.anchors.add(value)
            elif name == "src" or (name == "href" and tag == "link"):
                self.loaded.append(value)
            elif name == "href":
                self.targets.append(value)


def read_pages():
    pages = {}
    for path in SITE.rglob("*.html"):
        if "_static" not in path.parts:
            pages[path] = _Links()
            pages[path].feed(path.read_text())
    return pages


def test_nothing_is_loaded_from_elsewhere():
    for page, links in read_pages().items():
        elsewhere = [each for each in links.loaded if urllib.parse.urlsplit(each).netloc]
        assert not elsewhere, page


def test_every_link_within_the_site_leads_somewhere():
    pages = read_pages()
    broken = []
    for page, links in pages.items():
        for target in links.targets + links.loaded:
            parts = urllib.parse.urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            path = (page.parent / urllib.parse.unquote(parts.path)).resolve()
            if not parts.path:
                path = page
            anchor = urllib.parse.unquote(parts.fragment)
            if not path.is_file() or (path in pages and anchor not in pages[path].anchors):
                broken.append(f"{page.relative_to(SITE)}: {target}")
    assert len(pages) > 30
    assert not broken


async def serve():
    """Serve the site at a port of the loopback interface; return the server and its address."""
    application = web.Application()
    application.router.add_static("/", SITE)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, "http://127.0.0.1:{}/".format(*runner.addresses[0][1:])


@contextlib.asynccontextmanager
async def opened(browser, address, width):
    """A page of the site at a width; that something failed in it is an error at the end."""
    failures = []
    page = await browser.new_page(viewport={"width": width, "height": 900}, color_scheme="light")
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("console", lambda message: message.type == "error" and failures.append(message.text))
    page.on("requestfailed", lambda request: failures.append(request.url))
    await page.goto(address)
    yield page
    await page.close()
    assert not failures


@pytest.fixture(scope="module")
def session():
    """A runner of aioxide's loop, a browser that runs on it, and the address of the site."""
    with aioxide.Runner() as runner:
        stack = contextlib.AsyncExitStack()

        async def begin():
            server, address = await serve()
            stack.push_async_callback(server.cleanup)
            playwright = await stack.enter_async_context(playwright_api.async_playwright())
            browser = await playwright.chromium.launch(executable_path=os.environ["CHROMIUM"])
            stack.push_async_callback(browser.close)
            return browser, address

        browser, address = runner.run(begin())
        yield runner, browser, address
        runner.run(stack.aclose())


@pytest.fixture
def on(session):
    """Runs ``check(page)`` on a page of the site: ``on("index.html", 390, check)``."""
    runner, browser, address = session

    def run(name, width, check):
        async def main():
            async with asyncio.timeout(60), opened(browser, address + name, width) as page:
                await check(page)

        runner.run(main())

    return run


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_its_window(on, name, width):
    async def check(page):
        assert await page.locator("h1").first.is_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        # Text is not cut off by its own box either; what scrolls on purpose does so by itself.
        assert await page.evaluate("document.body.scrollWidth") <= width

    on(name, width, check)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_theme_can_be_changed(on, width):
    async def check(page):
        async def background():
            return await page.evaluate("getComputedStyle(document.body).backgroundColor")

        light = await background()
        toggle = page.locator("button.theme-toggle:visible")
        for _ in range(3):  # follows the system, then light and dark in some order
            await toggle.click()
            if await page.locator("body[data-theme=dark]").count():
                break
        assert await background() != light

    on("index.html", width, check)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_search_finds_a_page(on, width):
    async def check(page):
        if width < 1000:  # the side bar with the search box is behind the button
            await page.locator("label.nav-overlay-icon:visible").click()
        box = page.locator("input.sidebar-search")
        await box.fill("map_concurrent")
        await box.press("Enter")
        results = page.locator("#search-results li a")
        await results.first.wait_for()
        targets = await results.evaluate_all("links => links.map(link => link.href)")
        assert any("/patterns.html" in target for target in targets)

    on("index.html", width, check)
