"""The pages without a browser: what is refused, what changes, what errors say."""

import asyncio
import contextlib
import hashlib
import json
import pathlib
import re

import aioxide
import httpx
import pytest
from aioxide_learn import lab_work
from aioxide_learn.store import cards, decks, notes, reviews, settings, study
from aioxide_learn.web import application, templating
from aioxide_learn.web.security import POLICY
from conftest import make_deck
from starlette.routing import Mount

pytestmark = pytest.mark.timeout(60)

ORIGIN = "http://127.0.0.1:8421"


class Visit:
    """An application that runs, and a client of it with the token of its pages."""

    def __init__(self, app, client):
        self.app, self.client = app, client
        self.database = app.state.database
        self.token = app.state.token

    async def get(self, path, **options):
        return await self.client.get(path, **options)

    async def post(self, path, data=None, **options):
        headers = {"X-Token": self.token, "Origin": ORIGIN, **options.pop("headers", {})}
        return await self.client.post(path, data=data or {}, headers=headers, **options)


@pytest.fixture
def visit(tmp_path):
    """Runs ``check(visit)`` on aioxide's loop: ``visit(check)``."""

    @contextlib.asynccontextmanager
    async def opened():
        app = application.create(tmp_path / "data", 8421)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
                visit = Visit(app, client)
                # The course's own cards would be asked first.
                for number, _ in await visit.database.read(decks.names):
                    await visit.database.write(decks.remove, number)
                await visit.database.write(decks.bring_in, [make_deck()])
                number = await visit.database.read(decks.number_of, "Tasks")
                found, _ = await visit.database.read(cards.find, cards.Filter(deck=number))
                visit.first = found[0].id
                yield visit

    def run(check):
        async def main():
            async with asyncio.timeout(50), opened() as visit:
                await check(visit)

        aioxide.run(main())

    return run


def fields(text):
    """The hidden fields of the form that grades a card."""
    form = re.search(r'<form hx-post="/(?:review/answer|cram/\w+)".*?</form>', text, re.DOTALL)[0]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))


def test_the_application_refuses_to_run_on_another_loop(tmp_path):
    app = application.create(tmp_path, 8421)

    async def main():
        async with app.router.lifespan_context(app):
            pass

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        with pytest.raises(RuntimeError, match="runs on aioxide's loop"):
            runner.run(main())


PAGES = (
    *("/review", "/decks", "/browse", "/chapters", "/labs", "/days", "/notes", "/progress"),
    *("/cards/1", "/notes.md", "/code.css", "/deck.schema.json", "/static/app.js"),
    *("/static/htmx.min.js", "/static/htmx.LICENSE.txt", "/static/icon.svg"),
)


def test_every_page_answers_and_is_protected(visit):
    async def check(visit):
        for path in PAGES:
            response = await visit.get(path)
            assert response.status_code == 200, path
            assert response.headers["content-security-policy"] == POLICY
            assert response.headers["x-content-type-options"] == "nosniff"

    visit(check)


def test_no_page_has_a_script_or_style_of_its_own(visit):
    async def check(visit):
        for path in PAGES[:9]:
            text = (await visit.get(path)).text
            assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! src=\"/static/)", text), path
            assert not re.search(r"(?:src|href)=\"(?:https?:)?//", text), path

    visit(check)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:80", "localhost", "evil:8421", ""])
def test_a_request_to_another_host_is_refused(visit, host):
    async def check(visit):
        assert (await visit.get("/review", headers={"Host": host})).status_code == 421

    visit(check)


@pytest.mark.parametrize("host", ["127.0.0.1:8421", "localhost:8421", "LOCALHOST:8421"])
def test_our_own_hosts_are_answered(visit, host):
    async def check(visit):
        assert (await visit.get("/review", headers={"Host": host})).status_code == 200

    visit(check)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"X-Token": "wrong"},
        {"X-Token": ""},
        {"X-Token": "\u00e9".encode()},
    ],
)
def test_a_change_from_elsewhere_is_refused(visit, headers):
    async def check(visit):
        response = await visit.post(f"/cards/{visit.first}", {"action": "suspend"}, headers=headers)
        assert response.status_code == 403
        assert not (await visit.database.read(cards.get, visit.first)).suspended

    visit(check)


