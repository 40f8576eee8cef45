"""What a new catalog would do to customers, money and balances, before it is applied (D9).

Subscriptions keep the catalog that they were sold under, so what concerns a plan concerns those who
take it from now on. What is said of those who have it (their allowances, what they bring, the
limits that they are beyond) is what it would be, had they taken it anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from tollkeeper.catalog.differences import Difference
from tollkeeper.values.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanEffect:
    """A plan that changes, and who is on it."""

    #: The plan's key.
    plan: str
    #: `added`, `removed` or `changed`.
    kind: str
    #: How many live subscriptions it has.
    subscriptions: int
    #: What each of its allowances gives all of them in a period, as it was sold, and as it would be
    #: had they taken the plan anew, by unit.
    allowances: Mapping[str, tuple[Decimal, Decimal]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Revenue:
    """What live subscriptions of the plans that change bring in a month, at list prices."""

    #: The currency.
    currency: str
    #: As they were sold.
    before: Money
    #: As the new catalog would sell them.
    after: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitEffect:
    """Credits that the new catalog does not know any more, and that customers hold."""

    #: The unit's key.
    unit: str
    #: How many customers hold some.
    customers: int
    #: How much all of them hold.
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitEffect:
    """A customer who has used more than he could, had he taken his plan anew."""

    customer: str
    #: The limit's name.
    limit: str
    #: What was used in the window that runs, and the most that there would be.
    used: Decimal
    at_most: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogDiff:
    """What a new catalog says otherwise than the one in force, and what that does."""

    #: The version in force; empty where there is none.
    before: str
    #: The new version.
    after: str
    differences: tuple[Difference, ...]
    plans: tuple[PlanEffect, ...]
    #: How many customers are on plans that change, and the first of them; they keep what was sold.
    customers: int
    first_customers: tuple[str, ...]
    revenue: tuple[Revenue, ...]
    units: tuple[UnitEffect, ...]
    #: Of the first customers: whose use is beyond a limit of the new catalog.
    limits: tuple[LimitEffect, ...]

    @property
    def is_empty(self) -> bool:
        """Whether both say the same."""
        return not self.differences

    @property
    def refused(self) -> tuple[Difference, ...]:
        """What keeps the new catalog from being applied."""
        return tuple([each for each in self.differences if each.is_refused])

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it: decimal strings."""
        return {
            "before": self.before,
            "after": self.after,
            "differences": [_difference(each) for each in self.differences],
            "plans": [_plan(each) for each in self.plans],
            "customers": self.customers,
            "first_customers": list(self.first_customers),
            "revenue": [
                {
                    "currency": each.currency,
                    "before": f"{each.before.amount:f}",
                    "after": f"{each.after.amount:f}",
                }
                for each in self.revenue
            ],
            "units": [
                {"unit": each.unit, "customers": each.customers, "amount": f"{each.amount:f}"}
                for each in self.units
            ],
            "limits": [
                {
                    "customer": each.customer,
                    "limit": each.limit,
                    "used": f"{each.used:f}",
                    "at_most": f"{each.at_most:f}",
                }
                for each in self.limits
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogVersion:
    """A catalog that was put into force: when, by whom and why."""

    #: The hash of what it says.
    version: str
    applied_at: datetime
    actor: str | None
    reason: str | None
    #: Whether it is the one in force.
    is_in_force: bool

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        return {
            "version": self.version,
            "applied_at": self.applied_at.isoformat(),
            "actor": self.actor,
            "reason": self.reason,
            "is_in_force": self.is_in_force,
        }


def _difference(each: Difference) -> dict[str, Any]:
    return {
        "kind": each.kind,
        "path": each.path,
        "before": each.before,
        "after": each.after,
        "meaning": each.meaning,
        "effect": each.effect,
        "is_refused": each.is_refused,
    }


def _plan(each: PlanEffect) -> dict[str, Any]:
    return {
        "plan": each.plan,
        "kind": each.kind,
        "subscriptions": each.subscriptions,
        "allowances": {
            unit: [f"{before:f}", f"{after:f}"] for unit, (before, after) in each.allowances.items()
        },
    }
