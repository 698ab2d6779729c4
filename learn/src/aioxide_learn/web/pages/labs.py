"""Labs: the task, the learner's results as they save, hints, and the solution."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from aioxide_learn import content, lab_work
from aioxide_learn.labs import Lab, all_labs
from aioxide_learn.rendering import document
from aioxide_learn.store import notes, study
from aioxide_learn.web import timelines
from aioxide_learn.web.pages.reading import picture_address
from aioxide_learn.web.security import change
from aioxide_learn.web.templating import fragment, page


async def show_all(request: Request) -> Response:
    """GET /labs: the labs, and which are passed."""
    states = await request.app.state.database.read(study.labs)
    return page(request, "labs.html", labs=all_labs(), states=states)


async def show(request: Request) -> Response:
    """GET /labs/NAME: a lab."""
    lab = _find(request)
    task = content.read_page(lab.name, 0, lab.readme)
    return page(
        request,
        "lab.html",
        task=document(task.source, address=content.address, picture=picture_address),
        chapter=content.place_of(lab.chapter),
        note=await request.app.state.database.read(notes.get, "lab", lab.name),
        **await _values(request, lab),
    )


def _find(request: Request) -> Lab:
    try:
        return lab_work.find(request.path_params["name"])
    except lab_work.LabError as error:
        raise HTTPException(404, f"{error}.") from None


async def _values(request: Request, lab: Lab) -> dict[str, Any]:
    state = await request.app.state.database.read(study.lab, lab.name)
    report = None if state is None else state.report
    file = None if state is None else Path(state.path) / lab_work.FILE
    return {
        "lab": lab,
        "state": state,
        "file": file,
        "missing": file is not None and not file.is_file(),
        "report": report,
        "timeline": timelines.timeline(report["timeline"]) if report else None,
    }


async def begin(request: Request, form: FormData) -> Response:
    """POST /labs/NAME/start: write the files, in the data folder if it was never started."""
    lab = _find(request)
    database = request.app.state.database
    state = await database.read(study.lab, lab.name)
    folder = request.app.state.folder / "labs" / lab.name if state is None else Path(state.path)
    try:
        lab_work.begin(lab, folder)
    except lab_work.LabError as error:
        raise HTTPException(400, f"{error}.") from None
    await database.write(study.start_lab, lab.name, str(folder))
    return RedirectResponse(f"/labs/{lab.name}", 303)


async def check(request: Request, form: FormData) -> Response:
    """POST /labs/NAME/check: check the file now; the results."""
    lab = _find(request)
    try:
        await request.app.state.rooms.check(lab.name)
    except lab_work.LabError as error:
        raise HTTPException(400, f"{error}.") from None
    return page(request, "lab/results.html", **await _values(request, lab))


async def hint(request: Request, form: FormData) -> Response:
    """POST /labs/NAME/hint: one hint more; all that are shown."""
    lab = _find(request)
    await request.app.state.database.write(study.show_hint, lab.name, len(lab.hints))
    return page(request, "lab/help.html", **await _values(request, lab))


async def solution(request: Request, form: FormData) -> Response:
    """POST /labs/NAME/solution: show the solution."""
    lab = _find(request)
    await request.app.state.database.write(study.show_solution, lab.name)
    return page(request, "lab/help.html", **await _values(request, lab))


async def events(request: Request) -> Response:
    """GET /labs/NAME/events: the results as they come, as server-sent events."""
    lab = _find(request)

    async def stream() -> AsyncIterator[str]:
        yield "retry: 1000\n\n"
        async for event in request.app.state.rooms.events(lab.name):
            if event == "running":
                yield "event: running\ndata: \n\n"
                continue
            values = await _values(request, lab)
            for name, template in (("results", "lab/results.html"), ("help", "lab/help.html")):
                lines = fragment(request, template, **values).splitlines()
                data = "".join(f"data: {line}\n" for line in lines)
                yield f"event: {name}\n{data}\n"

    return StreamingResponse(stream(), media_type="text/event-stream")


routes = [
    Route("/labs", show_all),
    Route("/labs/{name}", show),
    Route("/labs/{name}/start", change(begin), methods=["POST"]),
    Route("/labs/{name}/check", change(check), methods=["POST"]),
    Route("/labs/{name}/hint", change(hint), methods=["POST"]),
    Route("/labs/{name}/solution", change(solution), methods=["POST"]),
    Route("/labs/{name}/events", events),
]
