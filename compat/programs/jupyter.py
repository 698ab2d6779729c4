"""Jupyter's server by its own command, and a kernel that it starts as it is installed."""

import asyncio
import json
import os
import signal
import urllib.request
import uuid

import tornado.websocket
from harness.given import Given
from harness.serving import Server, free_port, serving
from tornado.httpclient import HTTPRequest

SECONDS = 60.0
CELL = "import asyncio\nprint(type(asyncio.get_running_loop()).__module__)"


def main(given: Given) -> None:
    for name in ("CONFIG", "DATA", "RUNTIME"):
        folder = given.folder / name.lower()
        folder.mkdir()
        os.environ[f"JUPYTER_{name}_DIR"] = str(folder)
    os.environ["IPYTHONDIR"] = str(given.folder / "ipython")
    port = free_port()
    command = ("-m", "jupyter", "server", "--no-browser", "--allow-root", f"--port={port}")
    command += ("--ServerApp.port_retries=0", "--IdentityProvider.token=")
    command += ("--ServerApp.password=", "--ServerApp.disable_check_xsrf=True")
    extensions = {"programs.applications.jupyter_extension": True}
    command += (f"--ServerApp.jpserver_extensions={extensions}",)
    with serving(given, *command, port=port, statuses=(0, -signal.SIGTERM)) as server:
        server.check_loops()
        given.did("the server, started by the command jupyter")
        given.run(kernel(given, server))
        given.did("a kernel: cells over a websocket")


async def kernel(given: Given, server: Server) -> None:
    started = await asyncio.to_thread(post, server, "/api/kernels", {"name": "python3"})
    session = uuid.uuid4().hex
    url = f"ws://127.0.0.1:{server.port}/api/kernels/{started['id']}/channels?session_id={session}"
    socket = await tornado.websocket.websocket_connect(HTTPRequest(url, connect_timeout=SECONDS))
    async with asyncio.timeout(SECONDS):
        module = await output_of(socket, session, CELL)
        given.check_server_loop(module.strip())
        for number in range(given.times(50, 10)):
            cell = f"await asyncio.sleep(0); print({number})"
            assert await output_of(socket, session, cell) == f"{number}\n"
        socket.close()
        while await socket.read_message() is not None:
            pass
    status, _ = await asyncio.to_thread(server.request, "DELETE", f"/api/kernels/{started['id']}")
    assert status == 204, status


def post(server: Server, path: str, body: object):
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}{path}",
        json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=SECONDS) as response:
        return json.loads(response.read())


async def output_of(socket, session: str, code: str) -> str:
    """What a cell prints, when the kernel has done it and is idle."""
    number = uuid.uuid4().hex
    header = {"msg_id": number, "msg_type": "execute_request", "session": session}
    header |= {"username": "compat", "version": "5.3", "date": ""}
    content = {"code": code, "silent": False, "store_history": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
    await socket.write_message(json.dumps({**message, "channel": "shell", "buffers": []}))
    printed, replied, idle = "", False, False
    while not (replied and idle):
        answer = json.loads(await socket.read_message())
        if answer["parent_header"].get("msg_id") != number:
            continue
        if answer["msg_type"] == "stream":
            printed += answer["content"]["text"]
        elif answer["msg_type"] == "execute_reply":
            assert answer["content"]["status"] == "ok", answer["content"]
            replied = True
        elif answer["msg_type"] == "status":
            idle = answer["content"]["execution_state"] == "idle"
    return printed
