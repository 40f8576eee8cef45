"""What AI vendors send over the wire: whole answers and the events of streams, as they write them.

Only the format is here; who serves it is `vendors.py`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

#: One event of a stream: its name, where the vendor names events, and its data.
Event = tuple[str | None, dict[str, Any] | str]
#: What ends a stream of OpenAI's.
DONE: Event = (None, "[DONE]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a vendor answers to one request."""

    #: The text of the answer; a stream sends it a word at a time.
    text: str = "A toll is paid at the gate."
    #: The model that answers; None is the one that was asked for.
    model: str | None = None
    #: The usage, as this vendor writes it; None leaves it out.
    usage: dict[str, Any] | None = None
    #: What stands beside the usage at the top of the answer: `service_tier` …
    extra: dict[str, Any] = field(default_factory=dict)
    #: Other items of the output, before the text (responses API).
    items: Sequence[dict[str, Any]] = ()
    #: The HTTP status: 429 and 500 answer an error, which clients try again.
    status: int = 200
    #: How long the first byte waits.
    first_byte_seconds: float = 0.0
    #: After how many events of a stream the connection breaks; None never.
    cut_after: int | None = None
    #: Whether each chunk tells the usage so far, as some who copy OpenAI do.
    usage_in_every_chunk: bool = False


def error_of(api: str, status: int) -> dict[str, Any]:
    """Write the body of an error."""
    kind = {429: "rate_limit_error", 500: "api_error"}.get(status, "invalid_request_error")
    told = {"type": kind, "message": f"make-believe {status}"}
    return {"type": "error", "error": told} if api == "messages" else {"error": told}


def whole(api: str, answer: Answer, model: str) -> dict[str, Any]:
    """Write an answer that comes at once."""
    body = _WHOLE[api](answer, answer.model or model)
    if answer.usage is not None:
        body["usage"] = answer.usage
    return {**body, **answer.extra}


def events(api: str, answer: Answer, model: str, request: dict[str, Any]) -> Iterator[Event]:
    """Write the events of an answer that is streamed."""
    return _EVENTS[api](answer, answer.model or model, request)


def words(text: str) -> list[str]:
    """Cut a text into the pieces of a stream, which together are the text."""
    first, *others = text.split(" ")
    return [first, *(f" {word}" for word in others)]


def _chat(answer: Answer, model: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": answer.text, "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1_780_000_000}
    return {**head, "model": model, "choices": [choice]}


def _embeddings(answer: Answer, model: str) -> dict[str, Any]:
    data = [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5]}]
    return {"object": "list", "data": data, "model": model}


def _response(answer: Answer, model: str, status: str = "completed") -> dict[str, Any]:
    content = {"type": "output_text", "text": answer.text, "annotations": []}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "status": status}
    head = {"id": "resp_1", "object": "response", "created_at": 1_780_000_000, "status": status}
    rest = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    output = [*answer.items, {**message, "content": [content]}]
    return {**head, "model": model, "output": output, **rest}


def _message(answer: Answer, model: str) -> dict[str, Any]:
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": model}
    content = [{"type": "text", "text": answer.text}]
    return {**head, "content": content, "stop_reason": "end_turn", "stop_sequence": None}


def _chat_events(answer: Answer, model: str, request: dict[str, Any]) -> Iterator[Event]:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_780_000_000}
    wanted = (request.get("stream_options") or {}).get("include_usage")
    told = {"usage": answer.usage if answer.usage_in_every_chunk else None} if wanted else {}
    head = {**head, "model": model, **told, **answer.extra}
    for word in words(answer.text):
        delta = {"role": "assistant", "content": word}
        yield None, {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield None, {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    if wanted and answer.usage is not None:
        yield None, {**head, "choices": [], "usage": answer.usage}
    yield DONE


def _response_events(answer: Answer, model: str, request: dict[str, Any]) -> Iterator[Event]:
    begun = {**_response(answer, model, "in_progress"), "output": [], "usage": None}
    yield "response.created", _numbered(0, "response.created", response=begun)
    yield from _output_begins()
    for number, word in enumerate(words(answer.text), 1):
        kind = "response.output_text.delta"
        place = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "logprobs": []}
        yield kind, _numbered(number, kind, delta=word, **place)
    done = {**_response(answer, model), "usage": answer.usage, **answer.extra}
    yield "response.completed", _numbered(99, "response.completed", response=done)


def _output_begins() -> Iterator[Event]:
    """Announce the message, and its text, before the words of it."""
    message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress"}
    kind = "response.output_item.added"
    yield kind, _numbered(0, kind, output_index=0, item={**message, "content": []})
    part = {"type": "output_text", "text": "", "annotations": []}
    kind, place = "response.content_part.added", {"output_index": 0, "content_index": 0}
    yield kind, _numbered(0, kind, item_id="msg_1", part=part, **place)


def _message_events(answer: Answer, model: str, request: dict[str, Any]) -> Iterator[Event]:
    usage = answer.usage or {}
    # The counts of the end are totals, and leave out what has not changed.
    told = ("output_tokens", "output_tokens_details", "server_tool_use")
    start = {**{name: usage[name] for name in usage if name not in told}, "output_tokens": 1}
    begun = {**_message(answer, model), "content": [], "stop_reason": None, "usage": start}
    yield _named("message_start", message=begun)
    yield _named("content_block_start", index=0, content_block={"type": "text", "text": ""})
    for word in words(answer.text):
        delta = {"type": "text_delta", "text": word}
        yield _named("content_block_delta", index=0, delta=delta)
    yield _named("content_block_stop", index=0)
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    last = {name: usage[name] for name in told if name in usage}
    yield _named("message_delta", delta=end, usage=last)
    yield _named("message_stop")


def _numbered(number: int, kind: str, **data: Any) -> dict[str, Any]:
    return {"type": kind, "sequence_number": number, **data}


def _named(kind: str, **data: Any) -> Event:
    return kind, {"type": kind, **data}


_WHOLE = {
    "chat/completions": _chat,
    "embeddings": _embeddings,
    "messages": _message,
    "responses": _response,
}
_EVENTS = {
    "chat/completions": _chat_events,
    "messages": _message_events,
    "responses": _response_events,
}
