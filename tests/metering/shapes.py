"""Usage in every shape that we read, made from one meaning, for the laws about reading.

Each function writes disjoint counts as its vendor would; whoever reads them must get them back.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from tollkeeper.metering.usage import ModelUsage

Counts = Mapping[str, int]


def chat(counts: Counts) -> dict[str, Any]:
    """Chat completions: totals include their parts."""
    prompt, output = _totals(counts)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "total_tokens": prompt + output,
        "prompt_tokens_details": {
            "cached_tokens": _cached(counts),
            "cache_write_tokens": counts["cache_write"],
            "audio_tokens": counts["input_audio"] + counts["cache_read_audio"],
            "cached_tokens_details": {"audio_tokens": counts["cache_read_audio"]},
        },
        "completion_tokens_details": {
            "reasoning_tokens": counts["reasoning"],
            "audio_tokens": counts["output_audio"],
        },
    }


def responses(counts: Counts) -> dict[str, Any]:
    """The responses API: the same, by other names."""
    told = chat(counts)
    return {
        "input_tokens": told["prompt_tokens"],
        "output_tokens": told["completion_tokens"],
        "total_tokens": told["total_tokens"],
        "input_tokens_details": told["prompt_tokens_details"],
        "output_tokens_details": told["completion_tokens_details"],
    }


def exclusive(counts: Counts, left_out: Collection[str]) -> dict[str, Any]:
    """A copy of OpenAI's that leaves reasoning or the cache out of its totals, as some do."""
    told = chat(counts)
    if "cache" in left_out:
        told["prompt_tokens"] -= _cached(counts) + counts["cache_write"]
    if "reasoning" in left_out:
        told["completion_tokens"] -= counts["reasoning"]
    return told


def anthropic(counts: Counts) -> dict[str, Any]:
    """Messages: what went in leaves the cache out, what came out includes thinking."""
    return {
        "input_tokens": counts["input"],
        "cache_read_input_tokens": counts["cache_read"],
        "cache_creation_input_tokens": counts["cache_write"] + counts["cache_write_1h"],
        "cache_creation": {
            "ephemeral_5m_input_tokens": counts["cache_write"],
            "ephemeral_1h_input_tokens": counts["cache_write_1h"],
        },
        "output_tokens": counts["output"] + counts["reasoning"],
        "output_tokens_details": {"thinking_tokens": counts["reasoning"]},
        "server_tool_use": {"web_search_requests": counts["web_searches"]},
    }


def litellm(counts: Counts) -> dict[str, Any]:
    """LiteLLM on Anthropic: OpenAI's shape, and Anthropic's counts of the cache again beside it."""
    prompt, output = _totals(counts)
    written = counts["cache_write"] + counts["cache_write_1h"]
    return {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "total_tokens": prompt + output,
        "prompt_tokens_details": {
            "cached_tokens": counts["cache_read"],
            "cache_write_tokens": written,
            "cache_creation_tokens": written,
            "cache_creation_token_details": {
                "ephemeral_5m_input_tokens": counts["cache_write"],
                "ephemeral_1h_input_tokens": counts["cache_write_1h"],
            },
            "web_search_requests": counts["web_searches"],
            "text_tokens": None,
        },
        "completion_tokens_details": {"reasoning_tokens": counts["reasoning"]},
        "cache_read_input_tokens": counts["cache_read"],
        "cache_creation_input_tokens": written,
    }


def google(counts: Counts) -> dict[str, Any]:
    """Gemini: thoughts stand beside what came out, media in lists."""
    prompt, output = _totals(counts)
    audio = counts["input_audio"] + counts["cache_read_audio"]
    return {
        "promptTokenCount": prompt,
        "cachedContentTokenCount": _cached(counts),
        "candidatesTokenCount": output - counts["reasoning"],
        "thoughtsTokenCount": counts["reasoning"],
        "totalTokenCount": prompt + output,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": prompt - audio},
            {"modality": "AUDIO", "tokenCount": audio},
        ],
        "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": counts["cache_read_audio"]}],
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": counts["output_audio"]}],
    }


def langchain(counts: Counts) -> dict[str, Any]:
    """LangChain: totals include their parts, which have short names."""
    prompt, output = _totals(counts)
    return {
        "input_tokens": prompt,
        "output_tokens": output,
        "total_tokens": prompt + output,
        "input_token_details": {
            "audio": counts["input_audio"],
            "cache_read": counts["cache_read"],
            "cache_creation": 0,
            "ephemeral_5m_input_tokens": counts["cache_write"],
            "ephemeral_1h_input_tokens": counts["cache_write_1h"],
        },
        "output_token_details": {
            "audio": counts["output_audio"],
            "reasoning": counts["reasoning"],
        },
    }


def pydantic_ai(counts: Counts) -> dict[str, Any]:
    """pydantic-ai: totals include their parts."""
    prompt, output = _totals(counts)
    return {
        "input_tokens": prompt,
        "cache_read_tokens": _cached(counts),
        "cache_write_tokens": counts["cache_write"] + counts["cache_write_1h"],
        "cache_write_1h_tokens": counts["cache_write_1h"],
        "input_audio_tokens": counts["input_audio"] + counts["cache_read_audio"],
        "cache_audio_read_tokens": counts["cache_read_audio"],
        "output_tokens": output,
        "output_reasoning_tokens": counts["reasoning"],
        "output_audio_tokens": counts["output_audio"],
        "details": {"reasoning_tokens": counts["reasoning"]},
    }


#: Each shape, and the kinds that it can tell.
SHAPES: dict[Callable[[Counts], dict[str, Any]], tuple[str, ...]] = {
    chat: ("cache_read", "cache_write", "input_audio", "cache_read_audio", "output_audio"),
    responses: ("cache_read", "cache_write", "input_audio", "cache_read_audio", "output_audio"),
    anthropic: ("cache_read", "cache_write", "cache_write_1h", "web_searches"),
    litellm: ("cache_read", "cache_write", "cache_write_1h", "web_searches"),
    google: ("cache_read", "input_audio", "cache_read_audio", "output_audio"),
    langchain: ("cache_read", "cache_write", "cache_write_1h", "input_audio", "output_audio"),
    pydantic_ai: (
        "cache_read",
        "cache_write",
        "cache_write_1h",
        "input_audio",
        "cache_read_audio",
        "output_audio",
    ),
}


def _totals(counts: Counts) -> tuple[int, int]:
    usage = ModelUsage.of("a", "b", counts)
    return usage.input_tokens, usage.output_tokens


def _cached(counts: Counts) -> int:
    return counts["cache_read"] + counts["cache_read_audio"]
