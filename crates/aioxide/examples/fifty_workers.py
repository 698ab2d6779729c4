"""Fifty workers want to use something that bears five at a time."""

import asyncio


class Service:
    def __init__(self):
        self.inside = 0
        self.most = 0

    async def work(self):
        self.inside += 1
        self.most = max(self.most, self.inside)
        await asyncio.sleep(0.005)
        self.inside -= 1


async def worker(service, places):
    async with places:
        await service.work()


async def main():
    service, places = Service(), asyncio.Semaphore(5)
    async with asyncio.TaskGroup() as group:
        workers = [group.create_task(worker(service, places)) for _ in range(50)]
    print(f"{len(workers)} workers are done, {service.most} at a time at most")


asyncio.run(main())
