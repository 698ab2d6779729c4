"""Jobs of which some take too long or fail, and a summary."""

import asyncio


async def job(number):
    if number % 4 == 3:
        await asyncio.sleep(3600)
    await asyncio.sleep(0.005)
    if number % 5 == 4:
        raise ValueError(f"job {number} is out of order")
    return number * 10


async def main():
    limit = 0.5
    results = await asyncio.gather(
        *(asyncio.wait_for(job(number), limit) for number in range(10)), return_exceptions=True
    )
    done = failed = late = 0
    for number, result in enumerate(results):
        match result:
            case TimeoutError():
                late += 1
                print(f"job {number}: timed out")
            case Exception():
                failed += 1
                print(f"job {number}: failed: {result}")
            case value:
                done += 1
                print(f"job {number}: {value}")
    print(f"{done} done, {failed} failed, {late} timed out")


asyncio.run(main())
