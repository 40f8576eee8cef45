"""Usage told the simplest way: a list of events, each of which counts or not. For tests alone."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tollkeeper import Billing
from tollkeeper.values.summaries import UsageSummary
from tollkeeper.values.usage import UsageEvent


@dataclass(frozen=True)
class Told:
    """One event, as the answers told it."""

    id: str
    feature: str
    quantity: Decimal
    at: datetime
    credits: Decimal
    member: str | None
    dimensions: tuple[tuple[str, str], ...]
    backfill: str | None = None

    @property
    def billed(self) -> Decimal:
        """What was left to the later bill."""
        return self.quantity - self.credits


@dataclass
class Model:
    """What one customer used, by what was asked and answered."""

    billing: Billing
    customer: str
    events: dict[str, Told] = field(default_factory=dict)
    #: What became of backfills.
    status: dict[str, str] = field(default_factory=dict)
    #: Charges that were not reversed: operation by operation.
    charges: list[str] = field(default_factory=list)

    def note(self, event: UsageEvent) -> None:
        """Take an event that was recorded, in the place of the one it amends."""
        if event.amends is not None:
            self.events.pop(event.amends, None)
        self.events[event.id] = Told(
            event.id,
            event.feature,
            event.quantity,
            event.counted_at,
            event.paid.included + event.paid.credits,
            event.member,
            tuple(sorted(event.dimensions.items())),
            event.backfill,
        )

    def counting(self, feature: str, since: datetime, until: datetime) -> list[Told]:
        """List the events of a feature that count in a span."""
        return [
            event
            for event in self.events.values()
            if event.feature == feature
            and since <= event.at < until
            and event.quantity
            and (event.backfill is None or self.status[event.backfill] == "closed")
        ]

    def drop(self, backfill: str) -> None:
        """Forget the events of a backfill that was undone."""
        self.status[backfill] = "undone"

    def check(self, found: UsageSummary, some: list[Told], meter: str) -> None:
        """Compare a summary with some events."""
        assert found.quantity == sum((event.quantity for event in some), Decimal(0))
        assert found.events == len(some)
        assert found.paid.billed == sum((event.billed for event in some), Decimal(0))
        paid = found.paid.included + found.paid.credits
        assert paid == sum((event.credits for event in some), Decimal(0))
        assert found.value == value_of(some, meter)


def value_of(some: list[Told], meter: str) -> Any:
    """Make one number of events, as a meter does."""
    quantities = [event.quantity for event in some]
    if meter == "sum":
        return sum(quantities, Decimal(0))
    if meter == "count":
        return len(some)
    if meter == "max":
        return max(quantities, default=None)
    if meter == "unique":
        return len({dict(event.dimensions).get("person") for event in some} - {None})
    return max(((event.at, event.quantity) for event in some), default=(None, None))[1]


def month_of(moment: datetime) -> tuple[datetime, datetime]:
    """Give the calendar month of a moment, in UTC."""
    start = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return start, (start + timedelta(days=32)).replace(day=1)
