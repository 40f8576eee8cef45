"""Limits in a catalog: each says what it counts, over which span, and what happens beyond it."""

from collections.abc import Iterator
from typing import Final

from tollkeeper.catalog.checking.amounts import once
from tollkeeper.catalog.checking.looks import Check, Finding, Look, rules
from tollkeeper.catalog.looking import rates_of
from tollkeeper.catalog.mistakes import Path
from tollkeeper.catalog.plans import LimitRule
from tollkeeper.catalog.rating import currencies_of


def _wholes(look: Look) -> Iterator[Finding]:
    for path, _, rule in rules(look):
        yield from _measure(path, rule)
        yield from _span(path, rule)
        if rule.tag is not None and rule.per != "tag":
            yield (*path, "tag"), 'one tag is counted with per = "tag"'


def _measure(path: Path, rule: LimitRule) -> Iterator[Finding]:
    if (rule.at_most is None) == (not rule.spend):
        yield (
            path,
            'a limit is either a quantity (feature = "…", at_most = 100) or money '
            '(spend = "50 usd")',
        )
    if rule.spend:
        yield from once((*path, "spend"), rule.spend)
        if rule.unit is not None:
            yield (*path, "unit"), "`spend` counts money; leave `unit` out"
        if rule.at_limit == "overage":
            yield (
                (*path, "at_limit"),
                "what passes a limit of money has no other price; write refuse or allow",
            )
    elif rule.at_most is not None and rule.feature is None and rule.unit is None:
        yield (
            path,
            "quantities of different features do not add up; name the `feature`, or the `unit` of "
            "credits",
        )


def _span(path: Path, rule: LimitRule) -> Iterator[Finding]:
    if (rule.every is None) == (rule.within is None):
        yield (
            path,
            'say over which span it counts: every = "day" by the calendar, or within = "5 hours" '
            "from the first use",
        )
    if rule.within is not None and rule.within.base == "month":
        yield (
            (*path, "within"),
            f'a {rule.within.span} is not always as long; write days, or every = "month" by the '
            "calendar",
        )


def _overage(look: Look) -> Iterator[Finding]:
    """What is used beyond a limit is priced."""
    catalog = look.catalog
    for path, plan, rule in rules(look):
        feature = catalog.features.get(rule.feature or "")
        if feature is None or rule.at_most is None or rule.unit is not None:
            continue
        if (rule.at_limit or feature.at_limit) != "overage":
            continue
        key = str(rule.feature)
        sold = catalog.plans.get(plan or "")
        priced = bool(feature.rate or feature.price_book)
        if sold is not None:
            priced = priced or any(key in each for each in (sold.overage, sold.wallet, sold.usage))
        elif not priced:
            priced = any(
                currencies_of(rate, catalog.rates) - {None} for rate in rates_of(catalog, key)
            )
        if not priced:
            yield (
                path,
                f"{key!r} has no rate in money, so nothing prices the overage; write overage.{key} "
                '= "0.10 usd" in the plan',
            )


def _twice(look: Look) -> Iterator[Finding]:
    features = look.catalog.features
    seen: set[tuple[str | None, object, str | None]] = set()
    for path, plan, rule in rules(look):
        feature = features.get(rule.feature or "")
        at_limit = rule.at_limit or (feature.at_limit if feature else "refuse")
        named = rule.name or (
            rule.feature,
            rule.unit,
            bool(rule.spend),
            rule.per,
            rule.tag,
            rule.every,
            rule.within,
        )
        if (plan, named, at_limit) in seen:
            yield path, "there is a limit of the same kind already; the lower one would always win"
        seen.add((plan, named, at_limit))


def _named_alike(look: Look) -> Iterator[Finding]:
    """A name stands for one counter wherever it is written."""
    known: dict[str, tuple[object, ...]] = {}
    for path, _, rule in rules(look):
        if rule.name is None:
            continue
        counted = (rule.feature, rule.unit, bool(rule.spend), rule.per, rule.tag)
        shape = (*counted, rule.every, rule.within)
        if known.setdefault(rule.name, shape) != shape:
            yield (
                (*path, "name"),
                f"another limit is named {rule.name!r} and counts something else; one name has one "
                "counter",
            )


CHECKS: Final[tuple[Check, ...]] = (_wholes, _overage, _twice, _named_alike)
