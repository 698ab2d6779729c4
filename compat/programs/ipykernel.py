"""ipykernel: a kernel on this loop, driven through jupyter_client as a notebook drives it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import zmq
from harness.given import Given
from jupyter_client import AsyncKernelClient, AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager

SECONDS = 60.0


def main(given: Given) -> None:
    given.run(work(given))
    zmq.Context.instance().term()


async def work(given: Given) -> None:
    async with kernel(given, "cells") as (manager, client):
        await on_the_right_loop(given, client)
        await awaiting_cells(given, client)
        await large_output(given, client)
        await failing_cell(given, client)
        await interrupted(given, manager, client)
        await asked(given, client)
        await many_cells(given, client)
    # In debug mode asyncio refuses what ipykernel does when it is asked to end: it calls a loop
    # from another thread than the loop's. This kernel is therefore not in debug mode.
    async with kernel(given, "ending", {"PYTHONDEVMODE": ""}) as (manager, client):
        await restarted(given, manager, client)
        await shut_down(given, manager, client)


@contextlib.asynccontextmanager
async def kernel(
    given: Given, name: str, environment: dict[str, str] | None = None
) -> AsyncIterator[tuple[AsyncKernelManager, AsyncKernelClient]]:
    """Run a kernel on this loop; killed at the end if it still runs.

    Args:
        given: says which loop.
        name: of the specification that is made for the kernel.
        environment: what its process has of its own.
    """
    folder = given.folder / "kernels" / name
    folder.mkdir(parents=True)
    command = [*given.python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": name, "language": "python", "env": environment or {}}
    (folder / "kernel.json").write_text(json.dumps(spec))
    specs = KernelSpecManager(kernel_dirs=[str(folder.parent)])
    manager = AsyncKernelManager(kernel_name=name, kernel_spec_manager=specs)
    await manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=SECONDS)
        yield manager, client
    finally:
        client.stop_channels()
        if await manager.is_alive():
            await manager.shutdown_kernel(now=True)
        manager.context.term()


async def run(client: AsyncKernelClient, code: str, answer: str | None = None) -> dict[str, Any]:
    """Run a cell; answers its result, what it wrote and the error that it ended with.

    Args:
        client: connected to the kernel.
        code: the cell.
        answer: what to say when it asks for input.
    """
    outcome: dict[str, Any] = {"text": "", "result": None, "error": None}

    def take(message: dict[str, Any]) -> None:
        content = message["content"]
        if message["msg_type"] == "stream":
            outcome["text"] += content["text"]
        elif message["msg_type"] == "execute_result":
            outcome["result"] = content["data"]["text/plain"]
        elif message["msg_type"] == "error":
            outcome["error"] = content["ename"]

    async def say(_message: dict[str, Any]) -> None:
        client.input(answer)

    await client.execute_interactive(
        code,
        output_hook=take,
        stdin_hook=say,
        allow_stdin=answer is not None,
        timeout=SECONDS,
    )
    return outcome


async def on_the_right_loop(given: Given, client: AsyncKernelClient) -> None:
    cell = "import asyncio; type(asyncio.get_running_loop()).__module__"
    given.check_loop_name((await run(client, cell))["result"].strip("'"))
    cell = "import threading; sorted(t.name for t in threading.enumerate() if not t.daemon)"
    assert (await run(client, cell))["result"] == "['MainThread']"
    given.did("a kernel in a process of its own")


async def awaiting_cells(given: Given, client: AsyncKernelClient) -> None:
    cell = """
queue = asyncio.Queue()
async def produce():
    for number in range(10):
        await asyncio.sleep(0.001)
        await queue.put(number)
producing = asyncio.create_task(produce())
[await queue.get() for _ in range(10)]
"""
    assert (await run(client, cell))["result"] == str(list(range(10)))
    # A task goes on between the cells.
    await run(client, "later = asyncio.create_task(asyncio.sleep(0.05, 'later'))")
    assert (await run(client, "await later"))["result"] == "'later'"
    cell = """
async def echo(reader, writer):
    writer.write(await reader.read())
    writer.close()
async with await asyncio.start_server(echo, '127.0.0.1', 0) as server:
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b'x' * 1_000_000)
    writer.write_eof()
    received = len(await reader.read())
    writer.close()
    await writer.wait_closed()
received
"""
    assert (await run(client, cell))["result"] == "1000000"
    given.did("cells that await")


async def large_output(given: Given, client: AsyncKernelClient) -> None:
    lines = given.times(200_000, 20_000)
    text = (await run(client, f"for number in range({lines}): print(number)"))["text"]
    assert text == "".join(f"{number}\n" for number in range(lines))
    given.did(f"{lines:,} lines of output")


async def failing_cell(given: Given, client: AsyncKernelClient) -> None:
    assert (await run(client, "1 / 0"))["error"] == "ZeroDivisionError"
    cell = "async with asyncio.timeout(0.01): await asyncio.Event().wait()"
    assert (await run(client, cell))["error"] == "TimeoutError"
    given.did("cells that fail")


async def interrupted(given: Given, manager: AsyncKernelManager, client: AsyncKernelClient) -> None:
    for cell, error in (
        ("print('begun', flush=True)\nwhile True: pass", "KeyboardInterrupt"),
        (
            "print('begun', flush=True)\nimport time\nwhile True: time.sleep(0.1)",
            "KeyboardInterrupt",
        ),
        ("print('begun', flush=True)\nawait asyncio.sleep(1000)", None),
    ):
        begun = asyncio.Event()
        failed: list[str] = []

        def take(message: dict[str, Any], begun=begun, failed=failed) -> None:
            if message["msg_type"] == "stream":
                begun.set()
            elif message["msg_type"] == "error":
                failed.append(message["content"]["ename"])

        running = asyncio.create_task(
            client.execute_interactive(cell, output_hook=take, timeout=SECONDS)
        )
        await begun.wait()
        await manager.interrupt_kernel()
        # The kernel's handler tells its loop by call_soon(), which a loop that waits does not
        # notice before the next message.
        client.kernel_info()
        reply = await running
        assert reply["content"]["status"] == "error", reply
        assert failed[0] in ("KeyboardInterrupt", "CancelledError"), failed
        assert error is None or failed == [error], failed
    assert (await run(client, "1 + 1"))["result"] == "2"
    given.did("3 interrupts")


async def asked(given: Given, client: AsyncKernelClient) -> None:
    assert (await run(client, "input('?')", "an answer"))["result"] == "'an answer'"
    given.did("input")


async def many_cells(given: Given, client: AsyncKernelClient) -> None:
    cells = given.times(200, 30)
    for number in range(cells):
        outcome = await run(client, f"await asyncio.sleep(0, {number})")
        assert outcome["result"] == str(number)
    given.did(f"{cells} cells")


async def restarted(given: Given, manager: AsyncKernelManager, client: AsyncKernelClient) -> None:
    await run(client, "kept = 1")
    await manager.restart_kernel()
    await client.wait_for_ready(timeout=SECONDS)
    assert (await run(client, "kept"))["error"] == "NameError"
    given.did("a restart")


async def shut_down(given: Given, manager: AsyncKernelManager, client: AsyncKernelClient) -> None:
    left = "import asyncio; left = asyncio.create_task(asyncio.sleep(1000))"
    assert (await run(client, left))["error"] is None
    process = manager.provisioner.process
    await manager.shutdown_kernel()
    assert process.returncode == 0, process.returncode
    given.did("shut down")
