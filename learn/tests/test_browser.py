"""The pages in headless Chromium: by keyboard, wide and narrow, light and dark.

``make test-learn`` names the browser in ``CHROMIUM``; without it these tests are left out.
Screenshots go to the folder ``LEARN_SCREENSHOTS``, if it is named. `axe/` has
axe-core 4.14.1 as npm has it, unmodified.
"""

import asyncio
import contextlib
import json
import os
import pathlib
import urllib.request

import aioxide
import pytest
from aioxide_learn import clock, labs
from aioxide_learn.deck import writing
from aioxide_learn.store import cards, decks, reviews, settings, study
from aioxide_learn.store.database import Database
from conftest import make_deck
from processes import served

if not os.environ.get("CHROMIUM"):
    pytest.skip("`make test-learn` finds Chromium", allow_module_level=True)
AXE = pathlib.Path(__file__).with_name("axe") / "axe.min.js"
SCREENSHOTS = os.environ.get("LEARN_SCREENSHOTS")
playwright_api = pytest.importorskip("playwright.async_api")

# A browser takes its time to start on a busy machine.
pytestmark = pytest.mark.timeout(150)

WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")


@pytest.fixture(scope="module")
def session():
    """A runner of aioxide's loop, and a browser that runs on it."""
    with aioxide.Runner() as runner:
        stack = contextlib.AsyncExitStack()

        async def begin():
            playwright = await stack.enter_async_context(playwright_api.async_playwright())
            browser = await playwright.chromium.launch(
                executable_path=os.environ["CHROMIUM"],
                # Root, as in a container, cannot use Chromium's own sandbox.
                args=["--no-sandbox"] if os.geteuid() == 0 else [],
            )
            stack.push_async_callback(browser.close)
            return browser

        yield runner, runner.run(begin())
        runner.run(stack.aclose())


@pytest.fixture
def database(tmp_path):
    database = Database(tmp_path / "data")
    database.write(decks.bring_in, [make_deck(count=5)])
    yield database
    database.close()


@pytest.fixture
def browse(session, database):
    """Runs ``check(page, address)`` in a window on a server of its own; errors in it are ours."""
    runner, browser = session

    def run(check, width=1280, scheme="light", allowed=()):
        failures = []

        def fail(text):
            if not any(each in text for each in allowed):
                failures.append(text)

        async def main(address):
            page = await browser.new_page(
                viewport={"width": width, "height": 900}, color_scheme=scheme
            )
            page.set_default_timeout(20_000)
            page.on("pageerror", lambda error: fail(str(error)))
            page.on("console", lambda said: said.type in ("error", "warning") and fail(said.text))
            page.on("dialog", lambda dialog: dialog.accept())
            try:
                async with asyncio.timeout(120):
                    await check(page, address)
            finally:
                await page.close()

        with served(database.folder) as (address, _):
            runner.run(main(address))
        assert not failures

    return run


def tasks(database):
    return cards.Filter(deck=database.read(decks.number_of, "Tasks"))


def test_a_session_by_keyboard(browse, database):
    async def check(page, address):
        wanted = tasks(database)
        await page.goto(f"{address}review?deck={wanted.deck}")
        assert not await page.locator("#back").is_visible()
        for grade, question in ((5, 0), (2, 1), (4, 2)):
            await page.get_by_text(f"Question {question}?").wait_for()
            await page.keyboard.press("Space")
            await page.get_by_text(f"Answer {question}.").wait_for()
            shown = await page.locator(f".g{grade} .interval").inner_text()
            await page.keyboard.press(str(grade))
            await page.get_by_text(f"Last: {grade}, again in {shown}").wait_for()
        await page.keyboard.press("u")
        await page.get_by_text("Undone: the answer").wait_for()
        await page.get_by_text("Question 2?").wait_for()
        for question, key in ((3, "b"), (4, "s"), (3, "u"), (2, "u"), (3, "b"), (4, "s")):
            await page.keyboard.press(key)
            await page.get_by_text(f"Question {question}?").wait_for()
        # A note is written with keys that mean something outside of it.
        await page.keyboard.press("n")
        await page.keyboard.type("12 5 u b s")
        await page.keyboard.press("Escape")
        await page.get_by_text("Saved").wait_for()
        await page.keyboard.press("?")
        await page.get_by_role("dialog").wait_for()
        assert "Undo the last step" in await page.get_by_role("dialog").inner_text()
        await page.keyboard.press("Escape")
        await page.keyboard.press("Space")
        await page.keyboard.press("5")
        await page.get_by_text("Question 1?").wait_for()  # in learning, due soon

    browse(check)
    found, _ = database.read(cards.find, tasks(database))
    assert [card.memory.answers for card in found] == [1, 1, 0, 0, 1]
    assert found[2].buried_day and found[3].suspended


