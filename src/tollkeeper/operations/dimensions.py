"""Checks names of dimensions: a feature that declares some has no others.

A misspelt name would be kept, and every sum by the right one would silently lack that use. Where a
feature declares none, any name is good. It never looks at values: whoever uses a model that is new
need not wait for the catalog.
"""

from collections.abc import Iterable
from difflib import get_close_matches

from tollkeeper.catalog.in_force import InForce
from tollkeeper.catalog.mistakes import nearest
from tollkeeper.catalog.terms import PriceList
from tollkeeper.errors import UnknownDimension
from tollkeeper.values.texts import echo

#: What sums may be grouped by besides: who used it, whose he is, and what.
_OF_EVENTS = frozenset({"member", "customer", "month", "feature"})


def check_names(prices: PriceList, feature: str, names: Iterable[str]) -> None:
    """Refuse a dimension that a feature does not have.

    Raises:
        UnknownDimension: the feature declares dimensions, and this is none of them.
    """
    known = prices.dimensions(feature) if isinstance(prices, InForce) else None
    if known is None:
        return
    for name in names:
        if name not in known:
            raise UnknownDimension(
                f"{feature!r} has no dimension {echo(name)}; {nearest(name, known)}",
                dimension=name,
                feature=feature,
            )


def check_grouped(prices: PriceList, feature: str, names: Iterable[str]) -> None:
    """Refuse to group one feature's use by a dimension that it does not have."""
    check_names(prices, feature, [name for name in names if name != "member"])


def check_of_any(prices: PriceList, names: Iterable[str]) -> None:
    """Refuse a name that is but a slip of a dimension which some feature has.

    All features are asked about, and one that declares none may have any; so only what looks like a
    declared one is taken for a mistake.
    """
    catalog = prices.catalog if isinstance(prices, InForce) else None
    if catalog is None or not isinstance(prices, InForce):
        return
    found = [prices.dimensions(feature) or frozenset() for feature in catalog.features]
    declared = frozenset[str]().union(*found)
    for name in names:
        near = get_close_matches(name, declared, 1, cutoff=0.75)
        if near and name not in declared and name not in _OF_EVENTS:
            raise UnknownDimension(
                f"No feature has a dimension {echo(name)}; {nearest(name, declared)}",
                dimension=name,
                feature=None,
            )
