"""What is granted, when and how: allowances of plans, contents of packs, gifts (D2, D3, D8).

Owns the arithmetic between an allowance's own recurrence and the interval that is paid for. It
computes amounts and spans; when they fall due is the calendar's to say (`values/periods.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, Final

from tollkeeper.catalog.limits import money_of
from tollkeeper.catalog.looking import currency_for, plan_of, unit_scale
from tollkeeper.catalog.plans import Allowance, OnRenewal
from tollkeeper.catalog.purchases import Gift
from tollkeeper.catalog.scalars import write_span
from tollkeeper.catalog.waterfalls import WALLET
from tollkeeper.values.amounts import POWERS_OF_TEN, to_scaled
from tollkeeper.values.intervals import Interval
from tollkeeper.values.money import Money

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog

#: Months in what a span is made of, for allowances granted at once: a week, which is 7 days, is a
#: quarter of a month (D3).
MONTHS: Final = {
    "month": Fraction(1),
    "day": Fraction(1, 28),
    "second": Fraction(1, 28 * 24 * 60 * 60),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantTerms:
    """What is to be granted."""

    #: The unit: of credits, or a currency (`money:usd`).
    unit: str
    #: How much each time, in the ledger's integers.
    amount: int
    #: `allowance`, `purchase` or `promotion`.
    source: str
    #: How often: `month`, `3 months` …; None is once.
    every: str | None = None
    #: What a renewal does with what is left.
    on_renewal: OnRenewal = "reset"
    #: With `add`: the most there may be after a renewal, in the ledger's integers.
    cap: int | None = None
    #: How long it can be spent: `3 months` …; None is until the renewal ends it, else for ever.
    lifetime: str | None = None
    #: The burn priority; None is the source's own.
    priority: int | None = None
    #: The only features that may spend it; none named is all.
    features: tuple[str, ...] = ()


def allowances(
    catalog: "Catalog",
    plan: str,
    *,
    interval: Interval | str | None = None,
    currency: str | None = None,
    quantity: int = 1,
    in_trial: bool = False,
) -> tuple[GrantTerms, ...]:
    """Tell what a plan grants, and how often.

    By default an allowance drips: it comes at its own recurrence, whatever interval is paid for.
    With `pace = "upfront"` it comes once an interval, as much as falls into it: that of twelve
    months for a year; for a week a quarter of a month's, rounded up to whole credits.

    Args:
        catalog: the catalog.
        plan: the plan's key.
        interval: what is paid for, as in the plan's price: `year` …; None is free.
        currency: the customer's, for allowances of the wallet.
        quantity: how many seats are paid for.
        in_trial: whether the trial's own allowances are asked for, where it has any.

    Raises:
        UnknownPlan: the catalog has no such plan.
        InvalidInterval: the interval is none.
    """
    sold = plan_of(catalog, plan)
    promised: Mapping[str, Allowance] = sold.allowances
    if in_trial and sold.trial is not None and sold.trial.allowances is not None:
        promised = sold.trial.allowances
    code = currency_for(catalog, (sold,), currency)
    pooled = sold.seats is not None and sold.seats.mode == "pool"
    paid = Interval.parse(interval) if isinstance(interval, str) else interval
    found = [
        _terms(catalog, unit, allowance, paid, code, quantity if pooled else 1)
        for unit, allowance in promised.items()
    ]
    return tuple([terms for terms in found if terms is not None and terms.amount])


def gifts(
    catalog: "Catalog", given: Mapping[str, Gift], *, source: str, currency: str | None = None
) -> tuple[GrantTerms, ...]:
    """Tell what a pack, a promotion or a sign-up grants, once."""
    code = currency_for(catalog, (), currency)
    return tuple(_gifts(catalog, given, source, code))


def share_of(amount: Decimal, scale: int, every: Interval, interval: Interval) -> int:
    """Give what falls into an interval of an allowance, rounded up, in the ledger's integers.

    Whole allowances stay whole: they are rounded up to whole credits.

    >>> month, week = Interval(1, "month"), Interval(1, "week")
    >>> share_of(Decimal(1001), 0, month, week), share_of(Decimal("0.5"), 2, month, week)
    (251, 13)
    """
    exact = Fraction(amount) * months(interval) / months(every)
    digits = 0 if amount == amount.to_integral_value() else scale
    return ceil(exact * POWERS_OF_TEN[digits]) * POWERS_OF_TEN[scale - digits]


def months(span: Interval) -> Fraction:
    """Give a span in months, as allowances count them.

    >>> months(Interval(1, "year")), months(Interval(2, "week"))
    (Fraction(12, 1), Fraction(1, 2))
    """
    return span.length * MONTHS[span.base]


def _terms(
    catalog: "Catalog",
    unit: str,
    allowance: Allowance,
    interval: Interval | None,
    currency: str | None,
    quantity: int,
) -> GrantTerms | None:
    known = _unit_and_amount(catalog, unit, allowance.amount, currency)
    if known is None:
        return None
    key, scale, amount = known
    every = None if allowance.every == "once" else allowance.every
    cap = allowance.cap
    granted = to_scaled(amount, scale, at_least=0)
    most = None if cap is None else to_scaled(cap, scale, at_least=0)
    if allowance.pace == "upfront" and interval is not None and every is not None:
        granted = share_of(amount, scale, every, interval)
        most = None if cap is None else share_of(cap, scale, every, interval)
        every = interval
    seats = quantity if allowance.per_seat else 1
    return GrantTerms(
        unit=key,
        amount=granted * seats,
        source="allowance",
        every=_written(every),
        on_renewal=allowance.on_renewal,
        cap=None if most is None else most * seats,
        lifetime=_written(allowance.lifetime),
        priority=_priority(catalog, unit, allowance.priority, "allowance"),
        features=allowance.features,
    )


def _gifts(
    catalog: "Catalog", given: Mapping[str, Gift], source: str, currency: str | None
) -> Iterator[GrantTerms]:
    for unit, gift in given.items():
        known = _unit_and_amount(catalog, unit, gift.amount, currency)
        if known is not None:
            key, scale, amount = known
            yield GrantTerms(
                unit=key,
                amount=to_scaled(amount, scale, at_least=0),
                source=source,
                lifetime=_written(gift.expires_after),
                priority=_priority(catalog, unit, gift.priority, source),
                features=gift.features,
            )


def _unit_and_amount(
    catalog: "Catalog", unit: str, amount: Decimal | Sequence[Money], currency: str | None
) -> tuple[str, int, Decimal] | None:
    """Give the unit's key and scale, and how much; None is money in another currency."""
    if isinstance(amount, Decimal):
        return unit, unit_scale(catalog, unit), amount
    money = money_of(amount, currency)
    return None if money is None else (money.unit.key, money.unit.scale, money.amount)


def _written(span: Interval | None) -> str | None:
    return None if span is None else write_span(span)


def _priority(catalog: "Catalog", unit: str, said: int | None, source: str) -> int | None:
    if said is not None or unit == WALLET or unit not in catalog.units:
        return said
    settings = catalog.units[unit]
    return settings.priorities.get(source, settings.priority)