def test_the_theme_is_chosen_and_a_note_undone_by_key(browse, database):
    async def ground(page):
        return await page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor")

    async def check(page, address):
        await page.goto(f"{address}review?deck={tasks(database).deck}")
        light = await ground(page)
        async with page.expect_response("**/theme") as response:
            await page.get_by_label("Theme").select_option("dark")
        assert (await response.value).status == 204
        dark = await ground(page)
        await page.reload()
        assert light != dark == await ground(page)
        await page.get_by_label("Theme").select_option("system")
        assert await ground(page) == light
        await page.keyboard.press("n")
        await page.keyboard.type("mine")
        await page.keyboard.press("Escape")
        await page.get_by_text("Last: changed a note").wait_for()
        await page.keyboard.press("u")
        await page.get_by_text("Undone: the note").wait_for()
        assert not await page.get_by_label("Note, in Markdown").input_value()

    browse(check)


def test_two_hundred_cards_without_leaving_the_keyboard(browse, database):
    database.write(decks.bring_in, [make_deck("Many", 200)])
    database.write(settings.save, {"new_limit": "500"})

    async def check(page, address):
        number = database.read(decks.number_of, "Many")
        await page.goto(f"{address}review?deck={number}")
        for question in range(200):
            await page.get_by_text(f"Question {question}?").wait_for()
            await page.keyboard.press("Space")
            await page.keyboard.press("5")
        await page.get_by_text("Done for today").wait_for()

    browse(check)
    count = database.read(lambda found: found.execute("SELECT count(*) FROM review").fetchone())
    assert count[0] == 200


def test_decks_good_and_bad_by_choosing_and_by_dropping(browse, database, tmp_path):
    good = tmp_path / "good.json"
    good.write_bytes(writing.as_json(make_deck("Dropped")))
    bad = tmp_path / "bad.json"
    bad.write_text('{"deck": "Bad", "cards": [{"id": "a", "front": "Q"}]}')

    async def check(page, address):
        await page.goto(f"{address}decks")
        await page.get_by_label("Files").set_input_files([good, bad])
        await page.get_by_role("button", name="Import").click()
        problem = page.get_by_role("alert").filter(has_text="Nothing was changed")
        assert "bad.json: $.cards[0]: expected an object" in await problem.inner_text()
        dropped = await page.evaluate_handle(
            """text => {
                const data = new DataTransfer();
                data.items.add(new File([text], "good.json", {type: "application/json"}));
                return data;
            }""",
            good.read_text(),
        )
        await page.dispatch_event("[data-drop]", "drop", {"dataTransfer": dropped})
        await page.get_by_text("Dropped: 3 added").wait_for()
        await page.get_by_role("button", name="Remove Dropped").click()
        await page.get_by_text("Removed Dropped").wait_for()

    browse(check, allowed=["400 (Bad Request)"])


def test_search_as_it_is_typed(browse):
    async def check(page, address):
        await page.goto(f"{address}browse")
        await page.keyboard.press("/")
        await page.keyboard.type("Question 3")
        await page.get_by_text("1 card", exact=True).wait_for()
        await page.get_by_role("link", name="Question 3?").click()
        await page.get_by_role("button", name="Suspend").click()
        await page.get_by_role("button", name="Resume").wait_for()

    browse(check)


def test_a_plan_is_ticked(browse, database):
    database.write(study.put_plan, "mine", "# Mine\n\n- [ ] one\n- [ ] two\n", 1)

    async def check(page, address):
        await page.goto(f"{address}days/mine")
        async with page.expect_response("**/tick/**") as response:
            await page.get_by_label("two").check()
        assert (await response.value).status == 204
        await page.reload()
        assert await page.get_by_label("two").is_checked()
        assert not await page.get_by_label("one").is_checked()

    browse(check)


