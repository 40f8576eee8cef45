"""What a request to a vendor tells before it is sent: who is asked, how long it is. Pure.

Requests are read by their shape, as their clients take them by keyword; none is ever changed but to
have a stream tell its usage.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from tollkeeper.metering.reading.fields import items, module, text, value
from tollkeeper.metering.texts import quarters, tokens_of

#: The resources of vendors' clients that ask a model, by their path from the client.
RESOURCES: Final = frozenset(
    {
        ("chat", "completions"),
        ("completions",),
        ("embeddings",),
        ("messages",),
        ("responses",),
        ("beta", "chat", "completions"),
        ("beta", "messages"),
        ("beta", "responses"),
    }
)
#: The methods of those that ask it.
VERBS: Final = frozenset({"compact", "create", "parse", "stream"})
#: The methods of those that ask it in ways of their own, which nobody can meter.
UNMETERED: Final = frozenset({"connect", "thread", "tool_runner"})
#: What gives answers that nobody can meter.
RAW: Final = frozenset({"with_raw_response", "with_streaming_response"})

_LIMITS: Final = ("max_completion_tokens", "max_output_tokens", "max_tokens")
#: Where the texts of a prompt stand, at whatever depth.
_TEXTS: Final = frozenset(
    {"messages", "content", "input", "system", "prompt", "instructions", "text", "tools"}
    | {"function", "description", "parameters", "input_schema", "arguments", "output"}
)
_DEPTH: Final = 12


class Asked(NamedTuple):
    """What a request tells."""

    vendor: str | None
    model: str | None
    prompt_tokens: int
    maximum_output: int | None


def asked(client: object, request: Mapping[str, Any]) -> Asked:
    """Read a request."""
    limits = [request[name] for name in _LIMITS if type(request.get(name)) is int]
    model = request.get("model")
    return Asked(
        vendor=vendor_of(client),
        model=model if isinstance(model, str) and model else None,
        prompt_tokens=tokens_of(_weight(request, _DEPTH)),
        maximum_output=limits[0] if limits and limits[0] >= 0 else None,
    )


def vendor_of(client: object) -> str | None:
    """Name whose client this is: by its package, and Azure's and other clouds' by their class.

    >>> class AzureOpenAI: __module__ = "openai.lib.azure"
    >>> vendor_of(AzureOpenAI())
    'azure'
    """
    package, name = module(client), type(client).__name__
    for mark, vendor in (("Azure", "azure"), ("Bedrock", "aws"), ("Vertex", "google")):
        if mark in name and package in ("openai", "anthropic"):
            return vendor
    return package if package in ("openai", "anthropic") else None


def with_usage(path: Sequence[str], request: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Have a stream tell its usage where it would not; tell whether that was needed."""
    told = dict(request)
    if path[-1] != "completions":
        return told, False
    options = told.get("stream_options")
    options = dict(options) if isinstance(options, Mapping) else {}
    if options.get("include_usage"):
        return told, False
    told["stream_options"] = {**options, "include_usage": True}
    return told, True


def is_usage_alone(chunk: object) -> bool:
    """Tell whether a chunk is the one that only tells the usage of a chat completion."""
    inner = value(chunk, "chunk") if text(chunk, "type") == "chunk" else chunk
    return value(inner, "usage") is not None and not items(inner, "choices")


def chunk_of(event: object) -> object:
    """Give what is counted of an event of a client's own streaming helper; None is nothing.

    Helpers tell the same text several times over; only what came from the vendor counts.
    """
    kind = text(event, "type") or ""
    if kind == "chunk":
        return value(event, "chunk")
    is_told = kind.startswith(("response.", "content_block_", "message_"))
    return event if is_told else None


def _weight(part: object, depth: int) -> int:
    """Weigh the texts of a request, in quarters of a token; images and files weigh nothing here."""
    if isinstance(part, str):
        return 0 if part.startswith("data:") else quarters(part)
    if depth == 0:
        return 0
    if isinstance(part, Mapping):
        named = [each for name, each in part.items() if name in _TEXTS]
        return sum(_weight(each, depth - 1) for each in named)
    if isinstance(part, list | tuple):
        return sum(_weight(each, depth - 1) for each in part)
    return 0
