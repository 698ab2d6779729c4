"""Packages that put themselves in aiohttp's way find what they expect."""

import aiohttp
import pytest
from aioxide.http._aiohttp.responses import Response
from http_aiohttp.scripted import ScriptedServer, json_response
from http_aiohttp.sides import run

JSON = json_response(b"[1]")


def test_aioresponses(Session):
    aioresponses = pytest.importorskip("aioresponses")

    async def main():
        server = await ScriptedServer([JSON]).start()
        async with Session() as session:
            with aioresponses.aioresponses(passthrough=[server.url]) as mocked:
                # Its responses cannot be made with this aiohttp; its exceptions can.
                mocked.get("http://no.where/", exception=ValueError("mocked"))
                with pytest.raises(ValueError, match="mocked"):
                    await session.get("http://no.where/")
                with pytest.raises(aiohttp.ClientConnectionError):
                    await session.get("http://else.where/")
                async with session.get(server.url) as response:
                    assert await response.json() == [1]
                mocked.assert_any_call("http://no.where/")
            async with session.get(server.url) as response:
                assert await response.json() == [1]
        await server.close()

    run(main())


def test_open_telemetry(Session, side):
    pytest.importorskip("opentelemetry.instrumentation.aiohttp_client")
    from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    async def main():
        server = await ScriptedServer([JSON]).start()
        async with Session() as session:
            async with session.get(server.url + "/path") as response:
                assert await response.json() == [1]
            try:
                await session.get("http://127.0.0.1:1/")
            except aiohttp.ClientConnectorError:
                pass
        await server.close()
        return server, type(response)

    AioHttpClientInstrumentor().instrument(tracer_provider=provider)
    try:
        server, kind = run(main())
    finally:
        AioHttpClientInstrumentor().uninstrument()
    assert (kind is Response) == (side != "plain")
    assert b"\r\ntraceparent: 00-" in server.requests[0]
    first, second = exporter.get_finished_spans()
    assert first.attributes["http.status_code"] == 200
    assert first.attributes["http.url"] == server.url + "/path"
    assert second.status.is_ok is False
