"""Is anything left behind by ten thousand operations? ``make leaks`` asks for a million."""

import os

import pytest
from leaks.counting import growth
from leaks.operations import OPERATIONS

COUNT = 10_000
#: Less than one in twenty-five operations leaves, in whichever kind.
TOLERATED = 100
ROUNDS = 3
#: What goes to a thread and back takes its time; a leak in there shows as well in fewer.
SLOW = {"executor", "to thread", "run coroutine threadsafe"}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_leave_nothing_behind(api, loop, name):
    count = COUNT // 4 if name in SLOW else COUNT
    # Threads, dictionaries that grow and the like come and go by themselves; a leak stays.
    for _ in range(ROUNDS):
        left = growth(api, loop, OPERATIONS[name], count)
        if max(left.objects, left.blocks, left.references) < TOLERATED:
            return
    pytest.fail(f"{count:,} times left behind {left}", pytrace=False)


#: Blocks are counted by the interpreter's own allocator.
BLOCKS_ARE_COUNTED = os.environ.get("PYTHONMALLOC") != "malloc"


@pytest.mark.parametrize("leak", ["an object", *["a block"] * BLOCKS_ARE_COUNTED, "a reference"])
def test_a_leak_shows(api, loop, leak):
    kept = []
    leaked = {"an object": list, "a block": lambda: float(len(kept)), "a reference": lambda: loop}

    async def operation(api, count):
        kept.extend([leaked[leak]() for _ in range(count)])

    left = growth(api, loop, operation, 1000)
    assert max(left.objects, left.blocks, left.references) >= 1000
    kept.clear()
