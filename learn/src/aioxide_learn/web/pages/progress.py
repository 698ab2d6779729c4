"""Progress: what is known, what is coming, how well it is recalled."""

from __future__ import annotations

import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aioxide_learn import clock
from aioxide_learn.content import chapters
from aioxide_learn.labs import all_labs
from aioxide_learn.store import progress, settings, study
from aioxide_learn.web import charts
from aioxide_learn.web.templating import page


async def show(request: Request) -> Response:
    """GET /progress: the page."""
    now = clock.now()

    def read(connection: sqlite3.Connection) -> dict[str, Any]:
        by_chapter = progress.by_chapter(connection)
        weeks = progress.retention(connection, now)
        target = settings.load(connection).retention
        answers = sum(week.answers for week in weeks)
        recalled = sum(week.recalled for week in weeks)
        states = study.labs(connection)
        ahead = progress.forecast(connection, now)
        return {
            "decks": progress.by_deck(connection),
            "chapters": [
                (chapter, by_chapter[chapter.slug])
                for chapter in chapters()
                if chapter.slug in by_chapter
            ],
            "ahead": ahead,
            "forecast": charts.bars(
                ahead,
                "Cards due on each of the next 30 days",
                ["today", "in 10 d", "in 20 d"],
            ),
            "activity": charts.bars(
                progress.answers_by_day(connection, now),
                "Answers on each of the last 30 days",
                ["30 d ago", "20 d ago", "10 d ago"],
            ),
            "retention": charts.retention(weeks, target),
            "target": target,
            "share": 100 * recalled / answers if answers else None,
            "answers": answers,
            "streak": progress.streak(connection, now),
            "hardest": progress.hardest(connection),
            "labs": [(lab, states.get(lab.name)) for lab in all_labs()],
        }

    values = await request.app.state.database.read(read)
    total = progress.Part(
        "All decks",
        sum(part.new for part in values["decks"]),
        sum(part.learning for part in values["decks"]),
        sum(part.known for part in values["decks"]),
    )
    return page(request, "progress.html", total=total, stacked=charts.stacked, **values)


routes = [Route("/progress", show)]
