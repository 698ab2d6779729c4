"""What is read: chapters, day plans with their checklists, and notes."""

from __future__ import annotations

import asyncio
import functools
import html
import sqlite3

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route

from aioxide_learn import clock, content
from aioxide_learn.content import Page
from aioxide_learn.rendering import Document, Item, document, render_ahead, slug
from aioxide_learn.store import notes, progress, steps, study
from aioxide_learn.web.security import change, number, text
from aioxide_learn.web.templating import page

MAXIMUM_PLAN = 1 << 20


def picture_address(source: str) -> str | None:
    """Return where a picture of the course is served; None for one that is not the course's."""
    name = source.rpartition("/")[2]
    return f"/pictures/{name}" if content.picture(name) else None


def render(source: str, name: str, ticked: set[str]) -> Document:
    """Return a page of the course or of the learner with boxes to tick.

    Args:
        source: Markdown.
        name: what the ticks are kept under.
        ticked: the keys of the items that are ticked.
    """

    def box(item: Item) -> str:
        checked = " checked" if item.key in ticked else ""
        label = html.escape(item.text, quote=True)
        return (
            f'<input type="checkbox" name="on" value="1" aria-label="{label}"{checked} '
            f'hx-post="/tick/{name}/{item.key}" hx-swap="none">'
        )

    return document(source, address=content.address, picture=picture_address, box=box)


async def list_chapters(request: Request) -> Response:
    """GET /chapters: the chapters, with how far the learner is."""
    database = request.app.state.database
    states = await database.read(progress.by_chapter)
    ticks = await database.read(study.all_ticked)
    chapters = content.chapters()
    rows = []
    for chapter, items in zip(chapters, await _items_of_each(chapters), strict=True):
        done = ticks.get(f"chapter/{chapter.slug}", set())
        rows.append((chapter, states.get(chapter.slug), *_share(items, done)))
    return page(request, "chapters.html", rows=rows)


@functools.lru_cache(maxsize=512)
def items_of(source: str) -> tuple[Item, ...]:
    """Return the items of a page's checklists."""
    return tuple(document(source).items)


async def _items_of_each(pages: list[Page]) -> list[tuple[Item, ...]]:
    # In a thread: a page that is rendered for the first time takes tens of milliseconds.
    return await asyncio.to_thread(lambda: [items_of(each.source) for each in pages])


def _share(items: tuple[Item, ...], done: set[str]) -> tuple[int, int]:
    return sum(item.key in done for item in items), len(items)


async def show_chapter(request: Request) -> Response:
    """GET /chapters/SLUG: a chapter."""
    pages = content.chapters()
    chapter = _find(pages, request.path_params["slug"], "chapter")
    return await _show(request, "chapter", chapter, pages)


def _find(pages: list[Page], name: str, kind: str) -> Page:
    for each in pages:
        if each.slug == name:
            return each
    raise HTTPException(404, f"There is no {kind} {name!r}.")


async def _show(request: Request, kind: str, shown: Page, pages: list[Page]) -> Response:
    database = request.app.state.database
    name = f"{kind}/{shown.slug}"
    ticked = await database.read(study.ticked, name)
    rendered = await asyncio.to_thread(render, shown.source, name, ticked)
    index = pages.index(shown)
    return page(
        request,
        "reading.html",
        kind=kind,
        shown=shown,
        body=rendered,
        previous=pages[index - 1] if index else None,
        following=pages[index + 1] if index + 1 < len(pages) else None,
        cards=(await database.read(progress.by_chapter)).get(shown.slug),
        note=await database.read(notes.get, kind, shown.slug),
    )


async def _days(request: Request) -> list[Page]:
    plans = await request.app.state.database.read(study.plans)
    return content.days() + [content.read_page(name, 0, plans[name]) for name in plans]


async def list_days(request: Request) -> Response:
    """GET /days: the day plans of the course and of the learner."""
    return await _list_days(request)


async def _list_days(request: Request, status: int = 200, problem: str = "") -> Response:
    ticks = await request.app.state.database.read(study.all_ticked)
    days = await _days(request)
    rows = []
    for day, items in zip(days, await _items_of_each(days), strict=True):
        rows.append((day, *_share(items, ticks.get(f"day/{day.slug}", set()))))
    return page(request, "days.html", status, rows=rows, problem=problem)


async def show_day(request: Request) -> Response:
    """GET /days/SLUG: a day plan."""
    pages = await _days(request)
    return await _show(request, "day", _find(pages, request.path_params["slug"], "day"), pages)


