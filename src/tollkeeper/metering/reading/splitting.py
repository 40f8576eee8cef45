"""Splitting totals into kinds that do not overlap. Owns that arithmetic, the same for all shapes.

Most vendors tell a total and parts of it ("120 tokens, of which 20 cached, of which 30 audio").
Nothing may be counted twice or lost: what the parts leave of the total is plain text, and where
parts overlap (cached audio) the overlap is a kind of its own.
"""

from dataclasses import dataclass
from typing import Final

from tollkeeper.errors import InvalidUsage

#: What tokens may stand for beside text.
MEDIA: Final = ("audio", "image", "video")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A prompt as a vendor tells it: a total, and parts that may overlap."""

    #: All tokens that went in.
    total: int
    #: Those read from the cache, of any medium.
    cached: int = 0
    #: Those written to the cache for the usual time.
    written: int = 0
    #: Those written to the cache for an hour.
    written_1h: int = 0
    #: Those of audio, images and video, cached ones included.
    audio: int = 0
    image: int = 0
    video: int = 0
    #: Those read from the cache of each medium, if the vendor tells.
    cached_audio: int = 0
    cached_image: int = 0
    cached_video: int = 0


def split_prompt(prompt: Prompt) -> dict[str, int]:
    """Give a prompt by kinds that do not overlap, and add up to its total.

    Raises:
        InvalidUsage: the parts are more than the total, however they overlap.

    >>> split_prompt(Prompt(total=120, cached=20, audio=30))
    {'input': 70, 'cache_read': 20, 'input_audio': 30}
    >>> split_prompt(Prompt(total=40, cached=20, audio=30))
    {'input': 0, 'cache_read': 10, 'input_audio': 20, 'cache_read_audio': 10}
    """
    cached = _cached_media(prompt)
    text_cached = prompt.cached - sum(cached.values())
    media = {name: getattr(prompt, name) - cached[name] for name in MEDIA}
    if text_cached < 0 or min(media.values()) < 0:
        raise _too_many(prompt, "cached")
    written = prompt.written + prompt.written_1h
    rest = prompt.total - text_cached - sum(cached.values()) - sum(media.values()) - written
    if rest < 0:
        raise _too_many(prompt, "counted")
    return {"input": rest} | _without_zeros(
        {
            "cache_read": text_cached,
            "cache_write": prompt.written,
            "cache_write_1h": prompt.written_1h,
            **{f"input_{name}": count for name, count in media.items()},
            **{f"cache_read_{name}": count for name, count in cached.items()},
        }
    )


def split_output(total: int, *, reasoning: int = 0, **media: int) -> dict[str, int]:
    """Give what came out by kinds that do not overlap, and add up to its total.

    Raises:
        InvalidUsage: the parts are more than the total.

    >>> split_output(50, reasoning=20)
    {'output': 30, 'reasoning': 20}
    """
    rest = total - reasoning - sum(media.values())
    if rest < 0:
        parts = {"reasoning": reasoning, **media}
        raise InvalidUsage(f"of {total} tokens that came out, {_told(parts)} are said to be parts")
    named = {f"output_{name}": count for name, count in media.items()}
    return {"output": rest} | _without_zeros({"reasoning": reasoning, **named})


def _cached_media(prompt: Prompt) -> dict[str, int]:
    """Tell how much of each medium came from the cache: as told, else as much as must have."""
    told = {name: getattr(prompt, f"cached_{name}") for name in MEDIA}
    if any(told.values()):
        return told
    overlap = prompt.cached + prompt.written + prompt.written_1h - prompt.total
    overlap += prompt.audio + prompt.image + prompt.video
    found = dict.fromkeys(MEDIA, 0)
    left = prompt.cached
    for name in MEDIA:
        found[name] = max(0, min(overlap, getattr(prompt, name), left))
        overlap -= found[name]
        left -= found[name]
    return found


def _too_many(prompt: Prompt, what: str) -> InvalidUsage:
    parts = {
        "cached": prompt.cached,
        "written": prompt.written + prompt.written_1h,
        **{name: getattr(prompt, name) for name in MEDIA},
    }
    return InvalidUsage(f"of {prompt.total} tokens that went in, {_told(parts)} are {what}")


def _told(parts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in parts.items() if count)


def _without_zeros(parts: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in parts.items() if count}
