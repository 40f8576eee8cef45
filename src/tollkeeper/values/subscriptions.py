"""A subscription as the app sees it: who is on which plan, from when to when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from tollkeeper.values.periods import Period

#: Whether a subscription gives anything at the moment that it tells of.
Status = Literal["active", "cancelled"]

_MOMENTS: Final = ("anchor", "started_at", "period_start", "period_end", "ends_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A customer's plan, as it stood at one moment."""

    #: `sub_…`.
    id: str
    customer: str
    #: The plan's key in the catalog.
    plan: str
    #: The plan's group: of one group a customer has one plan, and any number of add-ons.
    group: str
    #: Whether it stands beside other plans of its group.
    is_add_on: bool
    #: `active`, or `cancelled` once it is over.
    status: Status
    #: What is paid for at once: `month`, `year` …; None for a plan without a price.
    interval: str | None
    #: How many seats are paid for.
    quantity: int
    #: The catalog version that it was sold under, and keeps (D9).
    catalog_version: str
    #: The moment that periods are counted from (UTC).
    anchor: datetime
    #: When it began (UTC).
    started_at: datetime
    #: The billing period of the moment told of, or the last one (UTC).
    period: Period
    #: When it ends, or ended (UTC); None where no end is known.
    ends_at: datetime | None = None
    #: Your own name of the payment that it was sold for.
    payment_id: str | None = None

    @property
    def is_active(self) -> bool:
        """Whether it gives its plan to the customer."""
        return self.status == "active"

    @property
    def is_ending(self) -> bool:
        """Whether it is active still, and its end is known."""
        return self.is_active and self.ends_at is not None

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it: ISO 8601 times."""
        return {
            "id": self.id,
            "customer": self.customer,
            "plan": self.plan,
            "group": self.group,
            "is_add_on": self.is_add_on,
            "status": self.status,
            "interval": self.interval,
            "quantity": self.quantity,
            "catalog_version": self.catalog_version,
            "anchor": self.anchor.isoformat(),
            "started_at": self.started_at.isoformat(),
            "period_start": self.period.start.isoformat(),
            "period_end": self.period.end.isoformat(),
            "ends_at": self.ends_at and self.ends_at.isoformat(),
            "payment_id": self.payment_id,
        }


def subscription_from(told: Mapping[str, Any]) -> Subscription:
    """Read what `to_dict` wrote."""
    values = dict(told)
    for name in _MOMENTS:
        values[name] = None if values[name] is None else datetime.fromisoformat(values[name])
    running = Period(values.pop("period_start"), values.pop("period_end"))
    return Subscription(**values, period=running)
