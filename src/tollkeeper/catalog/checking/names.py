"""Names in a catalog: whatever is referred to is there, and nothing is called what it cannot be."""

from collections.abc import Iterable, Iterator
from typing import Final

from tollkeeper.catalog.checking.looks import (
    Check,
    Finding,
    Look,
    given,
    modes,
    pieces,
    rate_lists,
    rules,
)
from tollkeeper.catalog.entitlements import UNLIMITED
from tollkeeper.catalog.features import Feature, Setting
from tollkeeper.catalog.mistakes import Path, nearest, sentence
from tollkeeper.catalog.rating import PLAN
from tollkeeper.catalog.waterfalls import WALLET, WORDS
from tollkeeper.catalog.written_rates import ByDimension, OnCard
from tollkeeper.values.currencies import is_currency
from tollkeeper.values.texts import echo


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Say that there is nothing of a name, and what was perhaps meant."""
    return f"there is no {kind} {echo(name)}; {nearest(name, known)}"


def _keys(look: Look) -> Iterator[Finding]:
    for section in ("units", "features"):
        for key in getattr(look.catalog, section):
            if key in WORDS:
                yield (section, key), f"{key!r} is a word of waterfalls; choose another key"
            elif is_currency(key):
                yield (
                    (section, key),
                    f"{key!r} is a currency, and money is in the wallet; call it '{key}_credits'",
                )


def _defaults(look: Look) -> Iterator[Finding]:
    catalog = look.catalog
    if catalog.unit is not None and catalog.unit not in look.units():
        yield ("unit",), unknown("unit", catalog.unit, look.units())
    if catalog.default_plan is None:
        return
    if catalog.default_plan not in look.known("plans"):
        yield ("default_plan",), unknown("plan", catalog.default_plan, look.known("plans"))
    elif catalog.default_plan in catalog.plans and catalog.plans[catalog.default_plan].prices:
        yield (
            ("default_plan",),
            f"{catalog.default_plan!r} has a price, but the default plan is of customers who have "
            "not subscribed to any; name a free one",
        )


def _as_toml(value: object) -> str:
    """Write what was written: `true` is no text."""
    return str(value).lower() if isinstance(value, bool) else echo(str(value))


def _features(look: Look) -> Iterator[Finding]:
    for key, feature in look.catalog.features.items():
        path: Path = ("features", key)
        for unit in feature.cost:
            if unit == key:
                yield (
                    (*path, "cost", unit),
                    "a feature has its own credits without saying so; name a pool's unit",
                )
            elif unit not in look.units():
                known = look.units()
                yield (
                    (*path, "cost", unit),
                    sentence(unknown("unit", unit, known)) + f" Or declare it: [units.{unit}]",
                )
        yield from _metering(path, feature)
        books = look.known("price_books")
        if feature.price_book is not None and books and feature.price_book not in books:
            yield (*path, "price_book"), unknown("price book", feature.price_book, books)


def _metering(path: Path, feature: Feature) -> Iterator[Finding]:
    if feature.type != "metered":
        for name in ("cost", "rate", "price_book", "whole", "scale"):
            if name in feature.model_fields_set:
                yield (*path, name), f"only a metered feature has it; this is a {feature.type}"
    if feature.meter == "unique" and feature.of is None:
        yield (*path, "meter"), 'say which dimension\'s values are counted: of = "user"'
    if feature.meter != "unique" and feature.of is not None:
        yield (*path, "of"), f'it is for meter = "unique"; this one is {feature.meter!r}'
    if feature.price_book is not None and feature.scale is not None:
        yield (*path, "scale"), "its quantity is money, which has the scale of its currency"
    if feature.markup is not None and feature.price_book is None:
        yield (*path, "markup"), "a markup is added to a price book's price; name a price_book"


def _dimensions(look: Look) -> Iterator[Finding]:
    for rates in rate_lists(look):
        feature = look.catalog.features.get(rates.feature or "")
        declared = feature.dimensions if feature else ()
        for path, part in pieces(rates):
            if isinstance(part, OnCard) and part.card not in look.known("rates"):
                yield path, unknown("rate card", part.card, look.known("rates"))
            if isinstance(part, ByDimension):
                if rates.path[0] == "top_ups" and part.by != PLAN:
                    yield (*path, "by"), f"a top-up knows no {part.by}; its rate may go by plan"
                if declared and part.by not in (*declared, PLAN):
                    yield (*path, "by"), unknown("dimension", part.by, (*declared, PLAN))
                if part.by == PLAN:
                    yield from _plans((*path, "rates"), part.rates, look)


def _plans(path: Path, names: Iterable[str], look: Look) -> Iterator[Finding]:
    for name in names:
        if name not in look.known("plans"):
            yield (*path, name), unknown("plan", name, look.known("plans"))


def _given(look: Look) -> Iterator[Finding]:
    for path, unit, promise in given(look):
        if unit != WALLET and unit not in look.units():
            yield path, unknown("unit", unit, {*look.units(), WALLET})
        for place, feature in enumerate(promise.features):
            if feature not in look.metered():
                found = unknown("metered feature", feature, look.metered())
                yield (*path, "features", place), found
    for key in look.catalog.top_ups:
        if key != WALLET and key not in look.units():
            yield ("top_ups", key), unknown("unit", key, {*look.units(), WALLET})


def _entitlements(look: Look) -> Iterator[Finding]:
    for key, plan in look.catalog.plans.items():
        for name, value in plan.entitlements.items():
            path: Path = ("plans", key, "entitlements", name)
            if name not in look.known("features"):
                yield path, unknown("feature", name, look.known("features"))
            elif problem := _unfit(look.catalog.features.get(name), value):
                yield path, problem


def _in_plans(look: Look) -> Iterator[Finding]:
    for key, plan in look.catalog.plans.items():
        for section in ("wallet", "usage", "overage"):
            for name in getattr(plan, section):
                if name not in look.metered():
                    found = unknown("metered feature", name, look.metered())
                    yield ("plans", key, section, name), found
        for unit in plan.low_balance:
            if unit not in look.units():
                yield ("plans", key, "low_balance", unit), unknown("unit", unit, look.units())


def _unfit(feature: Feature | None, value: Setting) -> str | None:
    """Say why a value does not fit the kind of its feature."""
    if feature is None or feature.type == "value":
        return None
    if feature.type == "gauge":
        added = str(value).removeprefix("+")
        is_count = not isinstance(value, bool) and added.isdecimal()
        if is_count or value == UNLIMITED or value is False:
            return None
        return f'a gauge is a number such as 5, "+5" or "{UNLIMITED}", not {_as_toml(value)}'
    if not isinstance(value, bool):
        return f"a {feature.type} feature is true or false here, not {echo(str(value))}"
    return None


def _limits(look: Look) -> Iterator[Finding]:
    for path, _, rule in rules(look):
        if rule.feature is not None and rule.feature not in look.metered():
            yield (
                (*path, "feature"),
                unknown("metered feature", rule.feature, look.metered()),
            )
        if rule.unit is not None and rule.unit not in look.units():
            yield (*path, "unit"), unknown("unit", rule.unit, look.units())


def _offers(look: Look) -> Iterator[Finding]:
    for section in ("packs", "top_ups", "promotions"):
        for key, offer in getattr(look.catalog, section).items():
            for place, name in enumerate(offer.plans):
                if name not in look.known("plans"):
                    found = unknown("plan", name, look.known("plans"))
                    yield (section, key, "plans", place), found


def _modes(look: Look) -> Iterator[Finding]:
    for mode, there in modes(look):
        for section in ("plans", "packs", "top_ups", "features"):
            for key in getattr(there, section):
                if key not in look.known(section):
                    kind = section.removesuffix("s").replace("_", "-")
                    yield (mode, section, key), unknown(kind, key, look.known(section))


CHECKS: Final[tuple[Check, ...]] = (
    _keys,
    _defaults,
    _features,
    _dimensions,
    _given,
    _entitlements,
    _in_plans,
    _limits,
    _offers,
    _modes,
)
