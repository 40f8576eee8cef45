"""A customer's limit, as it stands at a moment, and what people changed about it. Frozen, exact."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

_AMOUNTS: Final = ("at_most", "used", "held", "left")


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerLimit:
    """How much a customer, or one of his members, keys or tags, may use or spend in a window."""

    #: Its stable name, which `clear` takes and LimitReached tells.
    name: str
    #: Whose use counts: empty for the customer's, else `member:…`, `api_key:…` or `tag:…`.
    subject: str
    #: The feature whose use counts; None is every feature.
    feature: str | None
    #: What is counted: the feature's key, a unit's key, or a currency's code.
    counts: str
    #: How much.
    at_most: Decimal
    #: The window: `day`, `month`, `period` …, or `5 hours` from the first use.
    every: str
    #: What happens beyond it: `refuse`, `overage` or `allow`.
    at_limit: str
    #: Whether it is this customer's own, and not what the catalog says.
    is_own: bool
    #: Until when it is (UTC); None is for good.
    until: datetime | None
    used: Decimal
    #: What open holds take of it.
    held: Decimal
    #: What may still be used.
    left: Decimal
    #: When it starts anew (UTC); None for never.
    resets_at: datetime | None

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it: decimal strings, ISO 8601 times."""
        return {
            "name": self.name,
            "subject": self.subject,
            "feature": self.feature,
            "counts": self.counts,
            "every": self.every,
            "at_limit": self.at_limit,
            "is_own": self.is_own,
            "until": self.until and self.until.isoformat(),
            **{name: f"{getattr(self, name):f}" for name in _AMOUNTS},
            "resets_at": self.resets_at and self.resets_at.isoformat(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitChange:
    """One change of a customer's own limit, and who made it."""

    operation_id: str
    #: `set_limit` or `clear_limit`.
    kind: str
    #: The limit afterwards; of one that was cleared, what it was.
    limit: CustomerLimit
    #: When (UTC).
    created_at: datetime
    #: Who, and why; None once it was erased.
    actor: str | None
    reason: str | None

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        return {
            "operation_id": self.operation_id,
            "kind": self.kind,
            "limit": self.limit.to_dict(),
            "created_at": self.created_at.isoformat(),
            "actor": self.actor,
            "reason": self.reason,
        }


def limit_from(told: dict[str, Any]) -> CustomerLimit:
    """Read what `to_dict` wrote."""
    values = dict(told)
    for name in _AMOUNTS:
        values[name] = Decimal(values[name])
    for name in ("until", "resets_at"):
        values[name] = None if values[name] is None else datetime.fromisoformat(values[name])
    return CustomerLimit(**values)
