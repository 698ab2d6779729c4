"""Record what the event loops of this process do.

A recording keeps the last events of each loop in memory of a fixed size: every step of a
task and every callback with its duration, who created and who woke whom, what each task
waits for. Beside them it keeps a table of the live tasks. It costs some nanoseconds a
step, so that it can stay on, and what led to an incident is there afterwards::

    import aioxide

    aioxide.record(save="incident.aiotrace")  # saved when an exception is unhandled
    ...
    aioxide.dump_trace("now.aiotrace")        # or whenever you want

``AIOXIDE_RECORD=1`` in the environment does the same for a program as it is. The file
is described in ``docs/trace-format.md``; a name that ends with ``.json`` gives Chrome
trace events.
"""

from ._session import Recording, dump_trace, is_recording, mark, record, save

__all__ = ("Recording", "dump_trace", "is_recording", "mark", "record", "save")
