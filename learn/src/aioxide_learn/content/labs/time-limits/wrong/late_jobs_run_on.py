# expects: asyncio.wait() with a timeout cancels nothing
import asyncio


async def run_all(jobs, limit):
    tasks = {asyncio.create_task(job()): name for name, job in jobs.items()}
    done, late = await asyncio.wait(tasks, timeout=limit)
    summary = {"done": {}, "late": sorted(tasks[task] for task in late), "failed": {}}
    for task in done:
        if task.exception() is None:
            summary["done"][tasks[task]] = task.result()
        else:
            summary["failed"][tasks[task]] = task.exception()
    return summary
