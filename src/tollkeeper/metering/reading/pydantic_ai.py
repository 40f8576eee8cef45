"""The shape of pydantic-ai: a request's usage, a run's, and results with their messages.

Totals include their parts, for every vendor. A run's result is read message by message, because a
rate may depend on the length of one request's prompt; a bare `RunUsage` only knows the sum. Source:
`UsageBase` of pydantic-ai.
"""

from typing import Final

from tollkeeper.metering.reading.fields import Fields, milliseconds, module, plain, text, value
from tollkeeper.metering.reading.splitting import MEDIA, Prompt, split_output, split_prompt
from tollkeeper.metering.usage import Conditions, ModelUsage, Reading

#: Fields by which a usage of this shape is known.
USAGE_FIELDS: Final = frozenset({"cache_read_tokens", "cache_write_tokens", "details"})


def is_pydantic_ai(response: object) -> bool:
    """Tell whether a result, a message, or a bare usage is of this shape."""
    return module(response) == "pydantic_ai" or _has_shape(plain(response))


def messages(result: object) -> list[object]:
    """Give the answers of models in a run's result, or the one answer itself."""
    new_messages = getattr(result, "new_messages", None)
    if not callable(new_messages):
        return [result]
    return [each for each in new_messages() if text(each, "kind") == "response"]


def told_elsewhere(result: object) -> str | None:
    """Say that a run counts requests whose answers are not among its messages, if it does."""
    requests = Fields(getattr(result, "usage", None)).count("requests")
    others = requests - len(messages(result))
    if others <= 0:
        return None
    return f"{others} of {requests} requests were made by other agents; read their results too"


def named(message: object) -> tuple[str | None, str | None]:
    """Tell the vendor and the model of a message."""
    return text(message, "provider_name"), text(message, "model_name")


def read_pydantic_ai(response: object, vendor: str, model: str, conditions: Conditions) -> Reading:
    """Read what one message, or a bare usage, says that it used."""
    usage = response if _has_shape(plain(response)) else value(response, "usage")
    if usage is None or not _has_shape(plain(usage)):
        why = "the message carries no usage"
        return Reading(missing=why, vendor=vendor, model=model)
    requests = Fields(usage).count("requests") or 1
    missing = Fields(usage).count("unmeasured_requests")
    untold = f"{missing} of {max(requests, missing)} requests told no usage" if missing else None
    if missing >= requests:
        return Reading(missing=untold, vendor=vendor, model=model)
    return Reading(usages=(usage_of(usage, vendor, model, conditions),), missing=untold)


def usage_of(usage: object, vendor: str, model: str, conditions: Conditions = ()) -> ModelUsage:
    """Turn a usage object of this shape into ours.

    Raises:
        InvalidUsage: a count is negative or no integer, or parts are more than their total.
    """
    fields = Fields(usage)
    hour = fields.count("cache_write_1h_tokens")
    # Details repeat in the vendor's own words what the fields tell, and tool calls are the app's.
    details = Fields(value(usage, "details") or {})
    fields.skip("details", "tool_calls", "unmeasured_requests")
    went_in = split_prompt(
        Prompt(
            total=fields.count("input_tokens"),
            cached=fields.count("cache_read_tokens"),
            written=max(0, fields.count("cache_write_tokens") - hour),
            written_1h=hour,
            **{name: fields.count(f"input_{name}_tokens") for name in MEDIA},
            **{f"cached_{name}": fields.count(f"cache_{name}_read_tokens") for name in MEDIA},
        )
    )
    media = {name: fields.count(f"output_{name}_tokens") for name in MEDIA}
    reasoning = fields.count("output_reasoning_tokens")
    searches = max(fields.count("web_searches"), details.count("web_search_requests"))
    requests = fields.count("requests") or 1
    seconds = value(usage, "audio_seconds")
    came_out = split_output(fields.count("output_tokens"), reasoning=reasoning, **media)
    counts = {
        **(went_in | came_out),
        "requests": requests,
        "web_searches": searches,
        "audio_milliseconds": milliseconds(seconds),
    }
    return ModelUsage.of(
        vendor,
        model,
        counts,
        conditions=conditions,
        unknown=fields.left(),
    )


def _has_shape(usage: object) -> bool:
    known = plain(usage).keys()
    return "input_tokens" in known and bool(USAGE_FIELDS & known)
