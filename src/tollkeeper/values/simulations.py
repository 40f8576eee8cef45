"""What a simulation tells: what happened beside what would have, in all, by plan and by customer.

Frozen and exact: quantities are decimals at their feature's scale, money is `Money`. The revenue of
a span is what wallets paid, what the later bill asks, the cost basis of the bought credits that
were used, and the list price of plans for the part of the span in which they were taken.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from tollkeeper.values.model_calls import margin_of
from tollkeeper.values.money import Money
from tollkeeper.values.usage import UsageParts

Moneys = tuple[Money, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedUsage:
    """What was refused for one reason."""

    #: The code of the refusal, such as `insufficient_balance`.
    reason: str
    events: int
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureResult:
    """What was used of one feature in the span, and who paid for it."""

    feature: str
    #: How many events there were, accepted or refused.
    events: int
    quantity: Decimal
    #: How many events were accepted.
    accepted: int
    #: What was refused, by reason; of what happened the books keep no refusals.
    refused: tuple[RefusedUsage, ...] = ()
    #: Who paid which part of what was accepted, and the money of it.
    paid: UsageParts = field(default_factory=UsageParts)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        return {
            "feature": self.feature,
            "events": self.events,
            "quantity": f"{self.quantity:f}",
            "accepted": self.accepted,
            "refused": {
                each.reason: {"events": each.events, "quantity": f"{each.quantity:f}"}
                for each in self.refused
            },
            "paid": self.paid.to_dict(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanResult:
    """What a span of time came to: use, revenue, breakage, margin."""

    features: tuple[FeatureResult, ...] = ()
    #: What wallets paid for uses, by currency.
    spent: Moneys = ()
    #: What the later bill asks for uses.
    owed: Moneys = ()
    #: What the bought credits that were used had cost.
    credits_used: Moneys = ()
    #: List prices of plans, for the part of the span in which they were taken.
    plans: Moneys = ()
    #: All of these together.
    revenue: Moneys = ()
    #: Value of what expired unused: what it had cost, or its part of its plan's list price.
    breakage: Moneys = ()
    #: What expired unused, by unit.
    expired: Mapping[str, Decimal] = field(default_factory=dict)
    #: What AI vendors asked, as far as metered calls tell it.
    vendor_cost: Moneys = ()
    #: How many metered calls tell it.
    metered_calls: int = 0

    @property
    def events(self) -> int:
        """How many events there were, accepted or refused."""
        return sum(each.events for each in self.features)

    @property
    def accepted(self) -> int:
        """How many events were accepted."""
        return sum(each.accepted for each in self.features)

    @property
    def refused(self) -> dict[str, int]:
        """How many events were refused, by reason."""
        found: dict[str, int] = {}
        for each in self.features:
            for refusal in each.refused:
                found[refusal.reason] = found.get(refusal.reason, 0) + refusal.events
        return dict(sorted(found.items()))

    @property
    def margin(self) -> Money | None:
        """Revenue less what vendors asked; None where they are not in one currency."""
        return margin_of(self.revenue, self.vendor_cost)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it: decimal strings."""
        names = ("spent", "owed", "credits_used", "plans", "revenue", "breakage", "vendor_cost")
        return {
            "events": self.events,
            "accepted": self.accepted,
            "refused": self.refused,
            **{name: moneys_told(getattr(self, name)) for name in names},
            "expired": {unit: f"{amount:f}" for unit, amount in self.expired.items()},
            "metered_calls": self.metered_calls,
            "margin": None if self.margin is None else moneys_told((self.margin,)),
            "features": [each.to_dict() for each in self.features],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What happened beside what would have: in all, on a plan, or to a customer."""

    #: The customer, or the plan; None is all of them, or those without a plan.
    name: str | None
    #: How many customers it is about.
    customers: int
    happened: SpanResult
    simulated: SpanResult
    #: A customer's plan, as the books have it; None where he has none.
    plan: str | None = None

    @property
    def difference(self) -> Moneys:
        """How much more would have been earned, by currency; below zero is less."""
        return differences(self.simulated.revenue, self.happened.revenue)

    @property
    def refused(self) -> int:
        """How many events would have been refused."""
        return sum(self.simulated.refused.values())

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        return {
            "name": self.name,
            "plan": self.plan,
            "customers": self.customers,
            "happened": self.happened.to_dict(),
            "simulated": self.simulated.to_dict(),
            "difference": moneys_told(self.difference),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What a span of recorded usage would have come to under another catalog."""

    since: datetime
    until: datetime
    #: The version of the catalog that was tried.
    catalog_version: str
    #: How many usage events were played.
    events: int
    total: Comparison
    #: By the plan that customers had, in the books, at the end of the span.
    plans: tuple[Comparison, ...]
    #: The customers who would have paid most less and been refused nothing; and those who would
    #: have paid most more, then those who would have been refused most.
    winners: tuple[Comparison, ...]
    losers: tuple[Comparison, ...]
    #: Every customer, where some were named.
    customers: tuple[Comparison, ...] = ()
    #: How long it took.
    seconds: float = field(default=0.0, compare=False)
    #: The most memory that the process had so far, in bytes; 0 where the system does not tell it.
    memory_bytes: int = field(default=0, compare=False)

    @property
    def events_per_second(self) -> float:
        """How many events were played each second."""
        return self.events / self.seconds if self.seconds else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it: decimal strings, times in ISO 8601."""
        lists = ("plans", "winners", "losers", "customers")
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "catalog_version": self.catalog_version,
            "events": self.events,
            "total": self.total.to_dict(),
            **{name: [each.to_dict() for each in getattr(self, name)] for name in lists},
            "seconds": round(self.seconds, 3),
            "events_per_second": round(self.events_per_second),
            "memory_bytes": self.memory_bytes,
        }


def differences(first: Iterable[Money], second: Iterable[Money]) -> Moneys:
    """Take moneys from others, by currency; what is equal is left out.

    >>> differences((Money("3", "usd"),), (Money("1", "usd"), Money("2", "eur")))
    (Money('-2.00', 'eur'), Money('2.00', 'usd'))
    """
    found: dict[str, int] = {}
    for sign, moneys in ((1, first), (-1, second)):
        for money in moneys:
            found[money.currency] = found.get(money.currency, 0) + sign * money.scaled
    return tuple([Money.from_scaled(found[code], code) for code in sorted(found) if found[code]])


def moneys_told(moneys: Iterable[Money]) -> dict[str, str]:
    """Write moneys as JSON takes them: decimal strings by currency."""
    return {money.currency: f"{money.amount:f}" for money in moneys}
