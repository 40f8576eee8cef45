"""Looking things up in a catalog: features, plans, currencies, rates. Owns the errors of not found.

Whatever is unknown is refused by name, with the nearest name that is known (C7).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from tollkeeper.catalog import rating
from tollkeeper.catalog.features import Feature
from tollkeeper.catalog.mistakes import nearest
from tollkeeper.catalog.plans import Plan
from tollkeeper.catalog.purchases import Pack, Promotion
from tollkeeper.catalog.waterfalls import known_units, own_scale
from tollkeeper.catalog.written_rates import OnCard, Quote, parts, quotes
from tollkeeper.errors import UnknownFeature, UnknownOffer, UnknownPlan, UnknownUnit
from tollkeeper.values.amounts import to_scaled
from tollkeeper.values.currencies import currency as currency_of
from tollkeeper.values.texts import echo
from tollkeeper.values.units import Unit, credits_unit, currency_unit, is_money

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog


def feature_of(catalog: "Catalog", key: str) -> Feature:
    """Give a feature by its key.

    Raises:
        UnknownFeature: the catalog has none of this key.
    """
    found = catalog.features.get(key)
    if found is None:
        raise UnknownFeature(
            f"There is no feature {echo(key)}; {nearest(key, catalog.features)}", feature=key
        )
    return found


#: What is known of every call of an AI vendor, declared or not.
OF_CALLS: Final = frozenset({"vendor", "model"})


def dimensions_of(catalog: "Catalog", key: str) -> frozenset[str] | None:
    """Name the dimensions that a feature may have: those declared, and those its rates go by.

    None where it declares none, or is not there: then any is good.
    """
    feature = catalog.features.get(key)
    if feature is None or not feature.dimensions:
        return None
    by_rate = rating.dimensions_of(rates_of(catalog, key), catalog.rates)
    of = {feature.of} if feature.of is not None else set()
    return frozenset(feature.dimensions) | OF_CALLS | (by_rate.keys() - {rating.PLAN}) | of


def plan_of(catalog: "Catalog", key: str) -> Plan:
    """Give a plan by its key.

    Raises:
        UnknownPlan: the catalog has none of this key.
    """
    found = catalog.plans.get(key)
    if found is None:
        raise UnknownPlan(f"There is no plan {echo(key)}; {nearest(key, catalog.plans)}", plan=key)
    return found


def pack_of(catalog: "Catalog", key: str) -> Pack:
    """Give a pack by its key.

    Raises:
        UnknownOffer: the catalog has none of this key.
    """
    found = catalog.packs.get(key)
    if found is None:
        raise UnknownOffer(
            f"There is no pack {echo(key)}; {nearest(key, catalog.packs)}", offer=key
        )
    return found


def promotion_of(catalog: "Catalog", code: str) -> Promotion:
    """Give a promotion by the code that customers type.

    Raises:
        UnknownOffer: there is none of this code. No other code is named, since codes are given out
            one by one.
    """
    for key, promotion in catalog.promotions.items():
        if (promotion.code or key).casefold() == code.casefold():
            return promotion
    raise UnknownOffer(f"There is no promotion {echo(code)}.", offer=code)


def plans_of(catalog: "Catalog", keys: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[Plan, ...]]:
    """Give plans by their keys; whoever has none is on the default plan, if there is one."""
    if not keys and catalog.default_plan is not None:
        keys = (catalog.default_plan,)
    return keys, tuple([plan_of(catalog, key) for key in keys])


def currency_for(
    catalog: "Catalog", plans: Sequence[Plan], currency: str | None = None
) -> str | None:
    """Give the customer's own currency, else the one of his plan, else the catalog's.

    Raises:
        UnknownCurrency: the code is not in ISO 4217.
    """
    if currency is not None:
        return currency_of(currency).code
    for plan in plans:
        sold = {price.amount.currency for price in plan.prices}
        if len(sold) == 1:
            return sold.pop()
    return default_currency(catalog)


def default_currency(catalog: "Catalog") -> str | None:
    """Give the catalog's currency; where it names none, the only one that it sells in."""
    if catalog.currency is not None:
        return catalog.currency
    sold = sold_currencies(catalog)
    return sold[0] if len(sold) == 1 else None