def test_every_route_that_changes_something_needs_the_token(visit):
    async def check(visit):
        changing = 0
        for route in visit.app.routes:
            if isinstance(route, Mount) or route.methods <= {"GET", "HEAD"}:
                continue
            changing += 1
            assert route.methods == {"POST"}
            path = re.sub(r"{\w+:int}", "1", route.path)
            path = re.sub(r"{\w+}", "x", path)
            response = await visit.client.post(path, headers={"Origin": ORIGIN})
            assert response.status_code == 403, path
            assert "token" in response.text
        assert changing >= 17

    visit(check)


def test_the_token_outlives_a_restart(tmp_path):
    tokens = []

    async def main():
        app = application.create(tmp_path, 8421)
        async with app.router.lifespan_context(app):
            tokens.append(app.state.token)

    aioxide.run(main())
    aioxide.run(main())
    assert tokens[0] == tokens[1] and len(tokens[0]) > 40


def test_a_card_is_answered_and_the_interval_shown_is_applied(visit):
    async def check(visit):
        text = (await visit.get("/review")).text
        shown = re.findall(r'class="interval">([^<]+)<', text)
        assert shown[0] == "1 min" and len(shown) == 5
        response = await visit.post("/review/answer", {**fields(text), "grade": "5"})
        assert response.status_code == 200 and "Question 1?" in response.text
        assert f"Last: 5, again in {shown[4]}" in response.text
        assert (await visit.database.read(cards.get, visit.first)).memory.answers == 1

    visit(check)


def test_the_same_card_in_two_windows_is_answered_once(visit):
    async def check(visit):
        form = {**fields((await visit.get("/review")).text), "grade": "4"}
        assert (await visit.post("/review/answer", form)).status_code == 200
        second = await visit.post("/review/answer", form)
        assert second.status_code == 409 and "answered or changed elsewhere" in second.text
        assert "Question 1?" in second.text
        assert len(await visit.database.read(reviews.history, visit.first)) == 1

    visit(check)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"grade": "x"}, "grade must be a whole number"),
        ({"card": "-1"}, "card must be a whole number"),
        ({"card": "999"}, "there is no card 999"),
        ({"version": ""}, "version must be a whole number"),
        ({"difficulty": "1.5"}, "difficulty must be a whole number"),
        ({"state": "odd"}, "state must be one of"),
    ],
)
def test_a_wrong_form_is_told_and_writes_nothing(visit, changes, text):
    async def check(visit):
        form = {**fields((await visit.get("/review")).text), "grade": "4", **changes}
        response = await visit.post("/review/answer", form)
        assert response.status_code in (400, 404) and text in response.text
        assert await visit.database.read(reviews.last_answer) is None

    visit(check)


def test_an_error_of_htmx_goes_into_the_page(visit):
    async def check(visit):
        response = await visit.post("/review/bury", {"card": "999"}, headers={"HX-Request": "true"})
        assert response.headers["hx-retarget"] == "#alert"
        assert response.text.strip() == '<p class="problem">there is no card 999.</p>'

    visit(check)


def test_undo_bury_and_suspend(visit):
    async def check(visit):
        text = (await visit.get("/review")).text
        await visit.post("/review/answer", {**fields(text), "grade": "5"})
        text = (await visit.post("/review/undo")).text
        assert "Undone: the answer is taken back." in text and "Question 0?" in text
        text = (await visit.post("/review/bury", {"card": fields(text)["card"]})).text
        assert "Question 1?" in text and "Last: buried a card" in text
        text = (await visit.post("/review/suspend", {"card": fields(text)["card"]})).text
        assert "Question 2?" in text and "Last: suspended a card" in text
        text = (await visit.post("/review/undo")).text
        assert "Undone: the card is asked again." in text and "Question 1?" in text
        text = (await visit.post("/review/undo")).text
        assert "Undone: the card is asked today." in text and "Question 0?" in text
        assert "There is nothing to undo" in (await visit.post("/review/undo")).text

    visit(check)


def test_a_note_of_the_review_is_undone(visit):
    async def check(visit):
        card = await visit.database.read(cards.get, visit.first)
        form = {"kind": "card", "ref": card.ref, "card": str(card.id)}
        text = (await visit.post("/notes", {**form, "text": "first"})).text
        assert "Saved" in text and "changed a note" in text and 'hx-swap-oob="true"' in text
        await visit.post("/notes", {**form, "text": "first and more"})
        text = (await visit.post("/review/undo")).text
        assert "Undone: the note is as it was." in text and "first" not in text
        assert (visit.app.state.folder / notes.FILE).read_text() == "# Notes\n"

    visit(check)


