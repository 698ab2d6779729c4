"""The application: its pages, what they share, and what errors look like."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.resources
import secrets
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import aioxide
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from aioxide_learn import content
from aioxide_learn.rendering import style_sheets
from aioxide_learn.store import course, settings
from aioxide_learn.store.cards import NoSuchCard
from aioxide_learn.store.database import AsyncDatabase
from aioxide_learn.store.decks import NoSuchDeck
from aioxide_learn.web.lab_room import LabRooms
from aioxide_learn.web.pages import browse, labs, progress, reading, review
from aioxide_learn.web.pages import decks as decks_page
from aioxide_learn.web.security import Guard
from aioxide_learn.web.templating import page, warm


def create(folder: Path, port: int) -> Starlette:
    """Return the application.

    Args:
        folder: the data folder.
        port: where the server listens: requests must name it.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, aioxide.Loop):
            raise RuntimeError(f"aioxide-learn runs on aioxide's loop, not on {loop!r}")
        database = AsyncDatabase()
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(database.close)
            await database.open(folder)
            app.state.folder = folder
            app.state.database = database
            app.state.token = await database.write(_token)
            app.state.theme = await database.read(settings.theme)
            await bring_in_course(database)
            warming = asyncio.create_task(asyncio.to_thread(warm), name="warm")
            stack.push_async_callback(asyncio.wait, [warming])
            app.state.rooms = await stack.enter_async_context(LabRooms(database))
            yield

    static = importlib.resources.files("aioxide_learn.web") / "static"
    return Starlette(
        routes=[
            *review.routes,
            *decks_page.routes,
            *browse.routes,
            *reading.routes,
            *labs.routes,
            *progress.routes,
            Route("/code.css", code_style),
            Mount("/static", StaticFiles(directory=str(static))),
        ],
        middleware=[Middleware(Guard, port=port)],
        exception_handlers={
            HTTPException: show_http_error,
            NoSuchCard: show_missing,
            NoSuchDeck: show_missing,
            sqlite3.OperationalError: show_database_error,
        },
        lifespan=lifespan,
    )


def _token(connection: sqlite3.Connection) -> str:
    """Return the token of the pages: kept, so that an open page outlives a restart."""
    token = settings.get(connection, "token")
    if token is None:
        token = secrets.token_urlsafe(32)
        settings.put(connection, "token", token)
    return token


async def bring_in_course(database: AsyncDatabase) -> None:
    """Import the course's decks if they have changed."""
    digest = content.decks_digest()
    if not await database.read(course.is_present, digest):
        found = await asyncio.to_thread(content.decks)
        await database.write(course.bring_in, found, digest)


async def code_style(request: Request) -> Response:
    """GET /code.css: the colours of code, made by Pygments."""
    return Response(style_sheets(), media_type="text/css", headers={"Cache-Control": "no-cache"})


async def show_http_error(request: Request, error: Exception) -> Response:
    """Answer with what is wrong, in the place where htmx puts it or as a page."""
    assert isinstance(error, HTTPException)
    return _show_error(request, error.status_code, error.detail)


async def show_missing(request: Request, error: Exception) -> Response:
    """Answer to a card or deck that is not there."""
    return _show_error(request, 404, f"{error}.")


async def show_database_error(request: Request, error: Exception) -> Response:
    """Answer to a file that cannot be written: the disk is full, another process keeps it."""
    return _show_error(request, 503, f"The progress could not be saved or read: {error}.")


def _show_error(request: Request, status: int, message: str) -> Response:
    if "hx-request" in request.headers:
        response = page(request, "error_message.html", status, message=message)
        response.headers["HX-Retarget"] = "#alert"
        response.headers["HX-Reswap"] = "innerHTML"
        return response
    return page(request, "error.html", status, message=message)
