"""What is sold beside plans: bounds that leave something, rules that end, codes that differ."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from tollkeeper.catalog import rating
from tollkeeper.catalog.checking.amounts import kind, once
from tollkeeper.catalog.checking.looks import Check, Finding, Look, is_wallet, ladders, rate_lists
from tollkeeper.catalog.mistakes import Path
from tollkeeper.catalog.purchases import AutoTopUp, TopUp
from tollkeeper.catalog.scalars import write_amount
from tollkeeper.catalog.selling import offers_of
from tollkeeper.catalog.waterfalls import is_on_account
from tollkeeper.errors import TollkeeperError
from tollkeeper.values.money import Money

Bound = Decimal | Sequence[Money] | None


def _bounds(look: Look) -> Iterator[Finding]:
    for unit, top_up in look.catalog.top_ups.items():
        path: Path = ("top_ups", unit)
        for name in ("minimum", "maximum"):
            value = getattr(top_up, name)
            if value is not None:
                yield from kind(look, (*path, name), unit, value, zero=False)
        for least, most, code in _pairs(top_up.minimum, top_up.maximum):
            if least > most:
                yield (*path, "maximum"), f"it is below the minimum of {write_amount(least)}{code}"


def _step(look: Look) -> Iterator[Finding]:
    for unit, top_up in look.catalog.top_ups.items():
        if top_up.step is not None and not top_up.step:
            yield ("top_ups", unit, "step"), "nothing is a multiple of zero"


def _rate(look: Look) -> Iterator[Finding]:
    for unit, top_up in look.catalog.top_ups.items():
        if is_wallet(unit) and top_up.rate:
            yield ("top_ups", unit, "rate"), "money costs itself; the wallet has no rate"
        if not is_wallet(unit) and not top_up.rate and "rate" not in _written(look, unit):
            yield ("top_ups", unit), 'what does one cost? Write rate = "0.01 usd"'


def _written(look: Look, unit: str) -> Collection[str]:
    section = look.data.get("top_ups")
    found = section.get(unit) if isinstance(section, Mapping) else None
    return found if isinstance(found, Mapping) else ()


def _steps(look: Look) -> Iterator[Finding]:
    """Every step of a top-up's rate can be reached between its minimum and maximum."""
    for rates in rate_lists(look):
        if rates.path[0] == "top_ups":
            top_up = look.catalog.top_ups[str(rates.path[1])]
            for path, tiers in ladders(rates):
                yield from _unreached(path, top_up, [tier.up_to for tier in tiers])


def _unreached(path: Path, top_up: TopUp, ends: list[Decimal | None]) -> Iterator[Finding]:
    least, most = top_up.minimum, top_up.maximum
    for place, end in enumerate(ends):
        if end is not None and isinstance(least, Decimal) and end < least:
            yield (
                (*path, place, "up_to"),
                f"nobody reaches this step, because {write_amount(least)} is the least sold",
            )
        before = ends[place - 1] if place else None
        if before is not None and isinstance(most, Decimal) and before >= most:
            yield (
                (*path, place),
                f"nobody reaches this step, because {write_amount(most)} is the most sold",
            )


def _chargeable(look: Look) -> Iterator[Finding]:
    """The least that is sold costs enough to be charged, in every currency and on every plan."""
    for unit, top_up in look.catalog.top_ups.items():
        bounds = _pairs(top_up.minimum, top_up.maximum)
        if top_up.minimum is None or any(least > most for least, most, _ in bounds):
            continue
        for offer in offers_of(look.catalog, unit):
            try:
                offer.price(offer.minimum)
            except TollkeeperError as error:
                yield ("top_ups", unit, "minimum"), error.message


def _inversions(look: Look) -> Iterator[Finding]:
    for unit, top_up in look.catalog.top_ups.items():
        if top_up.inversions == "refuse":
            for offer in offers_of(look.catalog, unit):
                for problem in rating.inversions(offer.rate, offer.scale, offer.currency):
                    yield ("top_ups", unit, "rate"), problem


