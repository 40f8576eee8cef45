"""The shape of Google: `generateContent` of the Gemini API and of Vertex AI, as dict or object.

`promptTokenCount` includes what came from the cache; thoughts and the prompts of tools stand beside
the totals. Names come in camel case from the wire and in snake case from google-genai. Source: the
reference of `UsageMetadata` at ai.google.dev.
"""

import re
from typing import Final

from tollkeeper.metering.reading.fields import Fields, items, module, plain, text, value
from tollkeeper.metering.reading.splitting import MEDIA, Prompt, split_output, split_prompt
from tollkeeper.metering.usage import Conditions, ModelUsage, Reading

_METADATA: Final = ("usageMetadata", "usage_metadata")
#: Documents are charged as images.
_MEDIUM: Final = {"AUDIO": "audio", "IMAGE": "image", "DOCUMENT": "image", "VIDEO": "video"}
#: Lists that tell counts again, by medium.
_BY_MEDIUM: Final = (
    "prompt_tokens_details",
    "tool_use_prompt_tokens_details",
    "cache_tokens_details",
    "candidates_tokens_details",
    "response_tokens_details",
)
_CAPITAL: Final = re.compile(r"(?<=[a-z])([A-Z])")


def is_google(response: object) -> bool:
    """Tell whether a response, or its bare usage, is of this shape."""
    fields = plain(response)
    if module(response) == "google" or "usageMetadata" in fields or "modelVersion" in fields:
        return True
    return _has_shape(fields) or _has_shape(plain(fields.get("usage_metadata")))


def read_google(response: object, vendor: str, model: str, conditions: Conditions) -> Reading:
    """Read what a response, a chunk of a stream, or a bare usage says that it used."""
    usage = response if _has_shape(plain(response)) else value(response, *_METADATA)
    if usage is None:
        why = "the response carries no usageMetadata"
        return Reading(missing=why, vendor=vendor, model=model)
    return Reading(usages=(usage_of(usage, vendor, model, conditions),))


def usage_of(usage: object, vendor: str, model: str, conditions: Conditions = ()) -> ModelUsage:
    """Turn a usage object of this shape into ours.

    Raises:
        InvalidUsage: a count is negative or no integer, or parts are more than their total.
    """
    snake = {_CAPITAL.sub(_lower, name): found for name, found in plain(usage).items()}
    fields = Fields(snake)
    fields.skip(*_BY_MEDIUM)
    tools = fields.count("tool_use_prompt_token_count")
    prompt = fields.count("prompt_token_count") + tools
    thoughts = fields.count("thoughts_token_count")
    output = fields.count("candidates_token_count", "response_token_count") + thoughts
    total = fields.count("total_token_count")
    into = _by_medium(snake, "prompt_tokens_details", "tool_use_prompt_tokens_details")
    cached = _by_medium(snake, "cache_tokens_details")
    out = _by_medium(snake, "candidates_tokens_details", "response_tokens_details")
    went_in = split_prompt(
        Prompt(
            total=prompt,
            cached=fields.count("cached_content_token_count"),
            **into,
            **{f"cached_{name}": count for name, count in cached.items()},
        )
    )
    counts = {
        **(went_in | split_output(output, reasoning=thoughts, **out)),
        "undirected": max(0, total - prompt - output),
    }
    return ModelUsage.of(
        vendor,
        model,
        counts,
        conditions=conditions,
        unknown=fields.left(),
    )


def _by_medium(fields: dict[str, object], *names: str) -> dict[str, int]:
    """Add up lists of (modality, count) by our media; text is the rest."""
    found = dict.fromkeys(MEDIA, 0)
    for name in names:
        for entry in items(fields, name):
            medium = _MEDIUM.get((text(entry, "modality") or "").rpartition(".")[2].upper())
            if medium:
                found[medium] += Fields(entry).count("tokenCount", "token_count")
    return found


def _lower(found: re.Match[str]) -> str:
    return "_" + found[1].lower()


def _has_shape(usage: object) -> bool:
    known = plain(usage).keys()
    return bool({"promptTokenCount", "prompt_token_count", "totalTokenCount"} & known)