def test_the_theme_is_kept(visit):
    async def check(visit):
        assert '<html lang="en" data-theme="system">' in (await visit.get("/review")).text
        assert (await visit.post("/theme", {"theme": "dark"})).status_code == 204
        for path in ("/review", "/nothing"):
            assert '<html lang="en" data-theme="dark">' in (await visit.get(path)).text
        response = await visit.post("/theme", {"theme": "pink"})
        assert response.status_code == 400 and "one of system, light, dark" in response.text
        assert await visit.database.read(settings.theme) == "dark"

    visit(check)


def test_a_session_of_cramming(visit):
    async def check(visit):
        response = await visit.post("/cram", {"tag": "tasks"})
        assert response.status_code == 303
        place = response.headers["location"]
        for left in (3, 2, 1):
            text = (await visit.get(place)).text
            assert f"{left} left" in text
            await visit.post(place, {**fields(text), "grade": "5"})
        assert "last card of this session" in (await visit.get(place)).text
        assert "1 left" in (await visit.post(f"{place}/undo")).text
        assert "2 left" in (await visit.post(f"{place}/undo")).text
        assert (await visit.post("/cram", {"tag": "none"})).headers[
            "location"
        ] == "/review?tag=none"

    visit(check)


def test_decks_are_imported_all_or_none(visit):
    good = json.dumps({"deck": "Good", "cards": [{"id": "a", "front": "Q", "back": "A"}]})
    bad = json.dumps({"deck": "Bad", "cards": [{"id": "a", "front": "Q"}]})

    async def send(visit, *files):
        uploads = [("files", (name, text.encode())) for name, text in files]
        return await visit.post("/decks/import", files=uploads)

    async def check(visit):
        response = await send(visit, ("good.json", good), ("bad.json", bad))
        assert response.status_code == 400
        assert "bad.json: $.cards[0]: expected an object" in response.text
        assert [name for _, name in await visit.database.read(decks.names)] == ["Tasks"]
        response = await send(visit, ("folder/good.json", good), ("folder/notes.pdf", "x"))
        assert response.status_code == 200 and "Good: 1 added" in response.text
        assert (await send(visit, ("folder/notes.pdf", "x"))).status_code == 400
        assert (await visit.post("/decks/import")).status_code == 400

    visit(check)


@pytest.mark.parametrize(
    ("name", "begins"), [("json", b'{\n  "deck": "Tasks"'), ("csv", b"id,front"), ("apkg", b"PK")]
)
def test_a_deck_is_exported(visit, name, begins):
    async def check(visit):
        number = await visit.database.read(decks.number_of, "Tasks")
        response = await visit.get(f"/decks/{number}/{name}")
        assert response.content.startswith(begins)
        assert response.headers["content-disposition"] == f'attachment; filename="Tasks.{name}"'

    visit(check)


@pytest.mark.parametrize("path", ["/decks/1/pdf", "/decks/999/json", "/cards/999", "/labs/none"])
def test_what_is_not_there_is_named(visit, path):
    async def check(visit):
        response = await visit.get(path)
        assert response.status_code == 404 and "here is no" in response.text

    visit(check)


def test_settings_are_checked_and_applied_to_the_schedule(visit):
    form = {"new_limit": "5", "review_limit": "50", "retention": "97", "maximum_days": "100"}

    async def check(visit):
        text = (await visit.get("/review")).text
        await visit.post("/review/answer", {**fields(text), "grade": "5"})
        due = (await visit.database.read(cards.get, visit.first)).memory.due
        assert (await visit.post("/settings", {**form, "retention": "5"})).status_code == 400
        assert (await visit.post("/settings", form)).status_code == 200
        assert (await visit.database.read(settings.load)).new_limit == 5
        assert (await visit.database.read(cards.get, visit.first)).memory.due < due

    visit(check)


def test_notes_are_kept_and_written_beside(visit):
    async def check(visit):
        form = {"kind": "chapter", "ref": "tasks", "text": "gather <b>keeps</b> the order"}
        assert "Saved" in (await visit.post("/notes", form)).text
        assert "&lt;b&gt;" in (await visit.get("/notes")).text
        exported = (await visit.get("/notes.md")).text
        assert "## Chapters\n\n### tasks\n\ngather <b>keeps</b> the order" in exported
        assert (visit.app.state.folder / notes.FILE).read_text() == exported
        assert (await visit.post("/notes", {**form, "kind": "x"})).status_code == 400
        await visit.post("/notes", {**form, "text": " "})
        assert (visit.app.state.folder / notes.FILE).read_text() == "# Notes\n"

    visit(check)


