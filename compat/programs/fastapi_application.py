"""The application that `fastapi` serves."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import BackgroundTasks, Depends, FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel

MIB = 1 << 20


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.background = app.state.abandoned = app.state.begun = 0
    ticking = asyncio.create_task(tick())
    yield
    ticking.cancel()
    await asyncio.wait([ticking])


async def tick() -> None:
    while True:
        await asyncio.sleep(0.01)


app = FastAPI(lifespan=lifespan)


class Item(BaseModel):
    name: str
    price: float


async def factor() -> AsyncIterator[int]:
    await asyncio.sleep(0)
    yield 2
    await asyncio.sleep(0)


@app.get("/loop")
async def loop():
    return {"module": type(asyncio.get_running_loop()).__module__, "process": os.getpid()}


@app.get("/json")
async def json():
    return {"message": "hello", "numbers": [1, 2, 3]}


@app.post("/items/{number}")
async def items(number: int, item: Item, times: int = Depends(factor)):
    return {"number": number, "total": times * item.price, "item": item}


@app.get("/threaded")
def threaded():
    return "in a thread"


@app.get("/broken")
async def broken():
    return JSONResponse("broken on purpose", status_code=500)


@app.get("/background")
async def background(tasks: BackgroundTasks):
    def count() -> None:
        app.state.background += 1

    tasks.add_task(count)


@app.get("/background/done")
async def background_done():
    return app.state.background


@app.post("/count")
async def count(request: Request):
    total = 0
    async for chunk in request.stream():
        total += len(chunk)
    return total


@app.get("/stream/{mib}")
async def stream(mib: int):
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(mib):
            yield b"x" * MIB

    return StreamingResponse(parts())


@app.get("/endless")
async def endless():
    async def parts() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * MIB
                # Without a pause the loop never hears that the client has gone.
                await asyncio.sleep(0)
        finally:
            app.state.abandoned += 1

    return StreamingResponse(parts())


@app.get("/endless/abandoned")
async def endless_abandoned():
    return app.state.abandoned


@app.get("/slow")
async def slow():
    """Is done a while after the process was told to end."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    by_uvicorn = signal.getsignal(signal.SIGTERM)

    def tell(number, frame) -> None:
        by_uvicorn(number, frame)
        loop.call_soon_threadsafe(told.set)

    signal.signal(signal.SIGTERM, tell)
    app.state.begun += 1
    await told.wait()
    await asyncio.sleep(0.3)
    return "done"


@app.get("/slow/begun")
async def slow_begun():
    return app.state.begun


@app.websocket("/echo")
async def echo(socket: WebSocket):
    await socket.accept()
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnect:
        pass
