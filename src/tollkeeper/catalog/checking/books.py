"""Dated rate cards: ascending, append-only, and each leading to a rate."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from tollkeeper.catalog.checking.looks import Check, Finding, Look, cards
from tollkeeper.catalog.mistakes import Path
from tollkeeper.catalog.written_rates import OnCard, parts


def _dates(look: Look) -> Iterator[Finding]:
    for name, dated in look.catalog.rates.items():
        path: Path = ("rates", name)
        if not dated:
            yield path, "there is no card; write at least one [[rates." + name + "]]"
        yield from _ascending(path, [card.from_ for card in dated])


def _ascending(path: Path, moments: list[datetime]) -> Iterator[Finding]:
    for place in range(1, len(moments)):
        if moments[place] <= moments[place - 1]:
            yield (
                (*path, place, "from"),
                f"{moments[place]:%Y-%m-%d} is not after {moments[place - 1]:%Y-%m-%d} of the card "
                "before; cards are appended, the latest last",
            )


def _chains(look: Look) -> Iterator[Finding]:
    """A card leads to a rate and to no other card, so no chain of cards goes in a circle."""
    for path, card in cards(look):
        for place, rate in enumerate(card.rate):
            for inner, part in parts(rate):
                if isinstance(part, OnCard):
                    yield (
                        (*path, "rate", place, *inner),
                        f"a card leads to no other card; write what {part.card!r} says here",
                    )


CHECKS: Final[tuple[Check, ...]] = (_dates, _chains)
