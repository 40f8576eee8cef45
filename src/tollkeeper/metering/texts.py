"""Texts of models' answers: what a chunk streamed, and roughly how many tokens a text has. Pure.

No vendor's tokenizer is here, so every number is an estimate, and whoever uses one says so.
"""

from collections.abc import Iterator
from typing import Final

from tollkeeper.metering.reading.fields import items, text, value

#: Characters of English to a token, as OpenAI's help pages say.
CHARACTERS_PER_TOKEN: Final = 4

_DELTAS: Final = ("content", "reasoning_content", "reasoning", "refusal", "text", "thinking")
_PARTS: Final = ("content_delta", "args_delta", "content")


def estimated_tokens(told: str) -> int:
    """Estimate how many tokens a text has: a token for four characters of English, rounded up.

    Other letters count one each, which is high for most of their languages, and near for Chinese.

    >>> estimated_tokens("four"), estimated_tokens("fives"), estimated_tokens("漢字")
    (1, 2, 2)
    """
    return tokens_of(quarters(told))


def quarters(told: str) -> int:
    """Weigh a text in quarters of a token: one for a character of English, four for another.

    >>> quarters("abc"), quarters("漢")
    (3, 4)
    """
    if told.isascii():
        return len(told)
    english = sum(character.isascii() for character in told)
    return english + CHARACTERS_PER_TOKEN * (len(told) - english)


def tokens_of(weight: int) -> int:
    """Give the tokens of so many quarters, rounded up.

    >>> tokens_of(5)
    2
    """
    return -(-weight // CHARACTERS_PER_TOKEN)


def streamed_text(chunk: object) -> str:
    """Give the text that a chunk of a stream adds to the answer, arguments of tools included.

    >>> streamed_text({"type": "content_block_delta", "delta": {"text": "Hi"}})
    'Hi'
    """
    if isinstance(chunk, str):
        return chunk
    return "".join(_texts(chunk, text(chunk, "type") or ""))


def _texts(chunk: object, kind: str) -> Iterator[str]:
    if kind.startswith("response."):
        # Sound comes as base64, whose length says nothing of tokens.
        if kind.endswith(".delta") and not kind.endswith("audio.delta"):
            yield text(chunk, "delta") or ""
    elif kind == "content_block_delta":
        yield from _fields(value(chunk, "delta"), "text", "thinking", "partial_json")
    elif (event := text(chunk, "event_kind")) is not None:
        part = value(chunk, "delta" if event == "part_delta" else "part")
        yield from _fields(part, *_PARTS) if event in ("part_delta", "part_start") else ()
    else:
        yield from _of_choices(chunk)
        yield from _of_candidates(chunk)
        yield from _of_message(chunk)


def _of_choices(chunk: object) -> Iterator[str]:
    """Read the chunks of chat completions."""
    for choice in items(chunk, "choices"):
        delta = value(choice, "delta") or choice
        yield from _fields(delta, *_DELTAS)
        for call in items(delta, "tool_calls"):
            yield from _fields(value(call, "function"), "name", "arguments")


def _of_candidates(chunk: object) -> Iterator[str]:
    """Read the chunks of Gemini."""
    for candidate in items(chunk, "candidates"):
        for part in items(value(candidate, "content"), "parts"):
            yield from _fields(part, "text")


def _of_message(chunk: object) -> Iterator[str]:
    """Read the chunks of LangChain."""
    if value(chunk, "response_metadata") is None:
        return
    yield from _fields(chunk, "content")
    for block in items(chunk, "content"):
        yield from _fields(block, "text", "thinking", "reasoning")
    for call in items(chunk, "tool_call_chunks"):
        yield from _fields(call, "name", "args")


def _fields(thing: object, *names: str) -> Iterator[str]:
    for name in names:
        yield text(thing, name) or ""
