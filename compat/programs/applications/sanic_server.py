"""A Sanic application."""

from sanic import Sanic
from sanic.response import json, raw

from programs.applications.place import busy, here

app = Sanic("compat")


@app.get("/loop")
async def loop(request):
    return json(here())


@app.get("/busy")
async def keep_busy(request):
    return json(busy())


@app.post("/echo")
async def echo(request):
    return raw(request.body)
