"""From rates as people write them to exact integer rates. Owns that arithmetic; must never round.

Everything is a fraction until the last step, where one denominator is found for the whole rate; the
one rounding is left to `rates.py`, when a cost is asked for.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import reduce
from math import lcm
from typing import Any, Final, NamedTuple

from tollkeeper.catalog.rates import Mode, Rate, Tier
from tollkeeper.catalog.scalars import write_amount
from tollkeeper.catalog.written_rates import (
    ByDimension,
    Graduated,
    OnCard,
    Package,
    Quote,
    RateCard,
    WrittenTier,
    parts,
    quotes,
    tables,
)
from tollkeeper.values.amounts import POWERS_OF_TEN, from_scaled
from tollkeeper.values.money import Money

#: The dimension whose value is the customer's main plan.
PLAN: Final = "plan"

Cards = Mapping[str, tuple[RateCard, ...]]


class ExactRate(NamedTuple):
    """A rate, and from when its quantities are counted."""

    rate: Rate
    #: `charge` or `period`; None leaves it to who pays.
    over: str | None


class Scales(NamedTuple):
    """Decimal digits of the quantity that is rated, and of the unit that it costs."""

    quantity: int
    unit: int


def of_currency(rates: Sequence[Any], currency: str | None, cards: Cards) -> Any | None:
    """Choose among rates the one that is in a currency; a card is in those of its own rates."""
    for rate in rates:
        if currency in currencies_of(rate, cards):
            return rate
    return None


def currencies_of(rate: Any, cards: Cards) -> set[str | None]:
    """Name the currencies in which a rate can be paid."""
    found: set[str | None] = {quote.currency for _, quote in quotes(rate)}
    on_cards = [part.card for _, part in parts(rate) if isinstance(part, OnCard)]
    for name in on_cards:
        found |= {
            each
            for card in cards.get(name, ())
            for inner in card.rate
            for each in currencies_of_plain(inner)
        }
    return found


def currencies_of_plain(rate: Any) -> set[str | None]:
    """Name the currencies of a rate that leads to no card."""
    return {quote.currency for _, quote in quotes(rate)}


def resolve(
    rate: Any,
    currency: str | None,
    dimensions: Mapping[str, str],
    at: datetime | None,
    cards: Cards,
) -> Any | None:
    """Follow dimensions and cards to the plain rate that holds; None where there is none."""
    for _ in range(MAXIMUM_STEPS):
        if isinstance(rate, ByDimension):
            value = dimensions.get(rate.by)
            rate = rate.rates.get(value, rate.otherwise) if value is not None else rate.otherwise
        elif isinstance(rate, OnCard):
            card = card_at(cards.get(rate.card, ()), at)
            rate = of_currency(card.rate, currency, {}) if card else None
        else:
            return rate
    return None


#: Most dimensions and cards that lead to one rate.
MAXIMUM_STEPS: Final = 32


def card_at(cards: Sequence[RateCard], at: datetime | None) -> RateCard | None:
    """Give the card that holds at a moment: the last that has begun."""
    begun = [card for card in cards if at is not None and card.from_ <= at]
    return begun[-1] if begun else None


def compiled(rate: Any, scales: Scales) -> ExactRate:
    """Make the exact integer rate of a plain one."""
    if isinstance(rate, Quote):
        return ExactRate(_joined("flat", [(None, _each(rate, scales), Fraction(0))]), None)
    if isinstance(rate, Package):
        price = _flat(rate.each, scales)
        size = scaled(rate.package, scales.quantity)
        return ExactRate(_joined("package", [(None, price, Fraction(0))], size), rate.over)
    mode: Mode = "graduated" if isinstance(rate, Graduated) else "volume"
    steps = [_step(tier, scales) for tier in tables(rate)]
    return ExactRate(_joined(mode, steps), rate.over)


def one() -> Quote:
    """Give the rate of one for one."""
    return Quote(amount=Decimal(1))


def scaled(amount: Decimal, scale: int) -> int:
    """Give an amount as an integer of its unit's scale; what is beyond it is cut off.

    Checking refuses a catalog whose amounts have more digits than their unit.
    """
    return int(Fraction(amount) * POWERS_OF_TEN[scale])


def _step(tier: WrittenTier, scales: Scales) -> tuple[int | None, Fraction, Fraction]:
    end = None if tier.up_to is None else scaled(tier.up_to, scales.quantity)
    flat = _flat(tier.flat, scales) if tier.flat is not None else Fraction(0)
    return end, _each(tier.each, scales), flat


def _each(quote: Quote, scales: Scales) -> Fraction:
    """Give what one scaled unit of quantity costs, in the unit's integers."""
    return _flat(quote, scales) / POWERS_OF_TEN[scales.quantity]


def _flat(quote: Quote, scales: Scales) -> Fraction:
    """Give what a whole step or package costs, in the unit's integers."""
    return Fraction(quote.amount) / Fraction(quote.per) * POWERS_OF_TEN[scales.unit]


def _joined(
    mode: Mode, steps: Iterable[tuple[int | None, Fraction, Fraction]], package: int = 0
) -> Rate:
    """Bring every price of a rate to one denominator."""
    known = list(steps)
    denominators = [price.denominator for _, each, flat in known for price in (each, flat)]
    denominator = reduce(lcm, denominators, 1)
    tiers = [
        Tier(end, int(each * denominator), int(flat * denominator)) for end, each, flat in known
    ]
    return Rate(tuple(tiers), denominator, mode, package)


def dimensions_of(rates: Iterable[Any], cards: Cards) -> dict[str, set[str]]:
    """Name the dimensions that rates go by, each with the values that are told apart."""
    found: dict[str, set[str]] = {}
    for rate in rates:
        for _, part in parts(rate):
            if isinstance(part, ByDimension):
                found.setdefault(part.by, set()).update(part.rates)
            elif isinstance(part, OnCard):
                inner = [each for card in cards.get(part.card, ()) for each in card.rate]
                for name, values in dimensions_of(inner, {}).items():
                    found.setdefault(name, set()).update(values)
    return found


def inversions(rate: Rate, scale: int, currency: str) -> Iterator[str]:
    """Tell where a little more costs less in all: at the edges of volume rates.

    The rate is in minor units; a step is the next whole one.
    """
    for tier in rate.tiers[:-1] if rate.mode == "volume" else ():
        end = tier.up_to or 0
        more = end + POWERS_OF_TEN[scale]
        if rate.cost(more) < rate.cost(end):
            here, there = (Money.from_minor(rate.cost(each), currency) for each in (end, more))
            low, high = (write_amount(from_scaled(each, scale)) for each in (end, more))
            yield f"{low} cost {here}, but {high} cost only {there}; graduated rates never do that"
