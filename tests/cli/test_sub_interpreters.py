"""aioxide refuses sub-interpreters, and goes on working in the main one."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
try:
    import _interpreters as interpreters
    def execute(kind, source):
        made = interpreters.create(kind)
        failure = interpreters.exec(made, source)
        interpreters.destroy(made)
        return "" if failure is None else failure.formatted
except ImportError:
    import _xxsubinterpreters as interpreters
    def execute(kind, source):
        made = interpreters.create(isolated=kind == "isolated")
        try:
            interpreters.run_string(made, source)
            return ""
        except interpreters.RunFailedError as error:
            return str(error)
        finally:
            interpreters.destroy(made)

WORK = '''
import aioxide
async def main():
    queue = aioxide.Queue()
    async with aioxide.timeout(5), aioxide.TaskGroup() as group:
        for number in range(10):
            group.create_task(queue.put(str(number)))
    return await aioxide.gather(*[queue.get() for _ in range(10)])
assert aioxide.run(main()) == [str(number) for number in range(10)]
'''

for step in sys.argv[1:]:
    if step == "main":
        exec(WORK)
    else:
        for _ in range(2):
            failure = execute(step, WORK)
            assert "ImportError" in failure, failure
            assert "aioxide does not support sub-interpreters" in failure, failure
print("over")
"""


@pytest.mark.parametrize(
    "steps",
    [
        ["legacy", "main"],
        ["isolated", "main"],
        ["main", "legacy", "main"],
        ["main", "isolated", "main"],
        ["legacy", "isolated", "main", "legacy", "isolated", "main"],
    ],
    ids=" ".join,
)
def test_sub_interpreters_are_refused(steps):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, *steps],
        capture_output=True,
        text=True,
        timeout=25,
    )
    assert done.stderr == ""
    assert done.stdout == "over\n"
    assert done.returncode == 0
