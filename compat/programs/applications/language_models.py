"""The APIs of two language models, as far as their SDKs are used here: JSON and event streams."""

import json
from collections import Counter
from typing import Any

from .http_api import DROP, STALL, Api, Page, Request, Response, as_json

WORDS = ("Here ", "is ", "an ", "answer", ".")
EVENTS = [("content-type", "text/event-stream")]


def serving() -> Api:
    """A server of both."""
    failures: Counter[str] = Counter()
    return Api(
        {
            "/v1/chat/completions": page(of_openai, failures),
            "/v1/messages": page(of_anthropic, failures),
        }
    )


def page(answer: Any, failures: Counter[str]) -> Page:
    """The model's name says what is to go wrong."""

    def respond(request: Request) -> Response | object:
        order = request.json()
        match order["model"]:
            case "missing":
                return error(404, "not_found_error", "no such model")
            case "refused":
                return error(401, "authentication_error", "who are you?")
            case "busy":
                # The SDK tries again, after no time at all.
                failures[request.path] += 1
                if failures[request.path] % 3:
                    return error(429, "rate_limit_error", "later", **{"retry-after-ms": "1"})
            case "dropping":
                return DROP
            case "silent":
                return STALL
        return answer(order)

    return respond


def error(status: int, kind: str, message: str, **headers: str) -> Response:
    content = {"type": "error", "error": {"type": kind, "message": message, "code": kind}}
    return as_json(content, status, **headers)


def stream(events: list[bytes], model: str) -> Response:
    """The events, each in a chunk of its own; or cut within one of them."""
    pieces: list[Any] = list(events)
    if model == "cut":
        pieces = [*events[:3], events[3][:10], DROP]
    if model == "stalling":
        pieces = [*events[:3], STALL]
    if model == "byte by byte":
        pieces = [bytes([byte]) for byte in b"".join(events)]
    return Response(200, b"", EVENTS, pieces)


def of_openai(order: dict[str, Any]) -> Response:
    """A chat completion."""
    common = {"id": "chatcmpl-1", "created": 1796000000, "model": order["model"]}
    usage = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    if not order.get("stream"):
        message = {"role": "assistant", "content": "".join(WORDS)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return as_json(
            {**common, "object": "chat.completion", "choices": [choice], "usage": usage},
            **{"x-request-id": "req_1"},
        )
    deltas = [{"role": "assistant", "content": ""}, *({"content": word} for word in WORDS), {}]
    events = [
        {
            **common,
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": it, "finish_reason": None if it else "stop"}],
        }
        for it in deltas
    ]
    lines = [f"data: {json.dumps(event)}\n\n".encode() for event in events]
    return stream([*lines, b"data: [DONE]\n\n"], order["model"])


def of_anthropic(order: dict[str, Any]) -> Response:
    """A message."""
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": order["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 1},
    }
    ended = {"stop_reason": "end_turn", "stop_sequence": None}
    if not order.get("stream"):
        text = {"type": "text", "text": "".join(WORDS)}
        return as_json({**message, **ended, "content": [text]}, **{"request-id": "req_1"})
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        *(
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": word},
            }
            for word in WORDS
        ),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": ended, "usage": {"output_tokens": 5}},
        {"type": "message_stop"},
    ]
    lines = [f"event: {it['type']}\ndata: {json.dumps(it)}\n\n".encode() for it in events]
    return stream(lines, order["model"])
