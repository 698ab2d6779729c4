"""Decks: import, export, removal, and the settings of a day."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import asdict

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from aioxide_learn.deck import DeckError, reading, writing
from aioxide_learn.store import decks, reviews, settings
from aioxide_learn.web.security import change, text
from aioxide_learn.web.templating import page

FORMATS = {
    "json": (writing.as_json, "application/json"),
    "csv": (writing.as_csv, "text/csv; charset=utf-8"),
    "apkg": (writing.as_anki, "application/octet-stream"),
}


async def show(request: Request) -> Response:
    """GET /decks: the list, the form to import, the settings."""
    return await _respond(request)


async def _respond(
    request: Request,
    status: int = 200,
    problems: Sequence[str] = (),
    imported: Sequence[decks.Imported] = (),
    message: str = "",
) -> Response:
    database = request.app.state.database
    return page(
        request,
        "decks.html",
        status,
        decks=await database.read(decks.summaries),
        settings=asdict(await database.read(settings.load)),
        ranges=settings.RANGES,
        problems=problems,
        imported=imported,
        message=message,
    )


async def bring_in(request: Request, form: FormData) -> Response:
    """POST /decks/import: read the files that were chosen or dropped; all of them or none."""
    uploads = [each for each in form.getlist("files") if isinstance(each, UploadFile)]
    contents = [
        (upload.filename or "", await upload.read()) for upload in uploads if upload.filename
    ]
    # A folder has other files too: they are left out, as on the command line.
    folder = [each for each in contents if "/" in each[0]]
    chosen = [each for each in contents if "/" not in each[0]]
    taken = [each for each in folder if each[0].lower().endswith(reading.SUFFIXES)]
    if not chosen and not taken:
        expected = ", ".join(reading.SUFFIXES)
        return await _respond(request, 400, [f"expected a file that ends in {expected}"])
    try:
        found = await asyncio.to_thread(reading.read_contents, chosen + taken)
    except DeckError as error:
        return await _respond(request, 400, error.problems)
    done = await request.app.state.database.write(decks.bring_in, found)
    return await _respond(request, imported=done)


async def export(request: Request) -> Response:
    """GET /decks/NUMBER/FORMAT: a deck as a file."""
    name = request.path_params["format"]
    if name not in FORMATS:
        raise HTTPException(404, f"There is no format {name!r}; there are {', '.join(FORMATS)}.")
    deck = await request.app.state.database.read(decks.read, request.path_params["deck"])
    write, media = FORMATS[name]
    content = await asyncio.to_thread(write, deck)
    file = re.sub(r"[^A-Za-z0-9_-]+", "-", deck.name).strip("-") or "deck"
    disposition = f'attachment; filename="{file}.{name}"'
    return Response(content, media_type=media, headers={"Content-Disposition": disposition})


async def remove(request: Request, form: FormData) -> Response:
    """POST /decks/NUMBER/remove: take a deck out."""
    name = await request.app.state.database.write(decks.remove, request.path_params["deck"])
    message = f"Removed {name}. Its progress is kept for when it is imported again."
    return await _respond(request, message=message)


async def save_settings(request: Request, form: FormData) -> Response:
    """POST /settings: keep the settings; reckon the schedule anew where they concern it."""
    database = request.app.state.database
    before = await database.read(settings.load)
    values = {name: text(form, name) for name in settings.RANGES}
    try:
        after = await database.write(settings.save, values)
    except settings.SettingError as error:
        return await _respond(request, 400, [str(error)])
    schedule = ("retention", "maximum_days")
    if any(getattr(before, name) != getattr(after, name) for name in schedule):
        # In parts, so that an answer in another window does not wait for all of it.
        last: int | None = 0
        while last is not None:
            last = await database.write(reviews.reschedule, last)
    return await _respond(request, message="The settings are saved.")


async def save_theme(request: Request, form: FormData) -> Response:
    """POST /theme: keep how the pages look; this one has changed by itself."""
    try:
        chosen = await request.app.state.database.write(settings.save_theme, text(form, "theme"))
    except settings.SettingError as error:
        raise HTTPException(400, f"{error}.") from None
    request.app.state.theme = chosen
    return Response(status_code=204)


async def schema(request: Request) -> Response:
    """GET /deck.schema.json: the published JSON Schema."""
    return Response(reading.schema_text(), media_type="application/schema+json")


async def list_again(request: Request) -> Response:
    """GET where a form is sent to: after a reload, the list."""
    return RedirectResponse("/decks", 303)


routes = [
    Route("/decks", show),
    Route("/decks/import", list_again),
    Route("/decks/import", change(bring_in), methods=["POST"]),
    Route("/decks/{deck:int}/remove", list_again),
    Route("/decks/{deck:int}/remove", change(remove), methods=["POST"]),
    Route("/decks/{deck:int}/{format}", export),
    Route("/settings", list_again),
    Route("/settings", change(save_settings), methods=["POST"]),
    Route("/theme", change(save_theme), methods=["POST"]),
    Route("/deck.schema.json", schema),
]
