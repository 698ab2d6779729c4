"""Limit how many do something at the same time.

Fifty tasks want to use a service that bears five at a time. A semaphore has as many places as
the service; who finds none free waits for one, in the order of coming.

    python examples/limit_with_semaphore.py
    python -m aioxide examples/limit_with_semaphore.py
"""

import asyncio

PLACES = 5
VISITORS = 50


class Service:
    """A service on the loopback interface that knows how many it served at the same time."""

    def __init__(self):
        self.inside = 0
        self.most = 0
        self.served = 0

    async def serve(self, reader, writer):
        self.inside += 1
        self.most = max(self.most, self.inside)
        name = await reader.readline()
        await asyncio.sleep(0.01)  # the work
        self.served += 1
        self.inside -= 1
        writer.write(b"hello " + name)
        await writer.drain()
        writer.close()
        await writer.wait_closed()


async def visit(address, number):
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(f"visitor {number}\n".encode())
        return await reader.readline()
    finally:
        writer.close()
        await writer.wait_closed()


async def main():
    service = Service()
    semaphore = asyncio.Semaphore(PLACES)

    async def visit_in_turn(address, number):
        async with semaphore:
            return await visit(address, number)

    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    async with server:
        address = server.sockets[0].getsockname()
        async with asyncio.TaskGroup() as group:
            for number in range(VISITORS):
                group.create_task(visit_in_turn(address, number))

    print(f"served: {service.served}")
    print(f"at the same time: never more than {PLACES}: {service.most <= PLACES}")


if __name__ == "__main__":
    asyncio.run(main())
