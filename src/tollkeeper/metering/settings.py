"""Price books as a catalog writes them: from its settings to books that price. Owns that step.

What the settings mean is the catalog's to say (`catalog/features.py`), what a rate does is
`rates.py`'s; here the one becomes the other, and nothing is decided.
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from tollkeeper.catalog.features import Markup as WrittenMarkup
from tollkeeper.catalog.features import ModelRates, PriceBookSettings
from tollkeeper.catalog.mistakes import nearest
from tollkeeper.catalog.price_books import NO_SOURCE, PUBLIC, book_currency, card_currency
from tollkeeper.catalog.written_rates import Quote, Volume, WrittenRate
from tollkeeper.errors import InvalidRates
from tollkeeper.metering.books import PriceBook, PriceBooks
from tollkeeper.metering.cards import RateCard, RateCards
from tollkeeper.metering.exact import EXACT, price_of_one
from tollkeeper.metering.genai import GenaiPrices
from tollkeeper.metering.markups import Markup
from tollkeeper.metering.rates import Rate, RateTier
from tollkeeper.values.texts import echo

_MILLION: Final = 1_000_000
_NO_SOURCES: Final[Mapping[str, PriceBook]] = MappingProxyType({})


def price_books(
    settings: PriceBookSettings,
    *,
    markup: Decimal | None = None,
    sources: Mapping[str, PriceBook] = _NO_SOURCES,
) -> PriceBooks:
    """Make the price books that a catalog's settings describe.

    Args:
        settings: a `[price_books.…]` of the catalog.
        markup: the feature's own percentage; it takes the place of the book's general one.
        sources: price books of the app's own, by the name that `source` has in the catalog.

    Raises:
        InvalidRates: the source is not wired, a kind of use is unknown, or currencies are mixed.
        MissingExtra: the source is genai-prices, and it is not installed.

    >>> from datetime import UTC, datetime
    >>> settings = PriceBookSettings(source="none", markup="20 %", overrides=[
    ...     {"vendor": "acme", "model": "small", "rates": {"output": "2 usd / 1_000_000"}}])
    >>> pinned = price_books(settings).pin("acme", "small", datetime(2026, 6, 1, tzinfo=UTC))
    >>> pinned.markup.percent, str(pinned.rates_for()["output"].each)
    (Decimal('20'), '0.000002')
    """
    own = [RateCards(_card(card) for card in settings.overrides)] if settings.overrides else []
    source = _source(settings.source, sources)
    currency = book_currency(settings)
    general = settings.markup if markup is None else markup
    markups = [Markup(percent=general)] if general is not None else []
    return PriceBooks(
        [*own, *source],
        markups=[*markups, *(_markup(each, currency) for each in settings.markups)],
        unknown=settings.unknown_model,
        fallback=[(kind, _rate(kind, rate, currency)) for kind, rate in settings.fallback.items()],
        currency=currency,
    )


def check_source(name: str, sources: Mapping[str, PriceBook]) -> None:
    """Refuse a source that nobody handed over.

    Raises:
        InvalidRates: it is none of the app's own price books, nor one that needs no wiring.
    """
    known = {PUBLIC, NO_SOURCE, *sources}
    if name not in known:
        raise InvalidRates(
            f"{echo(name)} is no source of prices that is wired; {nearest(name, known)} Hand yours "
            f"over: Billing(…, price_books={{{name!r}: …}})"
        )


def _source(name: str, sources: Mapping[str, PriceBook]) -> list[PriceBook]:
    check_source(name, sources)
    if name in sources:
        return [sources[name]]
    return [GenaiPrices()] if name == PUBLIC else []


def _card(card: ModelRates) -> RateCard:
    currency = card_currency(card)
    return RateCard(
        vendor=card.vendor,
        model=card.model,
        rates={kind: _rate(kind, rate, currency) for kind, rate in card.rates.items()},
        starts=card.from_,
        currency=currency,
        when=card.when,
        source="catalog",
        is_complete=card.is_complete,
    )


def _rate(kind: str, written: WrittenRate, currency: str) -> Rate:
    match written:
        case Quote():
            return Rate(_each(kind, written, currency), (), "catalog")
        case Volume(volume=steps):
            first, *longer = steps
            starts = [int(step.up_to) for step in steps[:-1] if step.up_to is not None]
            tiers = [
                RateTier(above, _each(kind, step.each, currency))
                for above, step in zip(starts, longer, strict=True)
            ]
            return Rate(_each(kind, first.each, currency), tuple(tiers), "catalog")
    raise InvalidRates(f"the rate of {echo(kind)} is a price each, or `volume` by the prompt")


def _each(kind: str, quote: Quote, currency: str) -> Decimal:
    """Give the price of one, in the currency of its card."""
    if quote.currency != currency:
        raise InvalidRates(f"{quote} for {echo(kind)} is not in {currency}, as its card is")
    return _divided(quote.amount, quote)


def _markup(written: WrittenMarkup, currency: str) -> Markup:
    per_million = Decimal(0)
    if written.add is not None:
        if written.add.currency != currency:
            raise InvalidRates(f"a markup of {written.add} is not in {currency}, as its book is")
        per_million = _divided(EXACT.multiply(written.add.amount, Decimal(_MILLION)), written.add)
    return Markup(
        percent=written.markup or Decimal(0),
        per_million=per_million,
        vendor=written.vendor,
        model=written.model,
        starts=written.from_,
    )


def _divided(amount: Decimal, quote: Quote) -> Decimal:
    if quote.per != quote.per.to_integral_value():
        raise InvalidRates(f"{quote} is for a part of one; name the price of a whole number")
    return price_of_one(amount, int(quote.per))
