"""``--http`` on the command line, and in the processes that the program starts."""

import pytest

PROGRAM = """
    import asyncio
    import httpx

    async def serve(reader, writer):
        await reader.readuntil(b"\\r\\n\\r\\n")
        writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
        writer.close()
        await writer.wait_closed()

    async def how():
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with httpx.AsyncClient() as client:
                answer = await client.get(f"http://127.0.0.1:{port}/")
                stream = answer.extensions["network_stream"]
                return type(stream).__module__.partition(".")[0]

    def run(_=None):
        return asyncio.run(how())
"""


@pytest.fixture
def work(program):
    """Writes ``work.py``, ``child.py`` and ``app.py``, the first two with what `PROGRAM` does."""
    program(PROGRAM, "work.py")
    program("import work\nprint(work.run())", "child.py")
    return program("import work\nprint(work.run())")


@pytest.mark.parametrize(
    "options", [["--http"], ["--http", "--keep-loops"], ["--keep-loops", "--http"]]
)
def test_clients_are_accelerated(aioxide, work, options):
    finished = aioxide(*options, "app.py")
    assert (finished.stdout, finished.stderr) == ("aioxide\n", "")


def test_not_without_the_option(aioxide, work):
    assert aioxide("app.py").stdout == "httpcore\n"


def test_option_behind_the_program_is_the_programs(aioxide, program):
    program("import sys; print(sys.argv[1:])")
    assert aioxide("app.py", "--http").stdout == "['--http']\n"


def test_process_of_the_same_interpreter(aioxide, work, program):
    program(
        """
        import subprocess, sys
        subprocess.run([sys.executable, "child.py"])
        """
    )
    assert aioxide("--http", "app.py").stdout.split() == ["aioxide"]
    assert aioxide("app.py").stdout.split() == ["httpcore"]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_process_of_multiprocessing(aioxide, work, program, method):
    program(
        f"""
        import multiprocessing
        import work

        if __name__ == "__main__":
            with multiprocessing.get_context({method!r}).Pool(1) as pool:
                print(pool.map(work.run, [0]))
        """
    )
    finished = aioxide("--http", "app.py", deadline=60.0)
    assert (finished.stdout, finished.stderr) == ("['aioxide']\n", "")


@pytest.mark.parametrize(
    "value, client", [("http", "aioxide"), ("1", "httpcore"), ("0", "httpcore")]
)
def test_environment(launch, work, value, client):
    assert launch("child.py", env={"AIOXIDE": value}).stdout == f"{client}\n"


def test_environment_keeps_loops_as_well(launch, program):
    program(
        """
        import asyncio, os
        from aioxide._asyncio import installation
        print(installation._accelerates_http, installation._replaces_loops)
        """
    )
    assert launch("app.py", env={"AIOXIDE": "keep-loops,http"}).stdout == "True False\n"