async def import_day(request: Request, form: FormData) -> Response:
    """POST /days/import: keep a plan that was written in Markdown."""
    upload = form.get("file")
    name = ""
    if isinstance(upload, UploadFile) and upload.filename:
        name = upload.filename.rpartition("/")[2]
        raw = await upload.read(MAXIMUM_PLAN + 1)
        try:
            source = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            problem = f"{name}: expected UTF-8, got other bytes at {error.start}"
            return await _list_days(request, 400, problem)
    else:
        source = text(form, "source", "")
    if len(source) > MAXIMUM_PLAN:
        return await _list_days(request, 400, f"expected at most {MAXIMUM_PLAN} characters")
    if not source.strip():
        return await _list_days(request, 400, "expected a plan in Markdown, got nothing")
    read = content.read_page(name.rpartition(".")[0] or "plan", 0, source)
    found = slug(read.title)[:80].strip("-") or "plan"
    if any(day.slug == found for day in content.days()):
        found = f"my-{found}"

    def keep(connection: sqlite3.Connection) -> None:
        study.put_plan(connection, found, source, clock.now())
        for item in items_of(read.source):
            if item.done:
                study.tick(connection, f"day/{found}", item.key, True, clock.now())

    await request.app.state.database.write(keep)
    return RedirectResponse(f"/days/{found}", 303)


async def remove_day(request: Request, form: FormData) -> Response:
    """POST /days/SLUG/remove: take a plan of the learner out."""
    await request.app.state.database.write(study.remove_plan, request.path_params["slug"])
    return RedirectResponse("/days", 303)


async def tick(request: Request, form: FormData) -> Response:
    """POST /tick/KIND/SLUG/ITEM: tick an item, or take the tick away."""
    kind, name, item = (request.path_params[each] for each in ("kind", "slug", "item"))
    if kind not in ("chapter", "day"):
        raise HTTPException(404, f"There are no ticks of {kind!r}.")
    pages = content.chapters() if kind == "chapter" else await _days(request)
    if item not in {each.key for each in items_of(_find(pages, name, kind).source)}:
        raise HTTPException(404, "The page no longer has this item. Load it again.")
    await request.app.state.database.write(
        study.tick, f"{kind}/{name}", item, "on" in form, clock.now()
    )
    return Response(status_code=204)


async def list_notes(request: Request) -> Response:
    """GET /notes: every note."""
    found = await request.app.state.database.read(notes.every)
    await render_ahead(*(note.text for note in found))
    folder = request.app.state.folder
    return page(request, "notes.html", notes=found, kinds=notes.KINDS, file=folder / notes.FILE)


async def export_notes(request: Request) -> Response:
    """GET /notes.md: every note as one file."""
    found = await request.app.state.database.read(notes.every)
    return Response(
        notes.as_markdown(found),
        media_type="text/markdown; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="notes.md"'},
    )


async def put_note(request: Request, form: FormData) -> Response:
    """POST /notes: keep a note, and the file of all notes beside.

    One with the number of a card is written in the review, where it can be undone.
    """
    database = request.app.state.database
    card = number(form, "card") if "card" in form else None

    def keep(connection: sqlite3.Connection) -> steps.Step | None:
        written, now = text(form, "text"), clock.now()
        if card is None:
            notes.put(connection, text(form, "kind"), text(form, "ref"), written, now)
        else:
            steps.write_note(connection, card, written, now)
        # Inside the transaction: two windows write the file in the order of their notes.
        notes.write_file(request.app.state.folder, notes.every(connection))
        return None if card is None else steps.last(connection)

    try:
        last = await database.write(keep)
    except notes.NoteError as error:
        raise HTTPException(400, str(error)) from None
    return page(request, "note_saved.html", at=clock.now(), last=last)


async def picture(request: Request) -> Response:
    """GET /pictures/NAME: a picture of the course."""
    path = content.picture(request.path_params["name"])
    if path is None:
        raise HTTPException(404, f"There is no picture {request.path_params['name']!r}.")
    return FileResponse(path, headers={"Cache-Control": "no-cache"})


routes = [
    Route("/chapters", list_chapters),
    Route("/chapters/{slug}", show_chapter),
    Route("/days", list_days),
    Route("/days/import", change(import_day), methods=["POST"]),
    Route("/days/{slug}", show_day),
    Route("/days/{slug}/remove", change(remove_day), methods=["POST"]),
    Route("/tick/{kind}/{slug}/{item}", change(tick), methods=["POST"]),
    Route("/notes", list_notes),
    Route("/notes", change(put_note), methods=["POST"]),
    Route("/notes.md", export_notes),
    Route("/pictures/{name}", picture),
]
