"""An API gateway: FastAPI under uvicorn, which answers each request by one to another API.

``BENCH_CLIENT`` names the client and ``BENCH_API`` the address. Prints ``listening HOST:PORT``
and serves until it is killed. Run it as ``python -m aioxide [--http] serve_application.py``.
"""

import asyncio
import os
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from http_clients import clients

URL = f"{os.environ['BENCH_API']}/json"


@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.client = clients.find(os.environ["BENCH_CLIENT"])(clients.Setting())
    await app.state.client.open()
    yield
    await app.state.client.close()


app = FastAPI(lifespan=lifespan)


@app.get("/answer")
async def answer(request: Request) -> dict[str, int]:
    document = await request.app.state.client.get_json(URL)
    return {"choices": len(document["choices"])}


def main() -> None:
    sock = socket.create_server(("127.0.0.1", 0), backlog=1024)
    config = uvicorn.Config(app, loop="asyncio", http="httptools", access_log=False)
    config.log_level = "warning"
    server = uvicorn.Server(config)

    async def serve() -> None:
        running = asyncio.get_running_loop()
        if type(running).__module__.partition(".")[0] != "aioxide":
            raise SystemExit(f"the application runs on {type(running).__module__}")
        print("listening {}:{}".format(*sock.getsockname()), flush=True)
        await server.serve([sock])

    asyncio.run(serve())


if __name__ == "__main__":
    main()