def test_a_lab_from_start_to_solution(browse, database):
    lab = labs.all_labs()[0]

    async def check(page, address):
        await page.goto(f"{address}labs/{lab.name}")
        await page.keyboard.press("k")
        await page.get_by_text("Not checked yet").wait_for()
        await page.keyboard.press("h")
        await page.get_by_role("heading", name="Hint 1").wait_for()
        await page.keyboard.press("k")
        await page.get_by_text("Not yet:").wait_for()
        file = database.folder / "labs" / lab.name / "starter.py"
        passed = page.locator(".verdict.passed")
        # The watch begins a moment after the page: the file is saved until it is seen.
        while not await passed.count():
            file.write_text(lab.solution)
            with contextlib.suppress(playwright_api.TimeoutError):
                await passed.wait_for(timeout=3000)
        await page.get_by_role("img", name="tasks in").wait_for()
        await page.get_by_text("A solution").wait_for()
        assert await page.locator(".chart .part.wait").count() >= 3

    browse(check)


def test_a_server_that_is_gone_is_told(browse, session, database):
    runner, browser = session

    async def check(page, address):
        await page.goto(f"{address}review?deck={tasks(database).deck}")
        await page.route("**/review/answer", lambda route: route.abort())
        await page.keyboard.press("Space")
        await page.keyboard.press("5")
        await page.get_by_text("The program did not answer").wait_for()

    browse(check, allowed=["Failed to load resource", "Failed to fetch", "htmx"])
    assert database.read(reviews.last_answer) is None


def pages(lab):
    return {
        "review": "review",
        "decks": "decks",
        "browse": "browse",
        "card": "cards/1",
        "chapters": "chapters",
        "labs": "labs",
        "lab": f"labs/{lab.name}",
        "days": "days",
        "day": "days/mine",
        "notes": "notes",
        "progress": "progress",
        "error": "cards/999999",
    }


def fill(database):
    """Something to see on each page."""
    draw = 0
    now = clock.now()
    for day in range(40, 0, -1):
        at = now - day * 86_400_000
        for _ in range(4):
            found = database.read(reviews.next_card, cards.Filter(), at)
            if found is not None:
                draw += 1
                card = found[0]
                grade = (5, 4, 3, 1, 3)[draw % 5]
                database.write(reviews.answer, card.id, card.version, grade, at, at + 9000)
    database.write(study.put_plan, "mine", "# Mine\n\nRead.\n\n- [ ] one\n- [x] two\n", now)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_pages_fit_and_axe_finds_no_serious_problem(browse, database, width, scheme):
    fill(database)
    lab = labs.all_labs()[0]
    chapters = {}

    async def check(page, address):
        with urllib.request.urlopen(f"{address}chapters", timeout=20) as response:
            text = response.read().decode()
        if '<a href="/chapters/' in text:
            chapters["chapter"] = text.partition('<h2><a href="/')[2].partition('"')[0]
        await page.goto(f"{address}labs/{lab.name}")
        await page.keyboard.press("k")
        await page.get_by_text("Not checked yet").wait_for()
        (database.folder / "labs" / lab.name / "starter.py").write_text(lab.solution)
        await page.keyboard.press("k")
        await page.locator(".verdict.passed").wait_for()
        for name, path in {**pages(lab), **chapters}.items():
            await page.goto(address + path)
            if name == "review":
                await page.keyboard.press("Space")
            if SCREENSHOTS:
                file = pathlib.Path(SCREENSHOTS) / f"{name}-{width}-{scheme}.png"
                await page.screenshot(path=file, full_page=True)
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, name
            # The page's policy lets no script in: this one comes by the browser's own door.
            await page.evaluate(AXE.read_text())
            found = await page.evaluate("axe.run()")
            serious = [
                {"id": each["id"], "help": each["help"], "nodes": each["nodes"][:3]}
                for each in found["violations"]
                if each["impact"] in ("serious", "critical")
            ]
            assert not serious, f"{name}: {json.dumps(serious, indent=1)}"
            assert len(found["passes"]) > 10

    browse(check, width, scheme, allowed=["404 (Not Found)"])
