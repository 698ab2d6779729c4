"""Templates, and what every one of them can use."""

from __future__ import annotations

import functools
import importlib
from datetime import datetime
from typing import Any

import jinja2
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from aioxide_learn import content, scheduling
from aioxide_learn.rendering import markdown
from aioxide_learn.store import settings, steps

#: The pages of the navigation: address and name.
PAGES = (
    ("/review", "Review"),
    ("/decks", "Decks"),
    ("/browse", "Browse"),
    ("/chapters", "Chapters"),
    ("/labs", "Labs"),
    ("/days", "Days"),
    ("/notes", "Notes"),
    ("/progress", "Progress"),
)


@functools.cache
def environment() -> jinja2.Environment:
    """Return the environment of the templates; what they print is escaped."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("aioxide_learn.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(
        markdown=lambda text: Markup(markdown(text)),
        interval=scheduling.as_text,
        moment=moment,
    )
    made.globals.update(
        pages=PAGES,
        grades=tuple(scheduling.GRADES.values()),
        place_of=content.place_of,
        themes=settings.THEMES,
        done=steps.DONE,
    )
    return made


def warm() -> None:
    """Compile the templates and load what is imported late; in a thread, before it is needed.

    The first page would do it on the loop's thread, and the others wait.
    """
    importlib.import_module("anyio.streams.memory")  # of Starlette's files and streams
    importlib.import_module("anyio._backends._asyncio")
    for name in environment().list_templates():
        environment().get_template(name)
    markdown("```python\nawait asyncio.sleep(1)\n```")


def moment(at: int | None) -> str:
    """Return a time for people: `2026-11-29 18:05`."""
    if at is None:
        return "never"
    return datetime.fromtimestamp(at / 1000).strftime("%Y-%m-%d %H:%M")


def fragment(request: Request, template: str, **values: Any) -> str:
    """Return a template with its values filled in."""
    state = request.app.state
    shared = {"token": state.token, "theme": state.theme, "path": request.url.path}
    return environment().get_template(template).render(**shared, **values)


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a template as a response."""
    return HTMLResponse(fragment(request, template, **values), status)
