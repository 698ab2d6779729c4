"""Anthropic's SDK under ``--http``, against a local server that speaks its streaming format."""

import asyncio

import anthropic
from harness.given import Given

from programs.applications.language_models import serving

ORDER = {"max_tokens": 100, "messages": [{"role": "user", "content": "A question?"}]}
SECONDS = 30.0


def main(given: Given) -> None:
    given.run(work(given))


async def work(given: Given) -> None:
    async with (
        serving().listening() as base,
        anthropic.AsyncAnthropic(
            api_key="none", base_url=base, timeout=SECONDS, max_retries=2
        ) as client,
    ):
        for model in ("good", "missing", "refused", "busy", "dropping"):
            given.found(f"a message: {model}", await message(client, model))
        given.did("messages, errors, retries")
        for model in ("good", "byte by byte", "cut", "missing", "busy"):
            given.found(f"a stream: {model}", await streamed(client, model))
        given.did("streams, one of them cut")
        await timeouts(given, client)
        await cancelled(given, client)
        total = given.times(200, 40)
        found = await asyncio.gather(*(streamed(client, "good") for _ in range(total)))
        assert all(it == found[0] for it in found)
        given.found("at once", found[0])
        given.did(f"{total} streams at once")
        given.check_native_http()


async def message(client: anthropic.AsyncAnthropic, model: str) -> object:
    try:
        raw = await client.messages.with_raw_response.create(model=model, **ORDER)
    except anthropic.AnthropicError as error:
        return described(error)
    parsed = await raw.parse()
    return [raw.status_code, raw.headers.get("request-id"), parsed.model_dump(mode="json")]


async def streamed(client: anthropic.AsyncAnthropic, model: str) -> object:
    pieces: list[object] = []
    try:
        async with client.messages.stream(model=model, **ORDER) as stream:
            async for text in stream.text_stream:
                pieces.append(text)
            final = await stream.get_final_message()
            pieces.append([final.stop_reason, final.usage.output_tokens])
    except Exception as error:
        pieces.append(described(error))
    return pieces


async def timeouts(given: Given, client: anthropic.AsyncAnthropic) -> None:
    impatient = client.with_options(timeout=0.2, max_retries=1)
    for model in ("silent", "stalling"):
        given.found(f"too slow: {model}", await streamed(impatient, model))
    given.did("timeouts")


async def cancelled(given: Given, client: anthropic.AsyncAnthropic) -> None:
    task = asyncio.create_task(streamed(client, "stalling"))
    await asyncio.sleep(0.2)
    task.cancel()
    given.found("cancelled", type((await asyncio.gather(task, return_exceptions=True))[0]).__name__)
    given.did("a stream cancelled")


def described(error: Exception) -> list[object]:
    """The exception, the cause of one of the SDK's, and the status."""
    cause = error.__cause__ if isinstance(error, anthropic.AnthropicError) else None
    return [
        type(error).__qualname__,
        type(cause).__qualname__,
        getattr(error, "status_code", None),
    ]
