"""A FastAPI application for ``fastapi run``."""

from fastapi import FastAPI, Request, Response

from programs.applications.place import busy, here

app = FastAPI()


@app.get("/loop")
async def loop():
    return here()


@app.get("/busy")
async def keep_busy():
    return busy()


@app.post("/echo")
async def echo(request: Request):
    return Response(await request.body())
