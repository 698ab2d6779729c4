# expects: the jobs have to run at the same time
import asyncio


async def run_all(jobs, limit):
    summary = {"done": {}, "late": [], "failed": {}}
    for name, job in jobs.items():
        try:
            summary["done"][name] = await asyncio.wait_for(job(), limit)
        except TimeoutError:
            summary["late"].append(name)
        except Exception as error:
            summary["failed"][name] = error
    summary["late"].sort()
    return summary
