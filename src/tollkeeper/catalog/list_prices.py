"""What a plan costs by the list, and what each of its allowances is worth by it. Pure.

List prices are what the catalog says: no discount, tax or proration of a provider's is known here.
"""

from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from tollkeeper.catalog.allowances import months
from tollkeeper.catalog.looking import currency_for
from tollkeeper.values.intervals import Interval
from tollkeeper.values.periods import Period, period_at
from tollkeeper.values.zones import zone as zone_named

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog
    from tollkeeper.catalog.plans import Plan, PlanPrice


class ListPrice(NamedTuple):
    """What one seat of a plan costs in each of its periods."""

    currency: str
    #: At the scale of the currency.
    amount: int
    #: How long a period is; None is once and for all.
    every: Interval | None


def list_price(
    catalog: "Catalog", plan: str, *, interval: str | None, currency: str | None
) -> ListPrice | None:
    """Give the price of a plan in a currency; None where it has none, or there is no such plan.

    Where it is not sold by the interval, it is the first of its prices in the currency.
    """
    sold = catalog.plans.get(plan)
    if sold is None:
        return None
    found = _in_currency(sold, currency_for(catalog, (sold,), currency))
    if not found:
        return None
    wanted = None if interval is None else Interval.parse(interval)
    price = next((each for each in found if each.every == wanted), found[0])
    return ListPrice(price.amount.currency, price.amount.scaled, price.every)


def listed(
    price: ListPrice, running: Period, taken: Period, anchor: datetime, zone: str | None
) -> Fraction:
    """Give a list price for the part of a span in which a plan is taken, exactly.

    Each period counts by the part of it that lies in both; a price without periods counts where the
    plan begins.
    """
    if price.every is None:
        return Fraction(price.amount if running.start <= taken.start < running.end else 0)
    start, end = max(running.start, taken.start), min(running.end, taken.end)
    total, place = Fraction(0), zone_named(zone)
    while start < end:
        whole = period_at(anchor, price.every, start, place)
        until = min(end, whole.end)
        total += Fraction(price.amount) * Fraction(
            _microseconds(start, until), _microseconds(whole.start, whole.end)
        )
        start = until
    return total


def allowance_worth(
    price: ListPrice, every: str | None, interval: str | None, allowances: int
) -> Fraction:
    """Give what one period of an allowance is worth: the plan's price, a like part for each."""
    worth = Fraction(price.amount, allowances)
    span = every or interval
    if price.every is None or not span:
        return worth
    return worth * months(Interval.parse(span)) / months(price.every)


def _in_currency(sold: "Plan", currency: str | None) -> "list[PlanPrice]":
    return [price for price in sold.prices if currency in (None, price.amount.currency)]


def _microseconds(start: datetime, end: datetime) -> int:
    span = end - start
    return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds
