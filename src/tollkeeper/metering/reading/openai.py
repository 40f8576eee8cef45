"""The shape of OpenAI: chat completions, responses, embeddings, images, audio, and who copies it.

LiteLLM and most other vendors answer in it. Totals include their parts: `prompt_tokens` the cached
ones, `completion_tokens` the reasoning. Some who copy it leave reasoning out of the total of what
came out, or cached tokens out of the prompt's; `total_tokens` tells which. Sources: the types of
openai-python (completion_usage.py, response_usage.py), LiteLLM's `Usage`, the vendors' own pages.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tollkeeper.metering.reading.fields import (
    Fields,
    items,
    milliseconds,
    module,
    plain,
    text,
    value,
)
from tollkeeper.metering.reading.splitting import MEDIA, Prompt, split_output, split_prompt
from tollkeeper.metering.usage import Conditions, ModelUsage, Reading

#: Fields by which a usage of this shape is known.
USAGE_FIELDS: Final = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})
_OBJECTS: Final = frozenset(
    {"chat.completion", "chat.completion.chunk", "text_completion", "response", "list"}
)
_PROMPT_DETAILS: Final = ("prompt_tokens_details", "input_tokens_details", "input_token_details")
_OUTPUT_DETAILS: Final = (
    "completion_tokens_details",
    "output_tokens_details",
    "output_token_details",
)
#: What the server did of its own accord, and what it is to us.
_CALLS: Final = {"web_search_call": "web_searches", "file_search_call": "file_searches"}


def is_openai(response: object) -> bool:
    """Tell whether a response, or its bare usage, is of this shape."""
    if module(response) in ("openai", "litellm"):
        return True
    fields = plain(response)
    if fields.get("object") in _OBJECTS or str(fields.get("type")).startswith("response."):
        return True
    usage = fields.get("usage")
    return _has_shape(fields) or (usage is not None and _has_shape(plain(usage)))


def read_openai(response: object, vendor: str, model: str, conditions: Conditions) -> Reading:
    """Read what a response, an event of a stream, or a bare usage says that it used."""
    # An event of the responses API carries the response as it is by then.
    response = value(response, "response") or response
    usage = response if _has_shape(plain(response)) else value(response, "usage")
    if usage is None:
        return Reading(missing=_why(response), vendor=vendor, model=model)
    tier = text(response, "service_tier")
    if tier not in (None, "auto"):
        conditions = (*conditions, ("service_tier", str(tier)))
    return Reading(usages=(usage_of(usage, vendor, model, conditions, _server_calls(response)),))


def usage_of(
    usage: object,
    vendor: str,
    model: str,
    conditions: Conditions = (),
    calls: Mapping[str, int] = MappingProxyType({}),
) -> ModelUsage:
    """Turn a usage object of this shape into ours; `calls` is what the server did besides.

    Raises:
        InvalidUsage: a count is negative or no integer, or parts are more than their total.
    """
    fields = Fields(usage)
    into, out = fields.inside(*_PROMPT_DETAILS), fields.inside(*_OUTPUT_DETAILS)
    total = fields.count("total_tokens")
    cache = _cache(fields, into)
    # The top level repeats it at some vendors.
    reasoning = max(out.count("reasoning_tokens"), fields.count("reasoning_tokens"))
    prompt, output = whole_totals(
        fields.count("prompt_tokens", "input_tokens"),
        fields.count("completion_tokens", "output_tokens"),
        total,
        beside_prompt=sum(cache.values()),
        beside_output=reasoning,
    )
    went_in, came_out = _prompt(into, prompt, cache), _output(out, output, reasoning)
    undirected = max(0, total - prompt - output)
    others = {**_audio(fields), **_called(fields, into, calls)}
    left = fields.left()
    # Where the total is explained, a count of tokens besides is a part of what was counted.
    parts = [pair for pair in left if total and not undirected and pair[0].endswith("_tokens")]
    counts = {
        **(went_in | came_out | others),
        "undirected": undirected,
    }
    return ModelUsage.of(
        vendor,
        model,
        counts,
        conditions=conditions,
        unknown=tuple(pair for pair in left if pair not in parts),
        unsplit=(*fields.left_inside(), *parts),
    )


def whole_totals(
    prompt: int, output: int, total: int, *, beside_prompt: int, beside_output: int
) -> tuple[int, int]:
    """Give the totals with all their parts, where a vendor may have left some out.

    Parts are in the totals unless they are more than those, or the total of all tells otherwise.

    >>> whole_totals(100, 30, 130, beside_prompt=20, beside_output=10)
    (100, 30)
    >>> whole_totals(80, 30, 130, beside_prompt=20, beside_output=10)
    (100, 30)
    >>> whole_totals(80, 20, 130, beside_prompt=20, beside_output=10)
    (100, 30)
    """
    possible = [
        (into, out)
        for into in (prompt, prompt + beside_prompt)
        for out in (output, output + beside_output)
        if into >= beside_prompt and out >= beside_output
    ]
    told = [(into, out) for into, out in possible if into + out == total]
    return (told or possible)[0]


def _prompt(details: Fields, prompt: int, cache: Mapping[str, int]) -> dict[str, int]:
    """Split the prompt by kinds."""
    by_medium = details.inside("cached_tokens_details")
    # The rest of a total, and the first hop of several: all are in the total.
    details.skip("text_tokens", "tool_use_tokens", "initial_prompt_tokens")
    by_medium.skip("text_tokens")
    return split_prompt(
        Prompt(
            total=prompt,
            **cache,
            **{name: details.count(f"{name}_tokens") for name in MEDIA},
            **{f"cached_{name}": by_medium.count(f"{name}_tokens") for name in MEDIA},
        )
    )


def _output(details: Fields, output: int, reasoning: int) -> dict[str, int]:
    """Split what came out by kinds."""
    # Predictions are in the total, whether they were accepted or not.
    details.skip("accepted_prediction_tokens", "rejected_prediction_tokens", "text_tokens")
    media = {name: details.count(f"{name}_tokens") for name in MEDIA}
    return split_output(output, reasoning=reasoning, **media)


def _cache(fields: Fields, details: Fields) -> dict[str, int]:
    """Read what came from the cache, and what was written to it, for how long."""
    told = fields.count("cache_read_input_tokens", "prompt_cache_hit_tokens", "cached_tokens")
    fields.skip("prompt_cache_miss_tokens")
    names = ("cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens")
    written = max(details.count(*names), fields.count("cache_creation_input_tokens"))
    by_time = details.inside("cache_creation_token_details")
    hour = by_time.count("ephemeral_1h_input_tokens")
    usual = by_time.count("ephemeral_5m_input_tokens")
    return {
        "cached": max(details.count("cached_tokens"), told),
        "written": max(written - hour, usual),
        "written_1h": hour,
    }


def _called(fields: Fields, details: Fields, calls: Mapping[str, int]) -> dict[str, int]:
    """Count the calls of tools: as the usage tells, else as the response shows."""
    tools = fields.inside("server_tool_use")
    searched = max(tools.count("web_search_requests"), details.count("web_search_requests"))
    told = {
        "web_searches": max(searched, fields.count("num_search_queries")),
        "web_fetches": tools.count("web_fetch_requests"),
        "code_executions": tools.count("code_execution_requests"),
    }
    return {**calls, **{name: count for name, count in told.items() if count}}


def _audio(fields: Fields) -> dict[str, int]:
    """Read audio that is counted by its length."""
    length = milliseconds(value(fields.all(), "seconds"))
    fields.skip("seconds")
    return {"audio_milliseconds": length} if length else {}


def _server_calls(response: object) -> dict[str, int]:
    """Count what the server did that no usage object tells: its searches."""
    counts: dict[str, int] = {}
    for item in items(response, "output"):
        name = _CALLS.get(text(item, "type") or "")
        action = text(value(item, "action"), "type")
        # Opening a page that a search found, or looking through it, is not charged.
        if name and action in (None, "search"):
            counts[name] = counts.get(name, 0) + 1
    return counts


def _has_shape(usage: object) -> bool:
    known = plain(usage)
    if USAGE_FIELDS & known.keys() or known.get("type") == "duration":
        return True
    is_new = "input_tokens" in known and "output_tokens" in known
    return is_new and bool({"input_tokens_details", "output_tokens_details"} & known.keys())


def _why(response: object) -> str:
    if text(response, "object") == "chat.completion.chunk":
        return "the stream carries usage in its last chunk alone, with stream_options.include_usage"
    return "the response carries no usage"
