"""Faults of asyncio programs, found while they run.

While ``aioxide.watch()`` is on, a thread looks at the tasks of the process once a second, or less
often if that takes long. Each finding is logged once, as a warning of the logger
``aioxide.lints``, and kept for ``findings()``:

- ``blocking-call``: a step or callback holds the loop (logged by ``aioxide.watchdog``).
- ``deadlock``: tasks wait for one another in a circle, and none has a deadline.
- ``lock-held``: a lock is kept across an ``await`` for more than a second while others wait.
- ``cancellation-swallowed``: a task still runs 5 s after it was cancelled.
- ``exception-not-retrieved``: a task has failed, and 10 s later nobody has asked.
- ``task-dropped``: a pending task was collected, since nothing referred to it.
- ``never-awaited``: a coroutine was made and not awaited.
- ``never-closed``: a transport, loop or session was collected without being closed.
- ``queue-grows``: a queue without a limit has grown for 10 s in a row.
- ``unsent-bytes``: more than 1 MiB waits to be sent, and nobody awaits ``drain()``, or reacts to
  ``pause_writing()``.
- ``slow-shutdown``: ``asyncio.run()`` has been ending for more than 5 s.
- ``other-loop``: a lock, queue or future is used on another loop than its own.

Do not call anything here on a hot path.
"""

from __future__ import annotations

from ._findings import Finding, findings, forget_findings

# The native half's.
from ._noted import line_that_makes as _line_that_makes  # noqa: F401
from ._noted import note_cancellation as _note_cancellation  # noqa: F401
from ._noted import note_failure as _note_failure  # noqa: F401
from ._noted import note_made as _note_made  # noqa: F401
from ._noted import note_unclosed as _note_unclosed  # noqa: F401
from ._other_loop import note_other_loop as _note_other_loop  # noqa: F401

__all__ = ("Finding", "findings", "forget_findings")