def _auto(look: Look) -> Iterator[Finding]:
    for unit, top_up in look.catalog.top_ups.items():
        rule = top_up.auto
        if rule is None:
            continue
        path: Path = ("top_ups", unit, "auto")
        yield from kind(look, (*path, "below"), unit, rule.below, zero=False)
        yield from kind(look, (*path, "buy"), unit, rule.buy, zero=False)
        yield from once((*path, "spend_at_most"), rule.spend_at_most)
        if rule.at_most is None and not rule.spend_at_most:
            yield (
                path,
                "nothing bounds how often it buys; write at_most = 5 (times a month), or "
                'spend_at_most = "50 usd"',
            )
        yield from _amounts(path, top_up, rule)
        yield from _affordable(look, path, unit, rule)
        yield from _on_account(look, path, unit, top_up)


def _amounts(path: Path, top_up: TopUp, rule: AutoTopUp) -> Iterator[Finding]:
    for least, bought, code in _pairs(top_up.minimum, rule.buy):
        if bought < least:
            yield (*path, "buy"), f"it is below the minimum of {write_amount(least)}{code}"
    for bought, most, code in _pairs(rule.buy, top_up.maximum):
        if bought > most:
            yield (*path, "buy"), f"it is above the maximum of {write_amount(most)}{code}"
    if top_up.step and isinstance(rule.buy, Decimal) and rule.buy % top_up.step:
        yield (*path, "buy"), f"it is no multiple of the step of {write_amount(top_up.step)}"


def _affordable(look: Look, path: Path, unit: str, rule: AutoTopUp) -> Iterator[Finding]:
    """One purchase costs enough to be charged, and fits into what may be spent."""
    caps = {money.currency: money for money in rule.spend_at_most}
    for offer in offers_of(look.catalog, unit):
        bought = rule.buy
        if not isinstance(bought, Decimal):
            amounts = [money.amount for money in bought if money.currency == offer.currency]
            if not amounts:
                continue
            bought = amounts[0]
        try:
            price = offer.price(bought)
        except TollkeeperError as error:
            yield (*path, "buy"), error.message
            continue
        if caps and offer.currency not in caps:
            yield (*path, "spend_at_most"), f"it is sold in {offer.currency}, too; name the most"
        elif caps and price > caps[offer.currency]:
            yield (
                (*path, "spend_at_most"),
                f"one purchase costs {price}, so it would never buy",
            )


def _on_account(look: Look, path: Path, unit: str, top_up: TopUp) -> Iterator[Finding]:
    """What is paid later has no balance that could fall low."""
    catalog = look.catalog
    feature = catalog.features.get(unit)
    if feature is None or feature.cost or feature.type != "metered":
        return
    for key in top_up.plans or catalog.plans:
        if key in catalog.plans and is_on_account(catalog, unit, [catalog.plans[key]]):
            yield (
                path,
                f"on the plan {key!r} {unit!r} is used on account and paid later, so there is no "
                "balance to top up; sell it in advance, or leave `auto` out for this plan",
            )


def _promotions(look: Look) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for key, promotion in look.catalog.promotions.items():
        code = promotion.code or key
        first = seen.setdefault(code.casefold(), key)
        if first != key:
            yield ("promotions", key), f"{first!r} has the code {code!r} already"
        if promotion.from_ and promotion.until and promotion.until <= promotion.from_:
            yield ("promotions", key, "until"), "it ends before it begins"


def _pairs(left: Bound, right: Bound) -> Iterator[tuple[Decimal, Decimal, str]]:
    """Pair what can be compared, with the currency: two numbers, or money of one currency."""
    if isinstance(left, Decimal) and isinstance(right, Decimal):
        yield left, right, ""
    elif left is not None and right is not None and not isinstance(left, Decimal):
        others = {} if isinstance(right, Decimal) else {money.currency: money for money in right}
        for money in left:
            if money.currency in others:
                yield money.amount, others[money.currency].amount, f" {money.currency}"


CHECKS: Final[tuple[Check, ...]] = (
    _bounds,
    _step,
    _rate,
    _steps,
    _chargeable,
    _inversions,
    _auto,
    _promotions,
)
