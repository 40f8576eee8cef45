"""A charge that was set aside, as it stands: what holds how much of what, and until when. Frozen.

Quantities are exact decimals at the feature's scale, moments are UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal

from tollkeeper.values.charges import PaidShare

#: How a hold stands: it lapses by itself once its time is over, whoever looks.
HoldStatus = Literal["open", "settled", "released", "lapsed"]

STATUSES: Final[tuple[HoldStatus, ...]] = ("open", "settled", "released", "lapsed")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCharge:
    """A quantity of a feature that is, or was, set aside for one customer."""

    #: The hold's id: extend, settle and release take it, or this value itself.
    id: str
    customer: str
    feature: str
    #: `open`, `settled`, `released` or `lapsed`.
    status: HoldStatus
    #: How much was set aside; of an open one it still is.
    quantity: Decimal
    #: What each source set aside of it, in all, in the order of the waterfall.
    shares: tuple[PaidShare, ...]
    created_at: datetime
    #: When it lapses by itself, or would have.
    expires_at: datetime
    member: str | None = None
    api_key: str | None = None
    tags: tuple[str, ...] = ()
    #: What else was said of the use: model, region …
    dimensions: Mapping[str, str] = field(default_factory=dict)
    #: The only sources that may pay; None leaves it to the plan.
    pay_from: tuple[str, ...] | None = None
    #: How much was settled, charged or not; None unless it was.
    settled: Decimal | None = None
    #: The operation that settled or released it, and when that was.
    closed_by: str | None = None
    closed_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it still holds anything."""
        return self.status == "open"

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it: decimal strings, times in ISO 8601."""
        return {
            "id": self.id,
            "customer": self.customer,
            "feature": self.feature,
            "status": self.status,
            "quantity": f"{self.quantity:f}",
            "shares": [share.to_dict() for share in self.shares],
            "created_at": self.created_at.isoformat(),
            "expires_at": self.expires_at.isoformat(),
            "member": self.member,
            "api_key": self.api_key,
            "tags": list(self.tags),
            "dimensions": dict(self.dimensions),
            "pay_from": None if self.pay_from is None else list(self.pay_from),
            "settled": None if self.settled is None else f"{self.settled:f}",
            "closed_by": self.closed_by,
            "closed_at": None if self.closed_at is None else self.closed_at.isoformat(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldChargePage:
    """A page of charges that were set aside, newest first."""

    holds: tuple[HeldCharge, ...]
    #: Where the next page begins; None where there is none.
    next_cursor: str | None

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        found = [hold.to_dict() for hold in self.holds]
        return {"holds": found, "next_cursor": self.next_cursor}
