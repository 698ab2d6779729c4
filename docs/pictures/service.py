"""A small service, for the pictures of `aioxide top`: `make pictures` runs it."""

import asyncio
import itertools
import sys


async def query(database, seconds):
    async with database:
        await asyncio.sleep(seconds)


async def handle_order(database, stock, mails, number):
    for turn in itertools.count():
        await query(database, 0.3)
        async with stock:
            await asyncio.sleep(0.002)
        await mails.put(f"order {number}.{turn}")


async def send_mails(mails):
    while True:
        await mails.get()
        await asyncio.sleep(0.01)


async def report():
    while True:
        sum(range(200_000))
        await asyncio.sleep(0.2)


async def answer(reader, writer):
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()


async def main():
    database, stock, mails = asyncio.Semaphore(3), asyncio.Lock(), asyncio.Queue(20)
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(server.serve_forever(), name="server"),
            group.create_task(report(), name="report"),
            group.create_task(send_mails(mails), name="mailer"),
        ]
        for number in range(1, 9):
            order = handle_order(database, stock, mails, number)
            tasks.append(group.create_task(order, name=f"order {number}"))
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        for task in tasks:
            task.cancel()


asyncio.run(main())
