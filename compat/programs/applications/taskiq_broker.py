"""taskiq's broker over Redis, and its tasks."""

import os

from taskiq_redis import ListQueueBroker, RedisAsyncResultBackend

from programs.applications.place import busy

URL = f"redis://127.0.0.1:{os.environ.get('COMPAT_REDIS', '6379')}"

broker = ListQueueBroker(URL, queue_name="compat:taskiq").with_result_backend(
    RedisAsyncResultBackend(URL)
)


@broker.task
async def where():
    return busy()


@broker.task
async def add(one: int, other: int):
    return one + other


@broker.task
def in_a_thread(number: int):
    return number**2
