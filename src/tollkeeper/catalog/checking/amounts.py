"""Amounts in a catalog fit their units: credits or money as it should be, and no digit too many."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from tollkeeper.catalog.checking.looks import (
    Check,
    Finding,
    Look,
    RateList,
    allowances,
    given,
    is_wallet,
    ladders,
    pieces,
    rate_lists,
    rules,
)
from tollkeeper.catalog.looking import scale_of
from tollkeeper.catalog.mistakes import Path
from tollkeeper.catalog.waterfalls import known_units, own_scale
from tollkeeper.catalog.written_rates import OnCard, Package
from tollkeeper.errors import TollkeeperError
from tollkeeper.values.amounts import MAXIMUM_SCALE, to_scaled
from tollkeeper.values.money import Money


def _given(look: Look) -> Iterator[Finding]:
    for path, unit, promise in given(look):
        yield from kind(look, (*path, "amount"), unit, promise.amount, zero=False)
    for path, unit, allowance in allowances(look):
        if allowance.cap is not None and not is_wallet(unit):
            yield from kind(look, (*path, "cap"), unit, allowance.cap)
            is_less = isinstance(allowance.amount, Decimal) and allowance.cap < allowance.amount
            if is_less and allowance.on_renewal == "add":
                yield (*path, "cap"), "the cap is below the amount, so no renewal is ever whole"
        # What was written for it and refused is one mistake, and not another one here.
        said = look.written((*path, "on_renewal"))
        is_reset = allowance.on_renewal == "reset" and said in (None, "reset")
        for name in ("cap", "lifetime"):
            if is_reset and getattr(allowance, name) is not None:
                yield (
                    (*path, name),
                    'it is for on_renewal = "add"; at a reset nothing is left to bound',
                )
        if allowance.on_renewal == "add" and allowance.every == "once":
            yield (*path, "on_renewal"), "it is granted once, so there is no renewal; say every"


def _units(look: Look) -> Iterator[Finding]:
    for key, unit in look.catalog.units.items():
        for name in ("low_balance", "overdraft", "approve_above"):
            value = getattr(unit, name)
            if isinstance(value, Decimal):
                yield from kind(look, ("units", key, name), key, value)
        feature = look.catalog.features.get(key)
        if feature is not None and feature.scale not in (None, unit.scale):
            yield (
                ("features", key, "scale"),
                f"its unit has the scale {unit.scale}; leave one of the two out",
            )
    for plan, sold in look.catalog.plans.items():
        for key, amount in sold.low_balance.items():
            yield from kind(look, ("plans", plan, "low_balance", key), key, amount)


def _limits(look: Look) -> Iterator[Finding]:
    for path, _, rule in rules(look):
        if rule.at_most is None:
            continue
        if rule.unit is not None:
            yield from kind(look, (*path, "at_most"), rule.unit, rule.at_most)
        elif rule.feature in look.catalog.features:
            scale = scale_of(look.catalog, rule.feature or "")
            yield from digits((*path, "at_most"), rule.at_most, scale)


def _steps(look: Look) -> Iterator[Finding]:
    """Quantities in tiers and packages have no more digits than what they count."""
    for rates in rate_lists(look):
        scale = _quantity_scale(look, rates)
        yield from _sizes(rates, scale)
        for _, part in pieces(rates):
            if isinstance(part, OnCard):
                for place, card in enumerate(look.catalog.rates.get(part.card, ())):
                    path: Path = ("rates", part.card, place, "rate")
                    yield from _sizes(RateList(path=path, rates=card.rate, in_money=None), scale)


def _sizes(rates: RateList, scale: int) -> Iterator[Finding]:
    for path, part in pieces(rates):
        if isinstance(part, Package):
            yield from digits((*path, "package"), part.package, scale, zero=False)
    for path, tiers in ladders(rates):
        for place, tier in enumerate(tiers):
            if tier.up_to is not None:
                yield from digits((*path, place, "up_to"), tier.up_to, scale)


def _quantity_scale(look: Look, rates: RateList) -> int:
    """Give the digits of the quantities in rates; those of a card are whoever refers to it."""
    if rates.feature in look.catalog.features:
        return scale_of(look.catalog, rates.feature or "")
    return _scale(look, str(rates.path[1])) if rates.path[0] == "top_ups" else MAXIMUM_SCALE


def kind(
    look: Look, path: Path, unit: str, amount: Decimal | Sequence[Money], *, zero: bool = True
) -> Iterator[Finding]:
    """Check that an amount is of credits or of money, as its unit wants, and exact in it."""
    if isinstance(amount, Decimal):
        if is_wallet(unit):
            yield path, 'the wallet holds money; write it with its currency, like "5.00 usd"'
        else:
            yield from digits(path, amount, _scale(look, unit), zero=zero)
    elif not is_wallet(unit):
        yield path, f"{unit!r} is credits, not money; write a number"
    else:
        yield from once(path, amount)


def once(path: Path, amounts: Sequence[Money]) -> Iterator[Finding]:
    """Check that each currency stands once among amounts of money."""
    codes = [money.currency for money in amounts]
    for place, code in enumerate(codes):
        if code in codes[:place]:
            yield (*path, place), f"{code} stands here twice"


def digits(path: Path, amount: Decimal, scale: int, *, zero: bool = True) -> Iterator[Finding]:
    """Check that an amount has no more digits than its unit, and is in its range."""
    try:
        to_scaled(amount, scale, at_least=0 if zero else 1)
    except TollkeeperError as error:
        yield path, error.message


def _scale(look: Look, unit: str) -> int:
    """Give the scale of a unit, known or not."""
    units = known_units(look.catalog)
    if unit in units:
        return units[unit].scale
    feature: Any = look.catalog.features.get(unit)
    return own_scale(feature) if feature is not None else MAXIMUM_SCALE


CHECKS: Final[tuple[Check, ...]] = (_given, _units, _limits, _steps)
