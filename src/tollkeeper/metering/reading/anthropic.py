"""The shape of Anthropic: messages, and the events of their streams.

`input_tokens` leaves out what was read from the cache or written to it; `output_tokens` includes
thinking. What a compaction or an advisor used beside the answer stands in `iterations` and is not
in the totals. Sources: the types of anthropic-sdk-python (usage.py, beta_usage.py).
"""

from typing import Final

from tollkeeper.metering.reading.fields import Fields, items, module, plain, text, value
from tollkeeper.metering.reading.splitting import split_output
from tollkeeper.metering.usage import Conditions, ModelUsage, Reading

#: Fields by which a usage of this shape is known.
USAGE_FIELDS: Final = frozenset(
    {"cache_read_input_tokens", "cache_creation_input_tokens", "server_tool_use"}
)
_TYPES: Final = frozenset({"message", "message_start", "message_delta", "message_stop"})
#: Iterations that the totals leave out.
_BESIDE: Final = frozenset({"compaction", "advisor_message"})
#: Kinds that no count goes by, or that iterations repeat.
_NO_COUNTS: Final = ("iterations", "fallback_credit")


def is_anthropic(response: object) -> bool:
    """Tell whether a response, an event, or a bare usage is of this shape."""
    if module(response) in ("anthropic", "openai"):
        return module(response) == "anthropic"
    fields = plain(response)
    if fields.get("type") in _TYPES:
        return True
    usage = fields.get("usage")
    return _has_shape(fields) or (usage is not None and _has_shape(plain(usage)))


def read_anthropic(response: object, vendor: str, model: str, conditions: Conditions) -> Reading:
    """Read what a message, an event that carries usage, or a bare usage says that it used."""
    message = value(response, "message") or response
    usage = message if _has_shape(plain(message)) else value(message, "usage")
    if usage is None:
        why = "the response carries no usage"
        return Reading(missing=why, vendor=vendor, model=model)
    conditions = (*conditions, *_conditions(usage))
    whole = usage_of(usage, vendor, model, conditions)
    beside = [
        usage_of(each, vendor, text(each, "model") or model, conditions)
        for each in items(usage, "iterations")
        if text(each, "type") in _BESIDE
    ]
    return Reading(usages=(whole, *beside))


def usage_of(usage: object, vendor: str, model: str, conditions: Conditions = ()) -> ModelUsage:
    """Turn a usage object of this shape into ours.

    Raises:
        InvalidUsage: a count is negative or no integer, or parts are more than their total.
    """
    fields = Fields(usage)
    by_time, tools = fields.inside("cache_creation"), fields.inside("server_tool_use")
    hour = by_time.count("ephemeral_1h_input_tokens")
    usual = by_time.count("ephemeral_5m_input_tokens")
    written = fields.count("cache_creation_input_tokens")
    details = fields.inside("output_tokens_details")
    output = fields.count("output_tokens")
    reasoning = details.count("thinking_tokens")
    fields.skip(*_NO_COUNTS)
    counts = {
        "input": fields.count("input_tokens"),
        "cache_read": fields.count("cache_read_input_tokens"),
        # The total holds where only a part of it is told by time.
        "cache_write": max(written - hour, usual),
        "cache_write_1h": hour,
        **split_output(output, reasoning=reasoning),
        "web_searches": tools.count("web_search_requests"),
        "web_fetches": tools.count("web_fetch_requests"),
        "code_executions": tools.count("code_execution_requests"),
    }
    return ModelUsage.of(
        vendor,
        model,
        counts,
        conditions=conditions,
        unknown=(*fields.left(), *tools.left()),
        unsplit=(*by_time.left(), *details.left()),
    )


def _conditions(usage: object) -> Conditions:
    """Tell on what the price depends: batches, priority, speed."""
    tier, speed = text(usage, "service_tier"), text(usage, "speed")
    found = []
    if tier == "batch":
        found.append(("processing", "batch"))
    elif tier and tier != "standard":
        found.append(("service_tier", tier))
    if speed and speed != "standard":
        found.append(("speed", speed))
    return tuple(found)


def _has_shape(usage: object) -> bool:
    known = plain(usage)
    if USAGE_FIELDS & known.keys() and "prompt_tokens" not in known:
        return True
    return {"input_tokens", "output_tokens"} <= known.keys() and "total_tokens" not in known
