"""Search, and one card with its history."""

from __future__ import annotations

import sqlite3
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from aioxide_learn import clock
from aioxide_learn.content import chapters
from aioxide_learn.rendering import render_ahead
from aioxide_learn.store import cards, decks, notes, reviews
from aioxide_learn.store.cards import STATES
from aioxide_learn.web.pages.review import filter_values, read_filter
from aioxide_learn.web.security import change, text, whole
from aioxide_learn.web.templating import page

PAGE = 25


async def show(request: Request) -> Response:
    """GET /browse: the cards that a filter chooses, a page of them."""
    wanted = read_filter(request.query_params)
    start = whole("start", request.query_params.get("start") or "0")
    database = request.app.state.database
    found, total = await database.read(cards.find, wanted, start, PAGE)
    fields = filter_values(wanted)

    def link(at: int) -> str:
        return "/browse?" + urlencode({**fields, "start": at})

    return page(
        request,
        "browse.html",
        cards=found,
        total=total,
        start=start,
        previous=link(max(start - PAGE, 0)) if start else None,
        following=link(start + PAGE) if start + PAGE < total else None,
        fields=fields,
        states=tuple(STATES),
        decks=await database.read(decks.names),
        tags=await database.read(cards.tags),
        chapters=[(each.slug, each.title) for each in chapters()],
    )


async def show_card(request: Request) -> Response:
    """GET /cards/NUMBER: a card, both sides, its history and its note."""
    number = request.path_params["card"]

    def state(connection: sqlite3.Connection) -> dict[str, Any]:
        card = cards.get(connection, number)
        return {
            "card": card,
            "history": reviews.history(connection, number),
            "note": notes.get(connection, "card", card.ref),
        }

    values = await request.app.state.database.read(state)
    await render_ahead(values["card"].front, values["card"].back)
    return page(request, "card.html", today=clock.day_of(clock.now()), **values)


async def change_card(request: Request, form: FormData) -> Response:
    """POST /cards/NUMBER: suspend, resume, bury, or bring back."""
    number = request.path_params["card"]
    action = text(form, "action")
    database = request.app.state.database
    if action in ("suspend", "resume"):
        await database.write(cards.suspend, number, action == "suspend")
    elif action in ("bury", "unbury"):
        day = clock.day_of(clock.now()) if action == "bury" else 0
        await database.write(cards.bury, number, day)
    return RedirectResponse(f"/cards/{number}", 303)


routes = [
    Route("/browse", show),
    Route("/cards/{card:int}", show_card),
    Route("/cards/{card:int}", change(change_card), methods=["POST"]),
]
