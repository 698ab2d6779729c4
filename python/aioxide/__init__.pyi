"""The types of ``import aioxide``: asyncio's own, and those of the names that are added.

What stands in place of a name of asyncio's has that name's type, so that a program that
says ``import aioxide as asyncio`` may pass what it makes to functions that are annotated
with asyncio's classes, and the other way round, as it can when it runs. ``stubtest``
compares what is here with what there is.
"""

from asyncio import *  # noqa: F403

# Python 3.11 leaves it out of asyncio's list.
from asyncio import TaskGroup as TaskGroup
from asyncio import base_events as base_events
from asyncio import base_futures as base_futures
from asyncio import base_subprocess as base_subprocess
from asyncio import base_tasks as base_tasks
from asyncio import constants as constants
from asyncio import coroutines as coroutines
from asyncio import events as events
from asyncio import exceptions as exceptions
from asyncio import format_helpers as format_helpers
from asyncio import futures as futures
from asyncio import locks as locks
from asyncio import log as log
from asyncio import mixins as mixins
from asyncio import protocols as protocols
from asyncio import queues as queues
from asyncio import selector_events as selector_events
from asyncio import sslproto as sslproto
from asyncio import staggered as staggered
from asyncio import subprocess as subprocess
from asyncio import taskgroups as taskgroups
from asyncio import threads as threads
from asyncio import timeouts as timeouts
from asyncio import transports as transports
from asyncio import trsock as trsock

from ._asyncio.installation import install as install
from ._asyncio.installation import uninstall as uninstall
from ._asyncio.policy import EventLoopPolicy as EventLoopPolicy
from .loop import Loop as Loop
from .recording import dump_trace as dump_trace
from .recording import record as record
from .telemetry import metrics as metrics
from .watchdog import unwatch as unwatch
from .watchdog import watch as watch

__version__: str
