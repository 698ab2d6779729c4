# expects: the CancelledError was swallowed
import asyncio


async def run_all(jobs, limit):
    summary = {"done": {}, "late": [], "failed": {}}

    async def one(name, job):
        try:
            async with asyncio.timeout(limit):
                summary["done"][name] = await job()
        except TimeoutError:
            summary["late"].append(name)
        except BaseException as error:
            summary["failed"][name] = error

    tasks = [asyncio.create_task(one(name, job)) for name, job in jobs.items()]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        pass
    summary["late"].sort()
    return summary
