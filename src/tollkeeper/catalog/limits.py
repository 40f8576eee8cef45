"""From the limits as people write them to those that a charge checks (C4). Owns their names.

A limit's name says what it counts, so its counter survives a change of the number, the plan or the
catalog's order.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from tollkeeper.catalog.looking import currency_for, plans_of, scale_of, unit_scale
from tollkeeper.catalog.plans import LimitRule, Plan
from tollkeeper.catalog.terms import AtLimit, Limit, Step, Window
from tollkeeper.values.amounts import to_scaled
from tollkeeper.values.money import Money

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog

QUANTITY: Final = "quantity"
#: Which of several ways at a limit has the plain name: the first of these.
_WAYS: Final[tuple[AtLimit, ...]] = ("refuse", "overage", "allow")


def limits_of(
    catalog: "Catalog",
    key: str,
    plans: Sequence[Plan],
    currency: str | None,
    steps: Sequence[Step],
) -> tuple[Limit, ...]:
    """Give the limits of a feature on these plans; of one name the most restrictive (C4)."""
    units = {QUANTITY, *(step.unit for step in steps)}
    rules = [rule for rule in _rules(catalog, plans) if rule.feature in (None, key)]
    found = [compiled(catalog, rule, key, currency) for rule in rules]
    return strictest(limit for limit in found if limit is not None and limit.measure in units)


def standing(catalog: "Catalog", plans: tuple[str, ...], currency: str | None) -> tuple[Limit, ...]:
    """Give every limit of a customer on these plans, whatever it counts."""
    _, known = plans_of(catalog, plans)
    code = currency_for(catalog, known, currency)
    metered = [key for key, feature in catalog.features.items() if feature.type == "metered"]
    found: list[Limit | None] = []
    for rule in _rules(catalog, known):
        key = rule.feature or next(iter(metered), None)
        found.append(None if key is None else compiled(catalog, rule, key, code))
    return strictest(limit for limit in found if limit is not None)


def strictest(limits: Iterable[Limit]) -> tuple[Limit, ...]:
    """Keep the most restrictive of limits with one name (C4).

    Where they differ in what happens beyond them, each of these ways holds, and has its own name.

    >>> day = Window("day")
    >>> refusing = Limit("calls", "call", "customer", "quantity", 20, day)
    >>> priced = Limit("calls", "call", "customer", "quantity", 10, day, "overage")
    >>> [(limit.name, limit.at_most) for limit in strictest([priced, refusing])]
    [('calls:overage', 10), ('calls', 20)]
    """
    found: dict[tuple[str, AtLimit], Limit] = {}
    for limit in limits:
        known = found.get((limit.name, limit.at_limit))
        if known is None or limit.at_most < known.at_most:
            found[(limit.name, limit.at_limit)] = limit
    ways = {name: [at for at in _WAYS if (name, at) in found] for name, _ in found}
    return tuple(
        [
            limit if at == ways[name][0] else limit._replace(name=f"{name}:{at}")
            for (name, at), limit in found.items()
        ]
    )


def _rules(catalog: "Catalog", plans: Sequence[Plan]) -> tuple[LimitRule, ...]:
    return (*catalog.limits, *(rule for plan in plans for rule in plan.limits))


def compiled(catalog: "Catalog", rule: LimitRule, key: str, currency: str | None) -> Limit | None:
    """Make the limit of a rule for a feature; None where it is in another currency."""
    measured = _measured(catalog, rule, key, currency)
    if measured is None:
        return None
    measure, at_most = measured
    window = window_of(rule)
    said = rule.at_limit or catalog.features[key].at_limit if measure == QUANTITY else rule.at_limit
    warn_at = catalog.policies.warn_at if rule.warn_at is None else rule.warn_at
    return Limit(
        name=rule.name or name_of(rule, measure, window),
        feature=rule.feature,
        subject=rule.per,
        measure=measure,
        at_most=at_most,
        window=window,
        at_limit=said or "refuse",
        warn_at=tuple(sorted(set(warn_at))),
        only=rule.tag,
    )


def window_of(rule: LimitRule) -> Window:
    """Give the window that a rule counts over."""
    if rule.within is not None:
        return Window("rolling", rule.within.seconds)
    return Window(rule.every or "lifetime")


def name_of(rule: LimitRule, measure: str, window: Window) -> str:
    """Name a limit by what it counts: `image:quantity:customer:day`."""
    span = f"rolling-{window.seconds}" if window.kind == "rolling" else window.kind
    subject = rule.per if rule.tag is None else f"{rule.per}={rule.tag}"
    return ":".join((rule.feature or "all", measure, subject, span))


def money_of(amounts: Sequence[Money], currency: str | None) -> Money | None:
    """Choose among amounts the one in a currency."""
    return next((money for money in amounts if money.currency == currency), None)


def _measured(
    catalog: "Catalog", rule: LimitRule, key: str, currency: str | None
) -> tuple[str, int] | None:
    if rule.spend:
        money = money_of(rule.spend, currency)
        return None if money is None else (money.unit.key, money.scaled)
    at_most = rule.at_most or 0
    if rule.unit is not None:
        scale = unit_scale(catalog, rule.unit)
        return rule.unit, to_scaled(at_most, scale, at_least=0)
    return QUANTITY, to_scaled(at_most, scale_of(catalog, key), at_least=0)
