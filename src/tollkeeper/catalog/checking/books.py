"""Dated rate cards and price books: ascending, append-only, and each leading to a rate."""

from collections.abc import Hashable, Iterator
from datetime import datetime
from typing import Final

from tollkeeper.catalog.checking.looks import Check, Finding, Look, cards
from tollkeeper.catalog.features import PriceBookSettings
from tollkeeper.catalog.mistakes import Path
from tollkeeper.catalog.written_rates import OnCard, Quote, Volume, parts, quotes


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


def _books(look: Look) -> Iterator[Finding]:
    for name, book in look.catalog.price_books.items():
        path: Path = ("price_books", name)
        if book.unknown_model == "fallback" and not book.fallback:
            yield (*path, "unknown_model"), "write the prices of unknown models in `fallback`"
        if book.fallback and book.unknown_model != "fallback":
            yield (
                (*path, "fallback"),
                f'it is used with unknown_model = "fallback" only, not with {book.unknown_model!r}',
            )
        if book.source == "none" and not book.overrides:
            yield (*path, "source"), "without a source every price is among `overrides`; write some"
        yield from _overrides(path, book)
        yield from _money(path, book)


def _overrides(path: Path, book: PriceBookSettings) -> Iterator[Finding]:
    last: dict[Hashable, datetime | None] = {}
    for place, card in enumerate(book.overrides):
        name = (card.vendor, card.model, tuple(sorted(card.when.items())))
        before = last.get(name)
        if name in last and (card.from_ is None or (before is not None and card.from_ <= before)):
            yield (
                (*path, "overrides", place),
                "its `from` is not after that of the same model before; rates are appended, the "
                "latest last",
            )
        last[name] = card.from_


def _money(path: Path, book: PriceBookSettings) -> Iterator[Finding]:
    """Rates of models are money, each, or by the length of the prompt."""
    found = [((*path, "fallback"), book.fallback)]
    found += [
        ((*path, "overrides", n, "rates"), card.rates) for n, card in enumerate(book.overrides)
    ]
    for where, rates in found:
        for kind, rate in rates.items():
            if not isinstance(rate, Quote | Volume):
                yield (*where, kind), 'write a price each, like "3 usd / 1_000_000", or `volume`'
            elif any(quote.currency is None for _, quote in quotes(rate)):
                yield (*where, kind), 'this is money; name the currency, like "3 usd / 1_000_000"'
    for place, markup in enumerate(book.markups):
        if markup.markup is None and markup.add is None:
            yield (*path, "markups", place), 'what is added? Write markup = "20 %", or add'
        if markup.add is not None and markup.add.currency is None:
            yield (*path, "markups", place, "add"), "this is money; name the currency"


CHECKS: Final[tuple[Check, ...]] = (_dates, _chains, _books)
