"""Which price list holds for a customer: the one in force, or that of his plans (D9). Pure."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from tollkeeper.catalog.terms import PriceList, SoldPlan
from tollkeeper.decisions.tallies import Tally


@runtime_checkable
class Versioned(Protocol):
    """A price list that knows the ones before it."""

    def under(self, plans: Sequence[SoldPlan]) -> PriceList:
        """Give the price list of plans that were sold under these versions."""
        ...


def price_list(prices: PriceList, own: Tally, now: int) -> tuple[PriceList, tuple[str, ...]]:
    """Give the price list that holds for a customer at a moment, and his plans, the main one first.

    Most customers' plans are of the catalog in force, and cost one comparison each.
    """
    live = [plan for plan in own.plans if not plan.ends or now < plan.ends]
    names = tuple([plan.plan for plan in live])
    version = prices.version
    if any(plan.version not in ("", version) for plan in live) and isinstance(prices, Versioned):
        return prices.under([(plan.plan, plan.version) for plan in live]), names
    return prices, names
