"""Review by the schedule, and cramming without it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from aioxide_learn import clock
from aioxide_learn.content import chapters
from aioxide_learn.rendering import render_ahead
from aioxide_learn.store import cards, decks, notes, reviews, steps
from aioxide_learn.store.cards import STATES, Filter
from aioxide_learn.web.security import change, number, whole
from aioxide_learn.web.templating import page

#: What was taken back, for the learner.
UNDONE = {
    "answer": "the answer is taken back",
    "bury": "the card is asked today",
    "suspend": "the card is asked again",
    "note": "the note is as it was",
}

FIELDS = ("deck", "tag", "difficulty", "chapter", "state", "q")


def read_filter(values: Mapping[str, object]) -> Filter:
    """Return the filter of a query or a form.

    Raises:
        HTTPException: a value cannot be one.
    """
    given = {name: str(values.get(name) or "").strip() for name in FIELDS}
    if given["state"] and given["state"] not in STATES:
        raise HTTPException(400, f"state must be one of {', '.join(STATES)}.")
    return Filter(
        deck=whole("deck", given["deck"]) if given["deck"] else None,
        tag=given["tag"],
        difficulty=whole("difficulty", given["difficulty"]) if given["difficulty"] else None,
        chapter=given["chapter"],
        state=given["state"],
        text=given["q"][:200],
    )


def filter_values(wanted: Filter) -> dict[str, str]:
    """Return a filter as the fields of a form, without those that do not restrict."""
    values = {
        "deck": wanted.deck,
        "tag": wanted.tag,
        "difficulty": wanted.difficulty,
        "chapter": wanted.chapter,
        "state": wanted.state,
        "q": wanted.text,
    }
    return {name: str(value) for name, value in values.items() if value not in (None, "")}


async def show(request: Request) -> Response:
    """GET /review: the page with the next card of a filter."""
    wanted = read_filter(request.query_params)
    database = request.app.state.database
    choices = await database.read(_choices)
    return await _respond(request, wanted, "review.html", choices=choices)


def _choices(connection: sqlite3.Connection) -> dict[str, Any]:
    return {
        "decks": decks.names(connection),
        "tags": cards.tags(connection),
        "chapters": [(each.slug, each.title) for each in chapters()],
    }


async def _respond(
    request: Request,
    wanted: Filter,
    template: str = "review/card.html",
    *,
    message: str = "",
    only: int | None = None,
    status: int = 200,
    **values: object,
) -> HTMLResponse:
    now = clock.now()
    state = await request.app.state.database.read(_state, wanted, now, only)
    if (card := state["card"]) is not None:
        await render_ahead(card.front, card.back)
    return page(
        request,
        template,
        status,
        now=now,
        message=message,
        wanted=wanted,
        fields=filter_values(wanted),
        cram=None,
        **state,
        **values,
    )


def _state(
    connection: sqlite3.Connection, wanted: Filter, now: int, only: int | None
) -> dict[str, Any]:
    shown = (
        reviews.next_card(connection, wanted, now)
        if only is None
        else reviews.show(connection, only, now)
    )
    card, intervals = shown or (None, {})
    return {
        "card": card,
        "intervals": intervals,
        "counts": reviews.counts(connection, wanted, now),
        "last": steps.last(connection),
        "note": "" if card is None else notes.get(connection, "card", card.ref),
    }


async def answer(request: Request, form: FormData) -> Response:
    """POST /review/answer: write an answer; the next card."""
    wanted = read_filter(form)
    try:
        await request.app.state.database.write(
            reviews.answer,
            number(form, "card"),
            number(form, "version"),
            number(form, "grade"),
            number(form, "shown"),
            clock.now(),
        )
    except reviews.Stale as error:
        message = f"Not counted: {error}. This is the next card as it is now."
        return await _respond(request, wanted, message=message, status=409)
    return await _respond(request, wanted)


async def undo(request: Request, form: FormData) -> Response:
    """POST /review/undo: take the last step back, whatever it was; its card."""
    undone = await request.app.state.database.write(
        steps.undo, request.app.state.folder, clock.now()
    )
    if undone is None:
        return await _respond(request, read_filter(form), message="There is nothing to undo.")
    step, card = undone
    # A card that was suspended or taken out in the meantime is not asked again.
    only = None if card.suspended or card.retired else card.id
    message = f"Undone: {UNDONE[step.kind]}."
    return await _respond(request, read_filter(form), message=message, only=only)


async def bury(request: Request, form: FormData) -> Response:
    """POST /review/bury: leave the card out for today; the next card."""
    await request.app.state.database.write(steps.bury, number(form, "card"), clock.now())
    return await _respond(request, read_filter(form), message="Buried until tomorrow.")


async def suspend(request: Request, form: FormData) -> Response:
    """POST /review/suspend: take the card out of reviews; the next card."""
    await request.app.state.database.write(steps.suspend, number(form, "card"))
    message = "Suspended: it is asked no more. Browse, or undo, brings it back."
    return await _respond(request, read_filter(form), message=message)


async def start_cram(request: Request, form: FormData) -> Response:
    """POST /cram: begin a session over the cards of a filter."""
    wanted = read_filter(form)
    session, count = await request.app.state.database.write(reviews.start_cram, wanted)
    if not count:
        return RedirectResponse("/review?" + urlencode(filter_values(wanted)), 303)
    return RedirectResponse(f"/cram/{session}", 303)


async def show_cram(request: Request) -> Response:
    """GET /cram/SESSION: the page with the session's present card."""
    return await _respond_cram(request, "cram.html")


