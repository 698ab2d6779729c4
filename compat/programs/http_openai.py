"""OpenAI's SDK under ``--http``, against a local server that speaks its streaming format."""

import asyncio

import openai
from harness.given import Given

from programs.applications.language_models import serving

MESSAGES = [{"role": "user", "content": "A question?"}]
SECONDS = 30.0


def main(given: Given) -> None:
    given.run(work(given))


async def work(given: Given) -> None:
    async with (
        serving().listening() as base,
        openai.AsyncOpenAI(
            api_key="none", base_url=f"{base}/v1", timeout=SECONDS, max_retries=2
        ) as client,
    ):
        for model in ("good", "missing", "refused", "busy", "dropping"):
            given.found(f"a completion: {model}", await completion(client, model))
        given.did("completions, errors, retries")
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


async def completion(client: openai.AsyncOpenAI, model: str) -> object:
    try:
        raw = await client.chat.completions.with_raw_response.create(model=model, messages=MESSAGES)
    except openai.OpenAIError as error:
        return described(error)
    return [raw.status_code, raw.headers.get("x-request-id"), raw.parse().model_dump(mode="json")]


async def streamed(client: openai.AsyncOpenAI, model: str) -> object:
    pieces: list[object] = []
    try:
        events = await client.chat.completions.create(model=model, messages=MESSAGES, stream=True)
        async for event in events:
            pieces.append(event.choices[0].delta.content)
    except Exception as error:
        pieces.append(described(error))
    return pieces


async def timeouts(given: Given, client: openai.AsyncOpenAI) -> None:
    impatient = client.with_options(timeout=0.2, max_retries=1)
    for model in ("silent", "stalling"):
        given.found(f"too slow: {model}", await streamed(impatient, model))
    given.did("timeouts")


async def cancelled(given: Given, client: openai.AsyncOpenAI) -> None:
    task = asyncio.create_task(streamed(client, "stalling"))
    await asyncio.sleep(0.2)
    task.cancel()
    given.found("cancelled", type((await asyncio.gather(task, return_exceptions=True))[0]).__name__)
    given.did("a stream cancelled")


def described(error: Exception) -> list[object]:
    """The exception, the cause of one of the SDK's, and the status."""
    cause = error.__cause__ if isinstance(error, openai.OpenAIError) else None
    return [
        type(error).__qualname__,
        type(cause).__qualname__,
        getattr(error, "status_code", None),
    ]
