"""Price books: what is written in one is understood, and no call is the first to find it wrong.

The law: a book without a finding here becomes `PriceBooks` without an error, and prices every model
that it or its source knows in a currency of the features that it is for.
"""

from collections.abc import Hashable, Iterator, Mapping
from datetime import datetime
from difflib import SequenceMatcher
from fractions import Fraction
from itertools import combinations
from typing import Final

from tollkeeper.catalog.checking.amounts import digits
from tollkeeper.catalog.checking.ladders import ladder
from tollkeeper.catalog.checking.looks import Check, Finding, Look
from tollkeeper.catalog.checking.names import unknown
from tollkeeper.catalog.features import Markup, ModelRates, PriceBookSettings
from tollkeeper.catalog.mistakes import Path
from tollkeeper.catalog.price_books import (
    CONDITIONS,
    NO_SOURCE,
    PUBLIC,
    begins,
    book_currency,
    card_currency,
    currencies,
    may_meet,
    vendor_of,
)
from tollkeeper.catalog.written_rates import Quote, Volume, WrittenRate, quotes
from tollkeeper.errors import TollkeeperError
from tollkeeper.values.amounts import MAXIMUM_SCALE
from tollkeeper.values.model_kinds import KINDS, kind_of
from tollkeeper.values.texts import check_text, echo
from tollkeeper.values.vendors import vendor_name

#: Most steps of a rate: the standard one, and twenty for longer prompts.
MAXIMUM_STEPS: Final = 21
#: How much alike two names are of which one is probably the other, mistyped.
ALIKE: Final = 0.8

_MILLION: Final = 1_000_000


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
        if book.source == NO_SOURCE and not book.overrides:
            yield (*path, "source"), "without a source every price is among `overrides`; write some"
        yield from _source((*path, "source"), book.source)


def _source(path: Path, name: str) -> Iterator[Finding]:
    """A source of the app's own may have any name but one that looks like a word of ours."""
    for word in (PUBLIC, NO_SOURCE):
        if name != word and is_alike(name, word):
            yield path, f"there is no source {echo(name)}; did you mean {word!r}?"


def _rates(look: Look) -> Iterator[Finding]:
    """Rates of models are money, each, or by the length of the prompt."""
    for name, book in look.catalog.price_books.items():
        path: Path = ("price_books", name)
        yield from _table((*path, "fallback"), book.fallback, book_currency(book), "the book")
        for place, card in enumerate(book.overrides):
            where = (*path, "overrides", place, "rates")
            if not card.rates:
                yield where, 'it names no rate; write some, like { input = "3 usd / 1_000_000" }'
            yield from _table(where, card.rates, card_currency(card), "its card")


def _table(
    path: Path, rates: Mapping[str, WrittenRate], currency: str, whose: str
) -> Iterator[Finding]:
    for kind, rate in rates.items():
        where = (*path, kind)
        if kind_of(kind) is None:
            yield where, unknown("kind of use", kind, KINDS)
        if not isinstance(rate, Quote | Volume):
            yield where, 'write a price each, like "3 usd / 1_000_000", or `volume`'
            continue
        for inner, quote in quotes(rate):
            yield from _price((*where, *inner), quote, currency, whose)
        if isinstance(rate, Volume):
            yield from _by_length(where, rate)


def _price(path: Path, quote: Quote, currency: str, whose: str) -> Iterator[Finding]:
    if quote.currency is None:
        yield path, 'this is money; name the currency, like "3 usd / 1_000_000"'
    elif quote.currency != currency:
        yield path, f"this is in {quote.currency}, and {whose} is in {currency}; write one currency"
    if quote.per != quote.per.to_integral_value():
        yield path, f"{quote} is for a part of one; name the price of a whole number"


def _by_length(path: Path, rate: Volume) -> Iterator[Finding]:
    """Steps go by the length of one request's prompt, in tokens."""
    steps = rate.volume
    yield from ladder((*path, "volume"), steps, is_endless=True)
    if rate.over is not None:
        yield (*path, "over"), "the prompt of each request decides, and no period; leave it out"
    if len(steps) > MAXIMUM_STEPS:
        yield (*path, "volume"), f"it has more than {MAXIMUM_STEPS} steps"
    for place, step in enumerate(steps):
        where = (*path, "volume", place)
        if step.flat is not None:
            yield (*where, "flat"), "the use of a model has no flat price; write what one costs"
        if step.up_to is not None:
            yield from digits((*where, "up_to"), step.up_to, 0)


def _overrides(look: Look) -> Iterator[Finding]:
    for name, book in look.catalog.price_books.items():
        path: Path = ("price_books", name, "overrides")
        yield from _ascending(path, book)
        yield from _currencies(path, book)
        for place, card in enumerate(book.overrides):
            yield from _named((*path, place), card)
            for key in card.when:
                if near := _near_condition(key):
                    yield (
                        (*path, place, "when", key),
                        f"no price depends on {echo(key)}; did you mean {near!r}?",
                    )


