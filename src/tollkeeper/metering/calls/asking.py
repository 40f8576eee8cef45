"""What a request to a vendor tells before it is sent: who is asked, how long it is. Pure.

Requests are read by their shape, as their clients take them by keyword; none is ever changed but to
have a stream tell its usage.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from tollkeeper.metering.reading.fields import items, text, value
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
#: One of these has every client that can be wrapped.
CLIENTS: Final = (("chat", "completions"), ("messages",), ("responses",))
#: Resources for whose calls vendors take no money, wherever they stand in a client.
FREE: Final = frozenset(
    {"admin", "conversations", "files", "models", "moderations", "organization", "skills"}
    | {"uploads", "user_profiles", "webhooks", "input_items", "input_tokens"}
)
#: The messages that a kept chat completion had.
_KEPT: Final = ("completions", "messages")
#: Methods of a client that send whatever they are given.
_SENDING: Final = frozenset({"patch", "post", "put", "request"})
#: Methods by which the resources of vendors' clients make something.
_MAKING: Final = ("connect", "create", "edit", "generate", "parse", "run", "stream")

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
    >>> class OurClient(AzureOpenAI): __module__ = "app.clients"
    >>> vendor_of(OurClient())
    'azure'
    """
    for kind in type(client).__mro__:
        package = kind.__module__.partition(".")[0]
        if package in ("openai", "anthropic"):
            marks = (("Azure", "azure"), ("Bedrock", "aws"), ("Vertex", "google"))
            return next((name for mark, name in marks if mark in kind.__name__), package)
    return None


def is_client(thing: object) -> bool:
    """Tell whether this is a client of OpenAI or Anthropic, or has the shape of one.

    >>> is_client(object())
    False
    """
    return any(callable(getattr(_part(thing, path), "create", None)) for path in CLIENTS)


def may_cost(path: Sequence[str], part: object) -> bool:
    """Tell whether a part of a client that is not metered may make calls that cost money.

    What is not known to be free may cost something: vendors add resources to their clients.

    >>> may_cost(("base_url",), "https://api.openai.com/v1"), may_cost(("files",), object())
    (False, False)
    """
    if path[-1].startswith("_") or path[-1] in FREE or tuple(path[-2:]) == _KEPT:
        return False
    if callable(part):
        return len(path) == 1 and path[0] in _SENDING
    is_resource = any("APIResource" in kind.__name__ for kind in type(part).__mro__)
    return is_resource or any(callable(getattr(part, name, None)) for name in _MAKING)


def _part(thing: object, path: Sequence[str]) -> object:
    for name in path:
        thing = getattr(thing, name, None)
    return thing


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