async def answer_cram(request: Request, form: FormData) -> Response:
    """POST /cram/SESSION: the next card of a session."""
    try:
        await request.app.state.database.write(
            reviews.cram_answer,
            request.path_params["session"],
            number(form, "card"),
            number(form, "grade"),
        )
    except reviews.Stale as error:
        return await _respond_cram(request, message=str(error), status=409)
    return await _respond_cram(request)


async def undo_cram(request: Request, form: FormData) -> Response:
    """POST /cram/SESSION/undo: the card that was answered last is the present one again."""
    session = request.path_params["session"]
    card = await request.app.state.database.write(reviews.cram_undo, session)
    message = "There is nothing to undo." if card is None else f"Undone: {UNDONE['answer']}."
    return await _respond_cram(request, message=message)


async def _respond_cram(
    request: Request, template: str = "review/card.html", message: str = "", status: int = 200
) -> HTMLResponse:
    session = request.path_params["session"]

    def state(connection: sqlite3.Connection) -> dict[str, Any]:
        card = reviews.cram_card(connection, session)
        return {
            "card": card,
            "counts": reviews.cram_left(connection, session),
            "last": reviews.cram_answered(connection, session),
            "note": "" if card is None else notes.get(connection, "card", card.ref),
        }

    values = await request.app.state.database.read(state)
    if (card := values["card"]) is not None:
        await render_ahead(card.front, card.back)
    return page(
        request,
        template,
        status,
        cram=session,
        now=clock.now(),
        message=message,
        fields={},
        intervals={},
        **values,
    )


async def home(request: Request) -> Response:
    """GET /: the review."""
    return RedirectResponse("/review", 303)


routes = [
    Route("/", home),
    Route("/review", show),
    Route("/review/answer", change(answer), methods=["POST"]),
    Route("/review/undo", change(undo), methods=["POST"]),
    Route("/review/bury", change(bury), methods=["POST"]),
    Route("/review/suspend", change(suspend), methods=["POST"]),
    Route("/cram", change(start_cram), methods=["POST"]),
    Route("/cram/{session}", show_cram),
    Route("/cram/{session}", change(answer_cram), methods=["POST"]),
    Route("/cram/{session}/undo", change(undo_cram), methods=["POST"]),
]
