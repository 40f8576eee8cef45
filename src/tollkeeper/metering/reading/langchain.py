"""The shape of LangChain: messages with `usage_metadata`, and the results of its callbacks.

Totals include their parts. Chunks of a stream add up: LangChain itself turns what a vendor counts
from the start into what each chunk adds. Source: `UsageMetadata` of langchain-core.
"""

from typing import Final

from tollkeeper.metering.reading.fields import Fields, items, plain, text, value
from tollkeeper.metering.reading.splitting import MEDIA, Prompt, split_output, split_prompt
from tollkeeper.metering.usage import Conditions, ModelUsage, Reading

_DETAILS: Final = ("input_token_details", "output_token_details")
#: Parts that stand for a whole usage in the shape of the vendor, where LangChain has no own.
_RAW: Final = ("token_usage", "usage")


def is_langchain(response: object) -> bool:
    """Tell whether a response, or its bare usage, is of this shape."""
    fields = plain(response)
    if "generations" in fields:
        return True
    if "usage_metadata" in fields:
        return "response_metadata" in fields or _has_shape(plain(fields["usage_metadata"]))
    return _has_shape(fields)


def messages(response: object) -> list[object]:
    """Give the messages of a callback's result, or the one message itself."""
    if "generations" not in plain(response):
        return [response]
    found: list[object] = []
    for batch in items(response, "generations"):
        each = batch if isinstance(batch, list) else [batch]
        found += [message for choice in each if (message := value(choice, "message"))]
    return found


def raw_usage(message: object) -> object:
    """Give the vendor's own usage of a message that has none in LangChain's shape."""
    return value(value(message, "response_metadata"), *_RAW)


def named(message: object) -> tuple[str | None, str | None]:
    """Tell the vendor and the model of a message."""
    told = value(message, "response_metadata")
    return text(told, "model_provider"), text(told, "model_name", "model")


def read_langchain(response: object, vendor: str, model: str, conditions: Conditions) -> Reading:
    """Read what one message, or a bare usage, says that it used."""
    usage = response if _has_shape(plain(response)) else value(response, "usage_metadata")
    if usage is None:
        why = "the message carries no usage_metadata"
        return Reading(missing=why, vendor=vendor, model=model)
    tier = text(value(response, "response_metadata"), "service_tier")
    if tier and tier != "auto":
        conditions = (*conditions, ("service_tier", tier))
    return Reading(usages=(usage_of(usage, vendor, model, conditions),))


def usage_of(usage: object, vendor: str, model: str, conditions: Conditions = ()) -> ModelUsage:
    """Turn a usage object of this shape into ours.

    Raises:
        InvalidUsage: a count is negative or no integer, or parts are more than their total.
    """
    fields = Fields(usage)
    into, out = (fields.inside(name) for name in _DETAILS)
    prompt, output = fields.count("input_tokens"), fields.count("output_tokens")
    hour = into.count("ephemeral_1h_input_tokens")
    usual = into.count("ephemeral_5m_input_tokens")
    # Told by time, the sum is left out or repeated.
    written = max(into.count("cache_creation"), usual + hour)
    went_in = split_prompt(
        Prompt(
            total=prompt,
            cached=into.count("cache_read"),
            written=written - hour,
            written_1h=hour,
            **{name: into.count(name) for name in MEDIA},
        )
    )
    media = {name: out.count(name) for name in MEDIA}
    came_out = split_output(output, reasoning=out.count("reasoning"), **media)
    into.skip("text")
    out.skip("text")
    counts = {
        **(went_in | came_out),
        "undirected": max(0, fields.count("total_tokens") - prompt - output),
    }
    return ModelUsage.of(
        vendor,
        model,
        counts,
        conditions=conditions,
        unknown=fields.left(),
        unsplit=fields.left_inside(),
    )


def _has_shape(usage: object) -> bool:
    known = plain(usage)
    if "input_tokens" not in known:
        return False
    parts = [name for side in _DETAILS for name in plain(known.get(side))]
    # OpenAI's realtime usage has the same outer names; its parts all end in `_tokens`.
    return bool(parts) and any(not name.endswith("_tokens") for name in parts)