def sold_currencies(catalog: "Catalog") -> tuple[str, ...]:
    """Name the currencies that something is sold in, in the order of their first use."""
    found: list[str | None] = [
        price.amount.currency for plan in catalog.plans.values() for price in plan.prices
    ]
    found += [money.currency for pack in catalog.packs.values() for money in pack.price]
    rates = [rate for key in catalog.features for rate in rates_of(catalog, key)]
    rates += [rate for top_up in catalog.top_ups.values() for rate in top_up.rate]
    rates += [r for cards in catalog.rates.values() for card in cards for r in card.rate]
    found += [quote.currency for rate in rates for _, quote in quotes(rate)]
    found += [f.currency for f in catalog.features.values() if f.price_book is not None]
    return tuple(dict.fromkeys(code for code in found if code is not None))


def scale_of(catalog: "Catalog", key: str) -> int:
    """Give the decimal digits of a feature's quantity.

    What a price book prices is counted in money, so it has the scale of that currency.
    """
    feature = feature_of(catalog, key)
    if feature.price_book is not None:
        return own_scale(feature)
    if feature.scale is None and key in catalog.units:
        return catalog.units[key].scale
    return own_scale(feature)


def unit_scale(catalog: "Catalog", unit: str) -> int:
    """Give the decimal digits of a unit.

    Raises:
        UnknownUnit: the catalog has none of this key.
    """
    if is_money(unit):
        return currency_unit(unit.partition(":")[2]).scale
    units = known_units(catalog)
    if unit not in units:
        raise UnknownUnit(f"There is no unit {echo(unit)}; {nearest(unit, units)}", unit=unit)
    return units[unit].scale


def units_of(catalog: "Catalog") -> tuple[Unit, ...]:
    """Declare the catalog's units for the ledger: credits, and money with an overdraft."""
    declared = [
        credits_unit(key, settings.scale, overdraft=settings.overdraft)
        for key, settings in known_units(catalog).items()
    ]
    money = [
        currency_unit(limit.currency, overdraft=limit.amount) for limit in catalog.wallet.overdraft
    ]
    return tuple(sorted([*declared, *money], key=lambda unit: unit.key))


def money_rates(feature: Feature) -> Sequence[Any]:
    """Give a feature's own rates in money; one of a price book is the price itself."""
    if feature.rate or feature.price_book is None:
        return feature.rate
    return (Quote(amount=Decimal(1), currency=feature.currency),)


def rates_of(catalog: "Catalog", key: str) -> list[Any]:
    """Give every rate by which a feature may be paid, on whatever plan."""
    feature = catalog.features[key]
    found = [*feature.cost.values(), *feature.rate]
    for plan in catalog.plans.values():
        for section in (plan.wallet, plan.usage, plan.overage):
            found += section.get(key, ())
    return found


def moments_of(catalog: "Catalog", rates: Sequence[Any]) -> tuple[datetime, ...]:
    """Give the moments at which one of the cards behind these rates begins, ascending."""
    names = {part.card for rate in rates for _, part in parts(rate) if isinstance(part, OnCard)}
    inner = [each for name in names for card in catalog.rates.get(name, ()) for each in card.rate]
    found = {card.from_ for name in names for card in catalog.rates.get(name, ())}
    if inner:
        found.update(moments_of(catalog, inner))
    return tuple(sorted(found))


def threshold(catalog: "Catalog", unit: str, keys: tuple[str, ...]) -> int | None:
    """Give the balance below which a notice warns, in the ledger's integers; None is never."""
    if is_money(unit):
        money = next((m for m in catalog.wallet.low_balance if m.unit.key == unit), None)
        return None if money is None else money.scaled
    _, plans = plans_of(catalog, keys)
    scale = unit_scale(catalog, unit)
    said: Mapping[str, Any] = {}
    for plan in reversed(plans):
        said = {**said, **plan.low_balance}
    settings = catalog.units.get(unit)
    amount = said.get(unit, settings.low_balance if settings else None)
    return None if amount is None else to_scaled(amount, scale, at_least=0)


def is_allowed(key: str, plans: Sequence[Plan]) -> bool:
    """Tell whether any of the plans lets a customer use a feature; silence allows it."""
    said = [plan.entitlements[key] for plan in plans if key in plan.entitlements]
    return not said or any(value is not False for value in said)
