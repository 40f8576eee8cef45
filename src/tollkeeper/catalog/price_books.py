"""What a written price book says of itself: its source, its currency, whom its cards are for.

Owns the readings of `[price_books.…]` on which checking and pricing must agree; must never price.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final

from tollkeeper.catalog.features import Markup, ModelRates, PriceBookSettings
from tollkeeper.catalog.written_rates import WrittenRate, quotes
from tollkeeper.errors import InvalidText
from tollkeeper.values.vendors import vendor_name

#: The source of prices that needs no wiring, and the name of none.
PUBLIC: Final = "genai-prices"
NO_SOURCE: Final = "none"
#: The currency of the public prices, and of a book that names no price.
DOLLARS: Final = "usd"

#: What vendors tell of a use on which its price depends, with the values that they are known for.
CONDITIONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "processing": ("batch",),
        "service_tier": ("default", "standard", "priority", "flex", "fast", "scale"),
        "speed": ("fast", "standard"),
        "route": (),
        "search_type": ("fast", "web"),
    }
)

_ALWAYS: Final = datetime(1, 1, 1, tzinfo=UTC)


def vendor_of(named: ModelRates | Markup) -> str:
    """Give the one name of the vendor that something is for.

    >>> vendor_of(Markup(vendor="Bedrock"))
    'aws'
    """
    try:
        return vendor_name(named.vendor)
    except InvalidText:  # a finding of its own
        return named.vendor


def book_currency(settings: PriceBookSettings) -> str:
    """Name the currency of a book: that of its source, else of the first price in it.

    >>> book_currency(PriceBookSettings())
    'usd'
    """
    if settings.source == PUBLIC:
        return DOLLARS
    written = [card.rates for card in settings.overrides]
    return next(_currencies([*written, settings.fallback]), DOLLARS)


def card_currency(card: ModelRates) -> str:
    """Name the currency of a card: that of its first price."""
    return next(_currencies([card.rates]), DOLLARS)


def currencies(settings: PriceBookSettings) -> frozenset[str] | None:
    """Name the currencies in which a book can price; None where only its source knows."""
    if settings.source not in (PUBLIC, NO_SOURCE):
        return None
    known = {card_currency(card) for card in settings.overrides}
    if settings.source == PUBLIC or settings.unknown_model != "refuse":
        known.add(book_currency(settings))
    return frozenset(known)


def begins(moment: datetime | None) -> datetime:
    """Give the moment from which something holds that may hold always.

    >>> begins(None).year
    1
    """
    return moment or _ALWAYS


def may_meet(one: str, other: str) -> bool:
    """Tell whether two names of models, either with `*`, may be for one model.

    >>> may_meet("gpt-4*", "gpt-4o"), may_meet("gpt-4*", "gpt-*"), may_meet("o3", "gpt-*")
    (True, True, False)
    """
    if "*" in one and "*" in other:
        left, right = one.partition("*")[0], other.partition("*")[0]
        return left.startswith(right) or right.startswith(left)
    return fnmatchcase(one, other) or fnmatchcase(other, one)


def _currencies(tables: Iterable[Mapping[str, WrittenRate]]) -> Iterator[str]:
    for rates in tables:
        for rate in rates.values():
            yield from (quote.currency for _, quote in quotes(rate) if quote.currency)
