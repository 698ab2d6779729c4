"""What a process holds: objects, blocks of memory, references to what is shared, and pages."""

import gc
import os
import resource
import sys
from typing import NamedTuple


class Holdings(NamedTuple):
    """So much there is, or so much more than before."""

    #: Objects that the collector knows of.
    objects: int
    #: Blocks of the interpreter's allocator.
    blocks: int
    #: References to the loop and to the classes, which a leak need not make an object of.
    references: int
    #: Bytes of memory, as the system sees it.
    resident: int


def resident_memory():
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # not Linux: the most there ever was
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def holdings(shared):
    gc.collect()
    gc.collect()
    return Holdings(
        len(gc.get_objects()),
        sys.getallocatedblocks(),
        sum(sys.getrefcount(each) for each in shared),
        resident_memory(),
    )


def growth(api, loop, operation, count):
    """Do an operation ``count`` times, and return by how much that left more than before.

    A tenth as often it is done before, for all that is made once and kept.
    """
    shared = [loop, *(getattr(api, name) for name in api.__all__)]
    loop.run_until_complete(operation(api, count // 10))
    before = holdings(shared)
    loop.run_until_complete(operation(api, count))
    after = holdings(shared)
    return Holdings(*(now - then for now, then in zip(after, before, strict=True)))