def _named(path: Path, named: ModelRates | Markup) -> Iterator[Finding]:
    """Names of vendors and models are such as calls can have."""
    try:
        vendor_name(named.vendor)
        check_text(named.model, "model")
    except TollkeeperError as error:
        yield path, error.message


def _ascending(path: Path, book: PriceBookSettings) -> Iterator[Finding]:
    last: dict[Hashable, datetime] = {}
    for place, card in enumerate(book.overrides):
        name = (vendor_of(card), card.model, tuple(sorted(card.when.items())))
        if name in last and begins(card.from_) <= last[name]:
            yield (
                (*path, place),
                "its `from` is not after that of the same model before; rates are appended, the "
                "latest last",
            )
        last[name] = begins(card.from_)


def _currencies(path: Path, book: PriceBookSettings) -> Iterator[Finding]:
    """What one price completes is in its currency."""
    currency = book_currency(book)
    for place, card in enumerate(book.overrides):
        own = card_currency(card)
        if own != currency and not card.is_complete and book.source != NO_SOURCE:
            yield (
                (*path, place, "rates"),
                f"these are in {own}, and the book completes them in {currency}: write them in "
                f"{currency}, or all there are, and is_complete = true",
            )
    for (_, one), (place, other) in combinations(enumerate(book.overrides), 2):
        if _completes(one, other) and card_currency(one) != card_currency(other):
            yield (
                (*path, place, "rates"),
                f"these are in {card_currency(other)}, and those of {one.model!r} above, which may "
                f"hold beside them, in {card_currency(one)}; write one currency",
            )


def _completes(one: ModelRates, other: ModelRates) -> bool:
    """Tell whether two cards may price one use together, each for what its `when` says."""
    is_same = vendor_of(one) == vendor_of(other) and may_meet(one.model, other.model)
    return is_same and one.when != other.when


def _markups(look: Look) -> Iterator[Finding]:
    for name, book in look.catalog.price_books.items():
        path: Path = ("price_books", name)
        yield from _percent(path, book)
        for place, markup in enumerate(book.markups):
            where = (*path, "markups", place)
            if markup.markup is None and markup.add is None:
                yield where, 'what is added? Write markup = "20 %", or add'
            yield from _percent(where, markup)
            yield from _named(where, markup)
            if markup.add is not None:
                yield from _added((*where, "add"), markup.add, book)
        yield from _twice((*path, "markups"), book)
    for key, feature in look.catalog.features.items():
        if feature.markup is not None and feature.markup < -100:
            yield ("features", key, "markup"), _BELOW


def _percent(path: Path, marked: PriceBookSettings | Markup) -> Iterator[Finding]:
    if marked.markup is not None and marked.markup < -100:
        yield (*path, "markup"), _BELOW


def _added(path: Path, add: Quote, book: PriceBookSettings) -> Iterator[Finding]:
    """A fixed addition is for tokens: exact for a million of them, in the book's currency."""
    yield from _price(path, add, book_currency(book), "the book")
    if (Fraction(add.amount) / Fraction(add.per) * _MILLION * 10**MAXIMUM_SCALE).denominator != 1:
        yield path, f'{add} is not exact; write it for a million, like "0.50 usd / 1_000_000"'


def _twice(path: Path, book: PriceBookSettings) -> Iterator[Finding]:
    """Of two markups for the same from the same moment on, one would never hold."""
    everything = ("*", "*", begins(None))
    seen: dict[Hashable, str] = {}
    if book.markup is not None:
        seen[everything] = "the book's own `markup`"
    for place, markup in enumerate(book.markups):
        name = (vendor_of(markup), markup.model, begins(markup.from_))
        if name in seen:
            yield (
                (*path, place),
                f"{seen[name]} is for the same, from the same moment on; leave one of the two out",
            )
        seen.setdefault(name, f"markups[{place}]")


def _features(look: Look) -> Iterator[Finding]:
    """A feature is charged in a currency in which its book has prices."""
    for key, feature in look.catalog.features.items():
        book = look.catalog.price_books.get(feature.price_book or "")
        known = None if book is None else currencies(book)
        if known and feature.currency not in known:
            priced = " and ".join(sorted(known))
            yield (
                ("features", key, "currency"),
                f"it is charged in {feature.currency}, and its price book is in {priced}; write "
                f'currency = "{min(known)}"',
            )


def is_alike(name: str, known: str) -> bool:
    """Tell whether a name is probably another one, mistyped.

    >>> is_alike("genai-price", "genai-prices"), is_alike("acme", "azure")
    (True, False)
    """
    return SequenceMatcher(a=name.lower(), b=known.lower()).ratio() >= ALIKE


def _near_condition(key: str) -> str | None:
    if key in CONDITIONS:
        return None
    return next((known for known in CONDITIONS if is_alike(key, known)), None)


_BELOW: Final = "below -100 % the customer would be paid for using it"

CHECKS: Final[tuple[Check, ...]] = (_books, _rates, _overrides, _markups, _features)
