"""What plans entitle to: had or not, a value, how many at once. Owns how several plans add up.

It says what the catalog promises; how much of it is left is the books' to say. Pure data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tollkeeper.catalog.features import Feature, FeatureType, Setting
from tollkeeper.catalog.looking import feature_of, is_allowed, plans_of

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog

#: What a gauge without an end is written as.
UNLIMITED: Final = "unlimited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised:
    """What plans say of one feature."""

    #: The feature's key.
    feature: str
    #: What kind of feature it is.
    type: FeatureType
    #: Whether the customer may use it at all.
    is_allowed: bool
    #: The value of a `value` feature, else None.
    value: Setting | None = None
    #: How many of a `gauge` there may be at once; None is without an end, or no gauge.
    ceiling: int | None = None
    #: The plan that says so; None where no plan says anything.
    plan: str | None = None


def entitlement(catalog: "Catalog", key: str, plans: tuple[str, ...]) -> Promised:
    """Tell what a feature is to a customer on these plans (his main plan first).

    A metered feature may be used unless a plan says `false`; any other is had only where a plan
    says so. Of several plans, one is enough for a boolean; the first decides a value; a gauge is
    the largest, and what begins with `+` adds to it.

    Raises:
        UnknownFeature: the catalog has no such feature.
        UnknownPlan: the catalog has no such plan.
    """
    feature = feature_of(catalog, key)
    names, known = plans_of(catalog, plans)
    said = [
        (name, plan.entitlements[key])
        for name, plan in zip(names, known, strict=True)
        if key in plan.entitlements
    ]
    if feature.type == "metered":
        named = said[0][0] if said else None
        return Promised(feature=key, type="metered", is_allowed=is_allowed(key, known), plan=named)
    return _promised(key, feature, said)


def _promised(key: str, feature: Feature, said: Sequence[tuple[str, Setting]]) -> Promised:
    had = [(plan, value) for plan, value in said if value is not False]
    if not had:
        none = 0 if feature.type == "gauge" else None
        return Promised(feature=key, type=feature.type, is_allowed=False, ceiling=none)
    plan, value = had[0]
    if feature.type == "gauge":
        most = ceiling([each for _, each in had])
        return Promised(feature=key, type="gauge", is_allowed=most != 0, ceiling=most, plan=plan)
    shown = value if feature.type == "value" else None
    return Promised(feature=key, type=feature.type, is_allowed=True, value=shown, plan=plan)


def ceiling(values: Sequence[Setting]) -> int | None:
    """Give how many several plans allow together; None is without an end.

    >>> ceiling([5, "+3", 2, "+1"]), ceiling([5, "unlimited"])
    (9, None)
    """
    if UNLIMITED in values or True in [value for value in values if value is True]:
        return None
    added = sum(int(value) for value in values if isinstance(value, str))
    plain = [value for value in values if isinstance(value, int)]
    return max(plain, default=0) + added
