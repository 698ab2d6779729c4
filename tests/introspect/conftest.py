"""Fixtures: tasks that wait, and what is said about them."""

import asyncio

import pytest


@pytest.fixture
def introspect():
    return pytest.importorskip("aioxide.introspect")


@pytest.fixture
def waiting(api, run, introspect, new_loop):
    """Runs coroutine functions as named tasks, and returns what each waits for.

    ``waiting(name=function)`` gives ``{name: TaskInfo}`` after all have begun to wait.
    """

    def look(**functions):
        async def main():
            tasks = [
                asyncio.get_running_loop().create_task(function(), name=name)
                for name, function in functions.items()
            ]
            for _ in range(8):
                await api.sleep(0)
            infos = {info.name: info for info in introspect.tasks(asyncio.get_running_loop())}
            graph = introspect.wait_graph(asyncio.get_running_loop())
            text = introspect.format_tree(asyncio.get_running_loop())
            for task in tasks:
                task.cancel()
            await api.gather(*tasks, return_exceptions=True)
            return infos, graph, text

        return run(main())

    return look
