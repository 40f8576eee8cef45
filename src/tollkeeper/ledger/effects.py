"""Finds out in the books what another catalog would do: to whom, and to how much (D9).

It reads and changes nothing. Subscriptions are counted by plan, and so cost little however many
there are; limits are compared for the first customers alone.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection

from tollkeeper.catalog.differences import Difference, differences, rescaled_since
from tollkeeper.catalog.limits import standing
from tollkeeper.catalog.list_prices import list_price
from tollkeeper.catalog.looking import unit_scale
from tollkeeper.catalog.planning import (
    CatalogDiff,
    LimitEffect,
    PlanEffect,
    Revenue,
    UnitEffect,
)
from tollkeeper.catalog.rates import half_even
from tollkeeper.decisions.limiting import QUANTITY
from tollkeeper.decisions.tallies import OWN
from tollkeeper.ledger.subscriptions import subscribed_from
from tollkeeper.ledger.tallies import tally_from
from tollkeeper.store import accounts, subscriptions, tallies
from tollkeeper.store.database import Database
from tollkeeper.values.amounts import from_scaled
from tollkeeper.values.currencies import currency as currency_of
from tollkeeper.values.intervals import Interval
from tollkeeper.values.moments import to_microseconds
from tollkeeper.values.money import Money
from tollkeeper.values.units import currency_unit

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog

#: How many customers are named, and have their limits looked at.
FIRST = 20
#: How many have their limits looked at.
LOOKED_AT = 1000


class Sold(NamedTuple):
    """How many live subscriptions are alike."""

    plan: str
    version: str
    interval: str | None
    quantity: int
    currency: str | None
    times: int


class Books(NamedTuple):
    """Where to look, and as of when."""

    connection: Connection
    database: Database
    now: datetime


def diff(
    books: Books,
    old: "Catalog | None",
    new: "Catalog",
    known: "dict[str, Catalog]",
    earlier: "Iterable[Catalog]" = (),
) -> CatalogDiff:
    """Compare two catalogs, and tell what the new one would do.

    `known` are those that live subscriptions were sold under, `earlier` all that ever held.
    """
    found = (
        *rescaled_since(earlier, old, new),
        *differences(_or_empty(old, new), new, at=books.now),
    )
    changed = _changed_plans(found)
    rows = subscriptions.counts(books.connection, books.database, books.now)
    sold = [Sold(*row) for row in rows]
    affected = [each for each in sold if each.plan in changed]
    first, customers = _customers(books, sorted({each.plan for each in affected}))
    return CatalogDiff(
        before=old.version if old else "",
        after=new.version,
        differences=found,
        plans=tuple([_plan(plan, kind, old, new, affected) for plan, kind in changed.items()]),
        customers=customers,
        first_customers=tuple(first[:FIRST]),
        revenue=tuple(_revenue(affected, new, old, known)),
        units=tuple(_units(books, old, new)),
        limits=tuple(_limits(books, new, first)),
    )


def _or_empty(old: "Catalog | None", new: "Catalog") -> "Catalog":
    return type(new)() if old is None else old


def _changed_plans(found: Iterable[Difference]) -> dict[str, str]:
    """Name the plans that differ, and how."""
    changed: dict[str, str] = {}
    for each in found:
        section, _, rest = each.path.partition(".")
        if section != "plans" or each.effect == "display":
            continue
        plan, _, inner = rest.partition(".")
        changed.setdefault(plan, "changed" if inner else each.kind)
    return changed


def _customers(books: Books, plans: Sequence[str]) -> tuple[list[str], int]:
    """Name the first customers on some plans, and count all of them."""
    if not plans:
        return [], 0
    rows = subscriptions.page(
        books.connection, books.database, books.now, plans=plans, after=("", ""), most=LOOKED_AT
    )
    first = list(dict.fromkeys(subscribed_from(row).customer for row in rows))
    return first, subscriptions.customers(books.connection, books.database, books.now, plans=plans)


def _plan(
    plan: str, kind: str, old: "Catalog | None", new: "Catalog", sold: Sequence[Sold]
) -> PlanEffect:
    own = [each for each in sold if each.plan == plan]
    before = _granted(old, plan, own)
    after = _granted(new, plan, own)
    return PlanEffect(
        plan=plan,
        kind=kind,
        subscriptions=sum(each.times for each in own),
        allowances={
            unit: (before.get(unit, Decimal(0)), after.get(unit, Decimal(0)))
            for unit in sorted({*before, *after})
            if before.get(unit) != after.get(unit)
        },
    )


def _granted(catalog: "Catalog | None", plan: str, sold: Sequence[Sold]) -> dict[str, Decimal]:
    """Sum what a plan grants all its subscriptions in a period, by unit; one, if there is none."""
    if catalog is None or plan not in catalog.plans:
        return {}
    total: dict[str, Decimal] = {}
    for each in sold or [Sold(plan, "", None, 1, None, 1)]:
        terms = catalog.allowances(
            plan, interval=each.interval, currency=each.currency, quantity=each.quantity
        )
        for given in terms:
            amount = from_scaled(given.amount, unit_scale(catalog, given.unit)) * each.times
            total[given.unit] = total.get(given.unit, Decimal(0)) + amount
    return total


def _revenue(
    sold: Sequence[Sold], new: "Catalog", old: "Catalog | None", known: "dict[str, Catalog]"
) -> Iterator[Revenue]:
    """Sum what a month brings at list prices, as sold and as the new catalog would sell it."""
    before: dict[str, Fraction] = {}
    after: dict[str, Fraction] = {}
    for each in sold:
        _add(before, known.get(each.version) or old, each)
        _add(after, new, each)
    for code in sorted({*before, *after}):
        yield Revenue(
            currency=code,
            before=_money(before.get(code, Fraction(0)), code),
            after=_money(after.get(code, Fraction(0)), code),
        )


def _add(total: dict[str, Fraction], catalog: "Catalog | None", sold: Sold) -> None:
    if catalog is None:
        return
    price = list_price(catalog, sold.plan, interval=sold.interval, currency=sold.currency)
    if price is None or price.every is None:
        return
    monthly = price.amount * Interval.parse(str(price.every)).per_month
    total[price.currency] = total.get(price.currency, Fraction(0)) + (
        monthly * sold.times * sold.quantity
    )


def _money(scaled: Fraction, code: str) -> Money:
    below = 10 ** (currency_unit(code).scale - currency_of(code).exponent)
    return Money.from_minor(half_even(scaled.numerator, scaled.denominator * below), code)


def _units(books: Books, old: "Catalog | None", new: "Catalog") -> Iterator[UnitEffect]:
    """Find units that are gone while customers hold some of them."""
    if old is None:
        return
    kept = {unit.key for unit in new.declared_units()}
    gone = {unit.key: unit for unit in old.declared_units() if unit.key not in kept}
    if not gone:
        return
    rows = accounts.holdings(books.connection, books.database, sorted(gone))
    for unit, customers, amount in rows:
        if customers:
            held = from_scaled(int(amount), gone[unit].scale)
            yield UnitEffect(unit=unit, customers=int(customers), amount=held)


def _limits(books: Books, new: "Catalog", customers: Sequence[str]) -> Iterator[LimitEffect]:
    """Find customers whose counters are beyond the new catalog's limits."""
    keys = [(customer, OWN) for customer in customers]
    moment = to_microseconds(books.now)
    for row in tallies.read_tallies(books.connection, books.database, keys):
        own = tally_from(row)
        plans = tuple([plan for plan in own.plans_at(moment) if plan in new.plans])
        for limit in standing(new, plans, own.currency):
            counter = own.counter(limit.name, moment)
            if limit.subject == "customer" and counter and counter.used > limit.at_most:
                scale = _scale(new, limit.feature, limit.measure)
                yield LimitEffect(
                    customer=own.customer,
                    limit=limit.name,
                    used=from_scaled(counter.used, scale),
                    at_most=from_scaled(limit.at_most, scale),
                )


def _scale(catalog: "Catalog", feature: str | None, measure: str) -> int:
    if measure != QUANTITY:
        return unit_scale(catalog, measure)
    return 0 if feature is None else catalog.scale(feature)


def live_versions(books: Books) -> list[str]:
    """Name the versions that live subscriptions were sold under."""
    rows = subscriptions.counts(books.connection, books.database, books.now)
    return sorted({row[1] for row in rows})
