"""What a catalog may say, but perhaps does not mean. Owns warnings; nothing here is refused."""

from collections.abc import Iterator
from typing import Final

from tollkeeper.catalog import rating
from tollkeeper.catalog.checking.looks import Check, Finding, Look, rules
from tollkeeper.catalog.looking import rates_of, scale_of, sold_currencies, unit_scale
from tollkeeper.catalog.selling import offers_of
from tollkeeper.catalog.waterfalls import given_units, is_on_account
from tollkeeper.catalog.written_rates import quotes
from tollkeeper.values.amounts import round_half_even


def _currencies(look: Look) -> Iterator[Finding]:
    """A plan sold in a currency has no price for something in that currency."""
    catalog = look.catalog
    for key, plan in catalog.plans.items():
        sold = {price.amount.currency for price in plan.prices}
        for section in ("overage", "usage", "wallet"):
            for feature, rates in getattr(plan, section).items():
                priced = {
                    code for rate in rates for code in rating.currencies_of(rate, catalog.rates)
                }
                for code in sorted(sold - priced):
                    yield (
                        ("plans", key, section, feature),
                        f"the plan is sold in {code}, too, but this has no rate in {code}: those "
                        "customers cannot pay for it so",
                    )


def _unlimited(look: Look) -> Iterator[Finding]:
    """A limit of money says nothing of a currency in which its customers may pay."""
    catalog = look.catalog
    everywhere = set(sold_currencies(catalog))
    for path, of_plan, rule in rules(look):
        if not rule.spend:
            continue
        plan = catalog.plans.get(of_plan or "")
        sold = {price.amount.currency for price in plan.prices} if plan else set()
        what = "the plan is" if sold else "something is"
        for code in sorted((sold or everywhere) - {money.currency for money in rule.spend}):
            yield (
                (*path, "spend"),
                f"{what} sold in {code}, too, and nothing limits what those customers spend",
            )


def _inversions(look: Look) -> Iterator[Finding]:
    for unit, top_up in look.catalog.top_ups.items():
        if top_up.inversions == "allow":
            for offer in offers_of(look.catalog, unit):
                for problem in rating.inversions(offer.rate, offer.scale, offer.currency):
                    yield ("top_ups", unit, "rate"), problem


def _unused(look: Look) -> Iterator[Finding]:
    """A feature that only its own credits pay for, and nothing gives any."""
    catalog = look.catalog
    given = set(given_units(catalog))
    for key, feature in catalog.features.items():
        if feature.type != "metered" or feature.cost or feature.rate or feature.price_book:
            continue
        plans = catalog.plans.values()
        priced = any(key in plan.wallet or is_on_account(catalog, key, [plan]) for plan in plans)
        if key not in given and not priced:
            yield (
                ("features", key),
                "nothing gives its credits and nothing else pays for it; only credits granted by "
                "hand can be used",
            )


def _ungiven(look: Look) -> Iterator[Finding]:
    """A pool that features are paid from, and nothing gives any of it."""
    catalog = look.catalog
    given = set(given_units(catalog))
    costs = {unit for feature in catalog.features.values() for unit in feature.cost}
    for unit in catalog.units:
        if unit in costs and unit not in given:
            yield (
                ("units", unit),
                "features cost it, and no plan, pack, top-up, promotion or sign-up gives any; only "
                "what is granted by hand can be used",
            )


def _metered_otherwise(look: Look) -> Iterator[Finding]:
    """What a summary shows is not what is paid for."""
    catalog = look.catalog
    for key, feature in catalog.features.items():
        if feature.meter == "sum" or feature.type != "metered":
            continue
        if feature.price_book is not None or rates_of(catalog, key):
            yield (
                ("features", key, "meter"),
                f"{feature.meter} is what summaries show; each use is paid for by its own quantity",
            )


def _free_parts(look: Look) -> Iterator[Finding]:
    """A tenth of what is priced rounds to nothing, so whoever uses it in tenths never pays."""
    catalog = look.catalog
    for key, feature in catalog.features.items():
        if feature.type != "metered":
            continue
        for unit, cost in feature.cost.items():
            digits = unit_scale(catalog, unit)
            for path, quote in quotes(cost):
                has_tenths = bool(scale_of(catalog, key)) or quote.per > 1
                if has_tenths and quote.amount and not round_half_even(quote.amount / 10, digits):
                    yield (
                        ("features", key, "cost", unit, *path),
                        f"a tenth of it costs nothing, as {unit!r} has {digits} decimal digits: "
                        "give the unit more, or write scale = 0 in a feature used in wholes",
                    )


CHECKS: Final[tuple[Check, ...]] = (
    _currencies,
    _unlimited,
    _inversions,
    _unused,
    _ungiven,
    _metered_otherwise,
    _free_parts,
)
