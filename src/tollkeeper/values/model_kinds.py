"""Kinds: what a model call can use, each counted apart from every other. Owns their names. Pure.

One meaning for all vendors: the kinds are disjoint. A token that was read from the cache is counted
as `cache_read` and nowhere else, a token of reasoning as `reasoning` and not in `output`; so their
sum is all that was used, and a price is the sum of count × rate with nothing charged twice.

It must never know a vendor's own names: the readers of `metering/reading/` map those.
"""

from types import MappingProxyType
from typing import Final, Literal, NamedTuple

#: Whether tokens went into the model or came out of it; a `call` counts no tokens.
Side = Literal["input", "output", "call"]

_MILLION: Final = 1_000_000
_THOUSAND: Final = 1_000
_HOUR: Final = 3_600_000


class Kind(NamedTuple):
    """One kind of use."""

    #: Its name: a field of `ModelUsage`, and a key of a rate card.
    name: str
    side: Side
    #: How many of it a rate card names the price of, as vendors do: a million tokens.
    quoted_per: int
    #: Whose rates hold, in this order, where a rate card has none for this kind.
    falls_back_to: tuple[str, ...] = ()
    #: Whether vendors count it without charging for it, so that no rate means no cost.
    is_free: bool = False


_KINDS: Final = (
    Kind("input", "input", _MILLION),
    Kind("cache_read", "input", _MILLION, ("input",)),
    Kind("cache_write", "input", _MILLION, ("input",)),
    Kind("cache_write_1h", "input", _MILLION, ("cache_write", "input")),
    Kind("input_audio", "input", _MILLION, ("input",)),
    Kind("input_image", "input", _MILLION, ("input",)),
    Kind("input_video", "input", _MILLION, ("input",)),
    Kind("cache_read_audio", "input", _MILLION, ("cache_read", "input_audio", "input")),
    Kind("cache_read_image", "input", _MILLION, ("cache_read", "input_image", "input")),
    Kind("cache_read_video", "input", _MILLION, ("cache_read", "input_video", "input")),
    Kind("output", "output", _MILLION),
    Kind("reasoning", "output", _MILLION, ("output",)),
    Kind("output_audio", "output", _MILLION, ("output",)),
    Kind("output_image", "output", _MILLION, ("output",)),
    Kind("output_video", "output", _MILLION, ("output",)),
    # A vendor that tells only a total leaves open what was which: the dearer side is charged.
    Kind("undirected", "output", _MILLION, ("output", "input")),
    Kind("requests", "call", _THOUSAND, is_free=True),
    Kind("web_searches", "call", _THOUSAND),
    Kind("file_searches", "call", _THOUSAND),
    Kind("code_executions", "call", _THOUSAND),
    Kind("web_fetches", "call", _THOUSAND, is_free=True),
    Kind("characters", "call", _MILLION),
    Kind("audio_milliseconds", "call", _HOUR),
)

#: Every kind by its name, in the order that receipts list them.
KINDS: Final = MappingProxyType({kind.name: kind for kind in _KINDS})

#: The kinds that count tokens.
TOKEN_KINDS: Final = tuple(kind.name for kind in _KINDS if kind.side != "call")
#: The kinds that make up a prompt: tiers of a rate go by their sum.
INPUT_KINDS: Final = tuple(kind.name for kind in _KINDS if kind.side == "input")
#: The kinds that a model gave back.
OUTPUT_KINDS: Final = tuple(kind.name for kind in _KINDS if kind.side == "output")

#: What stands before a vendor's own name of a count that we cannot place, as a kind.
UNKNOWN: Final = "unknown."


def kind_of(name: str) -> Kind | None:
    """Find a kind by its name, or make one for a count that only its vendor knows.

    >>> kind_of("cache_read").falls_back_to, kind_of("unknown.holograms").quoted_per
    (('input',), 1)
    """
    if name.startswith(UNKNOWN) and len(name) > len(UNKNOWN):
        return Kind(name, "call", 1)
    return KINDS.get(name)
