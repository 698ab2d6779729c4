"""Where an application runs."""

import asyncio
import os
import time


def here() -> dict[str, object]:
    """The module of the running loop's class, and the number of the process."""
    return {"module": type(asyncio.get_running_loop()).__module__, "process": os.getpid()}


def busy() -> dict[str, object]:
    """The same, after the loop was kept busy, so that other processes get the next requests."""
    time.sleep(0.1)
    return here()