def test_a_plan_is_imported_and_its_items_are_ticked(visit):
    async def check(visit):
        source = "# My day\n\nRead.\n\n- [ ] chapter one\n- [ ] a <script>lab</script>\n"
        response = await visit.post("/days/import", {"source": source})
        assert response.headers["location"] == "/days/my-day"
        text = (await visit.get("/days/my-day")).text
        places = re.findall(r'hx-post="(/tick/day/my-day/\w+)"', text)
        assert len(places) == 2 and "<script>lab" not in text
        assert (await visit.post(places[0], {"on": "1"})).status_code == 204
        assert "1 of 2 done" in (await visit.get("/days")).text
        changed = source.replace("Read.", "Read more.")
        await visit.post("/days/import", {"source": changed})
        assert "1 of 2 done" in (await visit.get("/days")).text
        await visit.post(places[0])
        assert "0 of 2 done" in (await visit.get("/days")).text
        assert (await visit.post("/tick/day/my-day/nothing", {"on": "1"})).status_code == 404
        await visit.post("/days/my-day/remove")
        assert (await visit.get("/days/my-day")).status_code == 404

    visit(check)


def test_what_is_done_in_an_imported_plan_is_ticked(visit):
    async def check(visit):
        await visit.post("/days/import", {"source": "# Mine\n\n- [x] one\n- [ ] two\n"})
        assert "1 of 2 done" in (await visit.get("/days")).text

    visit(check)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"  \n"])
def test_a_plan_that_is_none_is_refused(visit, content):
    async def check(visit):
        response = await visit.post("/days/import", files={"file": ("plan.md", content)})
        assert response.status_code == 400 and "Nothing was imported" in response.text

    visit(check)


def test_a_lab_is_started_checked_and_helped_with(visit):
    async def check(visit):
        lab = lab_work.labs.all_labs()[0]
        place = f"/labs/{lab.name}"
        assert "have started" in (await visit.get(place)).text
        assert (await visit.post(f"{place}/check")).status_code == 400
        await visit.post(f"{place}/start")
        file = visit.app.state.folder / "labs" / lab.name / "starter.py"
        assert file.read_text() == lab.starter
        text = (await visit.post(f"{place}/check")).text
        assert "Not yet:" in text and 'class="failed"' in text
        for shown in range(1, len(lab.hints) + 2):
            text = (await visit.post(f"{place}/hint")).text
            assert text.count("<h3>Hint") == min(shown, len(lab.hints))
        assert "A solution" not in text
        assert "A solution" in (await visit.post(f"{place}/solution")).text
        file.write_text(lab.solution)
        text = (await visit.post(f"{place}/check")).text
        assert "Passed." in text and "<svg" in text
        state = await visit.database.read(study.lab, lab.name)
        assert state.passed and state.checks == 2
        assert "passed" in (await visit.get("/labs")).text
        file.unlink()
        assert "is missing" in (await visit.get(place)).text
        await visit.post(f"{place}/start")
        assert file.read_text() == lab.starter

    visit(check)


def test_a_lab_is_checked_again_on_each_save_while_its_page_is_open(visit):
    async def check(visit):
        lab = lab_work.labs.all_labs()[0]
        await visit.post(f"/labs/{lab.name}/start")
        file = visit.app.state.folder / "labs" / lab.name / "starter.py"
        events = visit.app.state.rooms.events(lab.name)
        waiting = asyncio.ensure_future(anext(events))
        # The watch is set up in a thread: the file is saved until it is seen.
        while not waiting.done():
            file.write_text(lab.solution)
            await asyncio.wait({waiting}, timeout=0.3)
        assert await waiting == "running"
        assert await anext(events) == "result"
        assert (await visit.database.read(study.lab, lab.name)).passed
        await events.aclose()

    visit(check)


def test_a_body_that_is_too_long_is_refused(visit, monkeypatch):
    monkeypatch.setattr("aioxide_learn.web.security.MAXIMUM_BODY", 1000)

    async def check(visit):
        response = await visit.post("/days/import", {"source": "x" * 2000})
        assert response.status_code == 413

    visit(check)


def test_the_templates_are_made_before_they_are_needed():
    templating.warm()
    assert len(templating.environment().cache) == len(templating.environment().list_templates())


def test_htmx_is_the_file_that_was_released():
    file = pathlib.Path(application.__file__).parent / "static" / "htmx.min.js"
    # `npm view htmx.org@4.0.1`: dist/htmx.min.js of that package.
    assert hashlib.sha256(file.read_bytes()).hexdigest() == (
        "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130"
    )
