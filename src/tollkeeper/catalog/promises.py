"""What a plan lets its customers do, in the words of a pricing page: entitlements and limits.

Owns these words; what is granted and paid is told in `showing`. It decides about nobody.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from tollkeeper.catalog.entitlements import UNLIMITED
from tollkeeper.catalog.limits import money_of
from tollkeeper.catalog.names_shown import feature_name, grouped, unit_name
from tollkeeper.catalog.plans import LimitRule, Plan

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog


def entitlements_shown(catalog: "Catalog", plan: Plan) -> Iterator[str]:
    """Say what a plan lets one use beside what is counted: `SSO`, `Projects: 5`, `Support: mail`.

    What it keeps from its customers is not said.
    """
    for key, value in plan.entitlements.items():
        name, text = feature_name(catalog, key), str(value)
        if value is True:
            yield name
        elif value is not False:
            is_count = catalog.features[key].type == "gauge" and value != UNLIMITED
            yield f"{name}: {_count(text) if is_count else text}"


def _count(text: str) -> str:
    """Write the ceiling of a gauge; "+5" adds to that of another plan."""
    more = " more" if text.startswith("+") else ""
    return f"{grouped(Decimal(text.removeprefix('+')))}{more}"


def limits_shown(catalog: "Catalog", plan: Plan, currency: str | None) -> Iterator[str]:
    """Say how much a plan lets one use: `at most 200 Image / day`, in one currency."""
    for rule in (*catalog.limits, *plan.limits):
        most = _most(catalog, rule, currency)
        if most is not None:
            yield f"at most {most}{_span(rule)}{_whose(rule)}"


def _most(catalog: "Catalog", rule: LimitRule, currency: str | None) -> str | None:
    """Say how much; None is money in another currency."""
    of = f" for {feature_name(catalog, rule.feature)}" if rule.feature else ""
    if rule.spend:
        money = money_of(rule.spend, currency)
        return None if money is None else f"{money.format()} spent{of}"
    amount = grouped(rule.at_most or Decimal(0))
    if rule.unit is not None:
        return f"{amount} {unit_name(catalog, rule.unit)}{of}"
    return f"{amount} {feature_name(catalog, rule.feature)}" if rule.feature else f"{amount} uses"


def _span(rule: LimitRule) -> str:
    if rule.within is not None:
        return f" in {rule.within} from the first use"
    if rule.every in (None, "lifetime"):
        return " ever"
    return " / billing period" if rule.every == "period" else f" / {rule.every}"


def _whose(rule: LimitRule) -> str:
    if rule.tag is not None:
        return f" with the tag {rule.tag}"
    return "" if rule.per == "customer" else f" for each {rule.per}"
