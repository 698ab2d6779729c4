"""Packages that mock or watch httpx keep working under ``install(http=True)``.

Each test runs in an interpreter of its own, where the name in the URL resolves to nothing: a
request that was mocked and yet sent would fail.
"""

import textwrap

import pytest

pytest.importorskip("respx")
pytest.importorskip("pytest_httpx")

INSTALL = """
    import asyncio
    import aioxide
    aioxide.install(http=True)
    import httpx

    async def serve(reader, writer):
        await reader.readuntil(b"\\r\\n\\r\\n")
        writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 4\\r\\n")
        writer.write(b"Connection: close\\r\\n\\r\\nreal")
        writer.close()
        await writer.wait_closed()

    async def real():
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await get(f"http://127.0.0.1:{port}/")

    async def get(url="http://mocked.invalid/"):
        async with httpx.AsyncClient() as client:
            answer = await client.get(url)
            stream = answer.extensions.get("network_stream")
            print(answer.text, type(stream).__module__.partition(".")[0])
"""


@pytest.fixture
def output(run_script):
    """Runs INSTALL and these lines, and returns what they print."""

    def run(source, **options):
        finished = run_script(INSTALL + source, **options)
        assert (finished.returncode, finished.stderr) == (0, "")
        return finished.stdout.splitlines()

    return run


@pytest.mark.parametrize("using", ["httpx", "httpcore"])
@pytest.mark.parametrize("used_before", [True, False])
def test_respx(output, using, used_before):
    lines = output(
        f"""
    import respx
    if {used_before}:
        asyncio.run(real())
    with respx.mock(using={using!r}) as router:
        router.get("http://mocked.invalid/").respond(text="mocked")
        asyncio.run(get())
    asyncio.run(real())
    """
    )
    assert lines == ["real aioxide"] * used_before + ["mocked builtins", "real aioxide"]


def test_respx_passes_through(output):
    lines = output(
        """
    import respx
    with respx.mock() as router:
        router.get("http://mocked.invalid/").respond(text="mocked")
        router.route(host="127.0.0.1").pass_through()
        asyncio.run(real())
        asyncio.run(get())
    """
    )
    assert [line.split()[0] for line in lines] == ["real", "mocked"]


def test_pytest_httpx(run_script, tmp_path):
    (tmp_path / "test_program.py").write_text(
        textwrap.dedent(
            """
            import asyncio
            import httpx
            import pytest

            async def get(url):
                async with httpx.AsyncClient() as client:
                    return (await client.get(url)).text

            def test_mocked(httpx_mock):
                httpx_mock.add_response(url="http://mocked.invalid/", text="mocked")
                assert asyncio.run(get("http://mocked.invalid/")) == "mocked"

            def test_unmocked_request_is_refused(httpx_mock):
                with pytest.raises(httpx.TimeoutException):
                    asyncio.run(get("http://mocked.invalid/"))
            """
        )
    )
    finished = run_script(
        """
    import sys
    import aioxide
    aioxide.install(http=True)
    import pytest
    sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:asyncio", sys.argv[1]]))
    """,
        str(tmp_path),
    )
    assert "2 passed" in finished.stdout, finished.stdout + finished.stderr


OPENTELEMETRY = """
    from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    HTTPXClientInstrumentor().instrument(tracer_provider=provider)
    asyncio.run(real())
    print([span.name for span in exporter.get_finished_spans()])
    HTTPXClientInstrumentor().uninstrument()
    asyncio.run(real())
"""


def test_opentelemetry(output):
    pytest.importorskip("opentelemetry.instrumentation.httpx")
    assert output(OPENTELEMETRY) == ["real aioxide", "['GET']", "real aioxide"]


def test_patched_socket(output):
    lines = output(
        """
    import socket
    def refuse(*args, **named):
        raise RuntimeError("no network in tests")
    real_socket = socket.socket
    socket.socket = refuse
    async def go():
        try:
            await get("http://127.0.0.1:9/")
        except RuntimeError as error:
            print(error)
    async def main():
        await go()
    socket.socket = real_socket
    loop = asyncio.new_event_loop()
    socket.socket = refuse
    loop.run_until_complete(main())
    socket.socket = real_socket
    loop.close()
    """
    )
    assert lines == ["no network in tests"]
