"""What arq's worker is told: its functions, and where Redis is."""

import os

from arq import Retry, cron
from arq.connections import RedisSettings

from programs.applications.place import here


async def where(ctx):
    return here()


async def add(ctx, one, other):
    return one + other


async def at_the_second_try(ctx):
    if ctx["job_try"] < 2:
        raise Retry(defer=0.1)
    return ctx["job_try"]


async def ticked(ctx):
    await ctx["redis"].set("compat:arq:ticked", "yes")


class WorkerSettings:
    functions = [where, add, at_the_second_try]
    cron_jobs = [cron(ticked, second=set(range(60)))]
    redis_settings = RedisSettings("127.0.0.1", int(os.environ.get("COMPAT_REDIS", "6379")))
    queue_name = "compat:arq"
    poll_delay = 0.05
