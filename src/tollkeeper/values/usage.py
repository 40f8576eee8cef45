"""What rooms answer about usage: events, pages of them, what a batch did. Frozen, exact.

Quantities are exact decimals at the feature's scale, moments are UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NotRequired, Required, TypedDict

from tollkeeper.values.amounts import Amount
from tollkeeper.values.money import Money

#: What becomes of a customer's part of a backfill.
BackfillStatus = Literal["open", "closed", "undone"]


class NewUsage(TypedDict, total=False):
    """One event of a batch, as `record` takes it."""

    customer: Required[str]
    feature: Required[str]
    #: How much, above zero; 1 unless given.
    quantity: NotRequired[Amount]
    #: When it was used; now unless given.
    event_at: NotRequired[datetime | None]
    member: NotRequired[str | None]
    #: What else is known of it: model, region …
    dimensions: NotRequired[Mapping[str, str] | None]
    #: The event's id; ours where none is given.
    idempotency_key: NotRequired[str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageParts:
    """Who paid which part of a quantity, and the money of it."""

    #: What allowances paid.
    included: Decimal = Decimal(0)
    #: What other credits paid.
    credits: Decimal = Decimal(0)
    #: What the money wallet paid.
    wallet: Decimal = Decimal(0)
    #: What was left to the later bill, or is merely tracked.
    billed: Decimal = Decimal(0)
    #: What was used though nobody could pay it (a settle may leave some).
    uncollected: Decimal = Decimal(0)
    #: The money that wallets paid, by currency.
    spent: tuple[Money, ...] = ()
    #: The money that the later bill asks, by currency.
    owed: tuple[Money, ...] = ()

    @property
    def cost(self) -> tuple[Money, ...]:
        """What was paid and what will be billed, together, by currency."""
        summed: dict[str, Money] = {}
        for money in (*self.spent, *self.owed):
            known = summed.get(money.currency)
            summed[money.currency] = money if known is None else known + money
        return tuple([summed[code] for code in sorted(summed)])

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it: decimal strings."""
        parts = ("included", "credits", "wallet", "billed", "uncollected")
        moneys = {"spent": self.spent, "owed": self.owed, "cost": self.cost}
        return {
            **{name: f"{getattr(self, name):f}" for name in parts},
            **{
                name: {money.currency: f"{money.amount:f}" for money in some}
                for name, some in moneys.items()
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageEvent:
    """A usage event: the immutable fact that something was used."""

    #: Its id: the caller's key, ours (`evt_…`), or the operation's where it was a charge.
    id: str
    customer: str
    feature: str
    #: How much; 0 takes back the event that it amends.
    quantity: Decimal
    #: When it was used, as the caller said.
    event_at: datetime
    #: The time that it counts by: that of use, unless it came too late.
    counted_at: datetime
    #: When it was written down.
    created_at: datetime
    member: str | None = None
    api_key: str | None = None
    tags: tuple[str, ...] = ()
    #: What else is known of it: model, region …
    dimensions: Mapping[str, str] = field(default_factory=dict)
    #: Who paid which part of it.
    paid: UsageParts = UsageParts()
    #: The event that this one takes the place of.
    amends: str | None = None
    #: The event that took the place of this one; this one counts no more.
    amended_by: str | None = None
    #: The backfill with which it came.
    backfill: str | None = None
    #: `late` where it came too late for its own time; `rated` where it only corrects money.
    mark: str | None = None
    #: True where it was there already; not part of the event itself.
    replayed: bool = field(default=False, compare=False)

    @property
    def is_late(self) -> bool:
        """Whether it came too late for its own time, and counts in the period it came in."""
        return self.mark == "late"

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it: decimal strings, times in ISO 8601."""
        return {
            "id": self.id,
            "customer": self.customer,
            "feature": self.feature,
            "quantity": f"{self.quantity:f}",
            "event_at": self.event_at.isoformat(),
            "counted_at": self.counted_at.isoformat(),
            "created_at": self.created_at.isoformat(),
            "member": self.member,
            "api_key": self.api_key,
            "tags": list(self.tags),
            "dimensions": dict(self.dimensions),
            "paid": self.paid.to_dict(),
            "amends": self.amends,
            "amended_by": self.amended_by,
            "backfill": self.backfill,
            "mark": self.mark,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class UsagePage:
    """A page of usage events, newest first."""

    events: tuple[UsageEvent, ...]
    #: Where the next page begins; None where there is none.
    next_cursor: str | None

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        found = [event.to_dict() for event in self.events]
        return {"events": found, "next_cursor": self.next_cursor}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedBatch:
    """What a batch of events did."""

    #: How many events are new.
    recorded: int
    #: Ids of events that were there already, with the same content; they changed nothing.
    replayed: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        return {"recorded": self.recorded, "replayed": list(self.replayed)}


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillPart:
    """One customer's part of a backfill."""

    customer: str
    status: BackfillStatus
    #: How many events it has.
    events: int
    opened_at: datetime
    closed_at: datetime | None = None
    undone_at: datetime | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        moments = {
            name: moment.isoformat() if moment else None
            for name, moment in (
                ("opened_at", self.opened_at),
                ("closed_at", self.closed_at),
                ("undone_at", self.undone_at),
            )
        }
        return {
            "customer": self.customer,
            "status": self.status,
            "events": self.events,
            **moments,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """A backfill, with the part of each customer."""

    name: str
    parts: tuple[BackfillPart, ...]

    @property
    def is_open(self) -> bool:
        """Whether some customer's part is still unseen."""
        return any(part.status == "open" for part in self.parts)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        return {"name": self.name, "parts": [part.to_dict() for part in self.parts]}
