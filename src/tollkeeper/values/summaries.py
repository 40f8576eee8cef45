"""What a summary of usage tells: one number, who paid for it, what it cost, and of which time.

Frozen, exact. The same numbers serve the page, the export and the bill.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from tollkeeper.values.periods import Period
from tollkeeper.values.usage import UsageParts

#: How usage events become one number (G2).
MeterKind = Literal["sum", "count", "max", "last", "unique"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageGroup:
    """The numbers of some events, such as those of one model."""

    #: What the events have in common, by dimension; a dimension they do not name is None.
    key: Mapping[str, str | None] = field(default_factory=dict)
    #: What the feature's meter says; None where there is nothing for `max` or `last` to tell, and
    #: in a report for `last` and `unique`: a summary tells these.
    value: Decimal | None
    quantity: Decimal
    events: int
    paid: UsageParts

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it: decimal strings."""
        return {
            "key": dict(self.key),
            "value": None if self.value is None else f"{self.value:f}",
            "quantity": f"{self.quantity:f}",
            "events": self.events,
            "paid": self.paid.to_dict(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageSummary:
    """How much of a feature a customer used in a span of time, and who paid for it."""

    customer: str
    feature: str
    #: The first moment that counts, and the first that does not.
    since: datetime
    until: datetime
    #: The billing period that `since` lies in.
    period: Period
    #: How events become `value`.
    meter: MeterKind
    #: The dimension whose values `unique` counts.
    of: str | None
    total: UsageGroup
    #: The same by group, where groups were asked for.
    groups: tuple[UsageGroup, ...] = ()
    #: Whether every event of the span was looked at, and not the totals of hours.
    scanned: bool = False

    @property
    def value(self) -> Decimal | None:
        """What the feature's meter says."""
        return self.total.value

    @property
    def quantity(self) -> Decimal:
        """The sum of all quantities."""
        return self.total.quantity

    @property
    def events(self) -> int:
        """How many events count."""
        return self.total.events

    @property
    def paid(self) -> UsageParts:
        """Who paid which part, and the money of it."""
        return self.total.paid

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        return {
            "customer": self.customer,
            "feature": self.feature,
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "period": {
                "start": self.period.start.isoformat(),
                "end": self.period.end.isoformat(),
            },
            "meter": self.meter,
            "of": self.of,
            **{name: cell for name, cell in self.total.to_dict().items() if name != "key"},
            "groups": [group.to_dict() for group in self.groups],
            "scanned": self.scanned,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReport:
    """Usage of all customers in a span of time, by group."""

    since: datetime
    until: datetime
    #: What it is grouped by: `month`, `customer`, `feature`, `member`, or dimensions.
    by: tuple[str, ...]
    rows: tuple[UsageGroup, ...]
    #: Whether there were more groups than the report may have.
    is_cut: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "by": list(self.by),
            "rows": [row.to_dict() for row in self.rows],
            "is_cut": self.is_cut,
        }
