"""A pipeline of queues: numbers are produced, squared by three workers, and added up."""

import asyncio

END = None  # Queue.shutdown() is there from Python 3.13 on.


async def produce(numbers, workers):
    for number in range(1, 101):
        await numbers.put(number)
    await numbers.join()
    for _ in range(workers):
        await numbers.put(END)


async def square(numbers, squares):
    count = 0
    while (number := await numbers.get()) is not END:
        await asyncio.sleep(0)  # The work.
        await squares.put(number * number)
        numbers.task_done()
        count += 1
    return count


async def add(squares):
    total = 0
    while (square := await squares.get()) is not END:
        total += square
    return total


async def main():
    numbers, squares = asyncio.Queue(10), asyncio.Queue(10)
    async with asyncio.TaskGroup() as group:
        group.create_task(produce(numbers, 3))
        total = group.create_task(add(squares))
        workers = [group.create_task(square(numbers, squares)) for _ in range(3)]
        counts = await asyncio.gather(*workers)
        await squares.put(END)
        print(f"{sum(counts)} numbers were squared")
    print(f"their sum is {total.result()}")


asyncio.run(main())
