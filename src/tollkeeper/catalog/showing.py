"""Prices as people read them: of plans, with allowances and what comes after; and of rates.

Owns the words of a price list in plain English; must never compute what is charged. Numbers that a
page may want to write in another way stand beside the words.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from tollkeeper.catalog import rating
from tollkeeper.catalog.limits import money_of
from tollkeeper.catalog.looking import currency_for, money_rates, plan_of
from tollkeeper.catalog.names_shown import grouped, titled, unit_name
from tollkeeper.catalog.plans import Allowance, Plan, PlanPrice
from tollkeeper.catalog.promises import entitlements_shown, limits_shown
from tollkeeper.catalog.waterfalls import WALLET, is_on_account
from tollkeeper.catalog.written_rates import (
    ByDimension,
    Graduated,
    OnCard,
    Package,
    Quote,
    WrittenTier,
    tables,
)
from tollkeeper.values.intervals import Interval
from tollkeeper.values.money import Money

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceShown:
    """One price of a plan, as a page shows it."""

    #: How much.
    amount: Money
    #: How often; None is once.
    every: Interval | None
    #: `$20.00 / month`.
    text: str
    #: How much less than paying monthly for as long, in whole per cent; 0 is no less.
    saving_percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanShown:
    """A plan, as a pricing page shows it in one currency."""

    #: The plan's key.
    key: str
    #: What people call it.
    name: str
    #: What it is, in a sentence.
    description: str | None
    #: What the page praises.
    highlights: tuple[str, ...]
    #: Its prices, the shortest interval first; none is free.
    prices: tuple[PriceShown, ...]
    #: What is included and what comes after: `1,000 AI credits / month, …`.
    included: tuple[str, ...]
    #: How long it can be tried, or None.
    trial: str | None
    #: What else it lets one use: `SSO`, `Projects: 5`.
    entitlements: tuple[str, ...] = ()
    #: How much it lets one use: `at most 200 Image / day`.
    limits: tuple[str, ...] = ()


def plan_shown(
    catalog: "Catalog", key: str, *, currency: str | None = None, at: datetime | None = None
) -> PlanShown:
    """Show a plan in one currency: the customer's, else the plan's, else the catalog's.

    Args:
        catalog: the catalog.
        key: the plan's key.
        currency: the currency of prices and rates.
        at: the moment whose dated rates are shown.

    Raises:
        UnknownPlan: the catalog has no such plan.
        UnknownCurrency: the code is not in ISO 4217.
    """
    plan = plan_of(catalog, key)
    code = currency_for(catalog, (plan,), currency)
    prices = [price for price in plan.prices if price.amount.currency == code]
    prices.sort(key=lambda price: _months(price.every))
    return PlanShown(
        key=key,
        name=plan.name or titled(key),
        description=plan.description,
        highlights=plan.highlights,
        prices=tuple([price_shown(price, prices) for price in prices]),
        included=tuple(included(catalog, plan, code, at)),
        trial=f"{plan.trial.lasts} free" if plan.trial else None,
        entitlements=tuple(entitlements_shown(catalog, plan)),
        limits=tuple(limits_shown(catalog, plan, code)),
    )


def plans_shown(
    catalog: "Catalog", *, currency: str | None = None, at: datetime | None = None
) -> tuple[PlanShown, ...]:
    """Show every public plan, the free ones first, then by what a month of them costs."""
    shown = [
        (key, plan_shown(catalog, key, currency=currency, at=at))
        for key, plan in catalog.plans.items()
        if plan.is_public
    ]
    shown.sort(key=lambda named: (catalog.plans[named[0]].add_on, _monthly(named[1]), named[0]))
    return tuple(plan for _, plan in shown)


def price_shown(price: PlanPrice, others: Sequence[PlanPrice]) -> PriceShown:
    """Show a price, with what it saves against the same plan paid monthly."""
    span = f" / {price.every}" if price.every else ""
    return PriceShown(
        amount=price.amount,
        every=price.every,
        text=price.amount.format() + span,
        saving_percent=_saving(price, others),
    )


def included(
    catalog: "Catalog", plan: Plan, currency: str | None, at: datetime | None
) -> Iterator[str]:
    """Say what a plan includes, and what is paid beyond it."""
    for unit, allowance in plan.allowances.items():
        text = _allowance(catalog, unit, allowance, currency)
        if text is not None:
            then = _then(catalog, unit, plan, currency, at) if unit in catalog.features else None
            yield f"{text}, then {then}" if then else text
    for name, feature in catalog.features.items():
        if feature.type == "metered" and name not in plan.allowances:
            then = _then(catalog, name, plan, currency, at)
            if then:
                yield f"{feature.name or titled(name)}: {then}"


def rate_text(rate: Any) -> str:
    """Write a rate as a price list does.

    >>> from tollkeeper.catalog.written_rates import to_quote
    >>> rate_text(to_quote("0.12 usd")), rate_text(to_quote("2.50 usd / 1_000_000"))
    ('$0.12 each', '$2.50 per 1,000,000')
    >>> rate_text(to_quote(10))
    '10 each'
    """
    if isinstance(rate, Quote):
        return _quote(rate)
    if isinstance(rate, Package):
        return f"{_money(rate.each)} for every {grouped(rate.package)} begun"
    if isinstance(rate, ByDimension):
        return f"by {rate.by}"
    if isinstance(rate, OnCard):
        return "by date"
    joint = ", then " if isinstance(rate, Graduated) else "; for all "
    return joint.join(_steps(tables(rate), is_graduated=isinstance(rate, Graduated)))


def _allowance(
    catalog: "Catalog", unit: str, allowance: Allowance, currency: str | None
) -> str | None:
    if unit == WALLET:
        amounts = allowance.amount if isinstance(allowance.amount, tuple) else ()
        money = money_of(amounts, currency)
        if money is None:
            return None
        text = f"{money.format()} of usage"
    else:
        amount = allowance.amount if isinstance(allowance.amount, Decimal) else Decimal(0)
        text = f"{grouped(amount)} {unit_name(catalog, unit)}"
    text += " once" if allowance.every == "once" else f" / {allowance.every}"
    if allowance.on_renewal == "add":
        text += ", what is left accumulates"
        text += f" up to {grouped(allowance.cap)}" if allowance.cap is not None else ""
        text += f" for {allowance.lifetime}" if allowance.lifetime else ""
    return text


def _then(
    catalog: "Catalog", key: str, plan: Plan, currency: str | None, at: datetime | None
) -> str | None:
    """Say what a feature costs in money on a plan, beyond what is included."""
    said = plan.overage.get(key) or plan.usage.get(key) or plan.wallet.get(key)
    if not said and not is_on_account(catalog, key, (plan,)):
        return None
    rates = said or money_rates(catalog.features[key])
    rate = rating.of_currency(rates, currency, catalog.rates)
    if isinstance(rate, OnCard) and at is not None:
        rate = rating.resolve(rate, currency, {}, at, catalog.rates)
    return None if rate is None else rate_text(rate)


def _steps(tiers: Sequence[WrittenTier], *, is_graduated: bool) -> Iterator[str]:
    for tier in tiers:
        text = _quote(tier.each)
        if tier.flat is not None:
            text += f" plus {_money(tier.flat)}"
        if tier.up_to is not None:
            text += f" up to {grouped(tier.up_to)}"
        elif not is_graduated and len(tiers) > 1:
            text += " beyond"
        yield text


def _quote(quote: Quote) -> str:
    per = f"per {grouped(quote.per)}" if quote.per != 1 else "each"
    return f"{_money(quote)} {per}"


def _money(quote: Quote) -> str:
    if quote.currency is None:
        return grouped(quote.amount)
    return Money(quote.amount, quote.currency).format()


def _saving(price: PlanPrice, others: Sequence[PlanPrice]) -> int:
    """Compare a price with that of single months; less than a whole per cent is none."""
    monthly = next((each for each in others if each.every == Interval(1, "month")), None)
    if monthly is None or price.every is None or not monthly.amount.scaled:
        return 0
    full = monthly.amount.scaled * _months(price.every)
    return max(0, int(100 - Fraction(100 * price.amount.scaled) / full))


def _months(every: Interval | None) -> Fraction:
    """Give how many months a price pays for, on average; a price paid once counts as one month."""
    return 1 / every.per_month if every is not None else Fraction(1)


def _monthly(plan: PlanShown) -> Fraction:
    each = [Fraction(price.amount.scaled) / _months(price.every) for price in plan.prices]
    return max(each, default=Fraction(0))
