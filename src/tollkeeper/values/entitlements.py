"""Answers to "may this customer do this now, and how much?". Frozen, exact."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from tollkeeper.errors import Refusal
from tollkeeper.values.charges import PaidShare


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitState:
    """How a limit stands."""

    #: The limit's stable name.
    name: str
    #: Whose use it counts: empty for the customer, else `member:…`, `api_key:…` or `tag:…`.
    subject: str
    #: What it counts: the feature's key, a unit's key, or a currency's code.
    counts: str
    at_most: Decimal
    used: Decimal
    #: What open holds take of it.
    held: Decimal
    #: What may still be used.
    left: Decimal
    #: When it starts anew (UTC); None for never.
    resets_at: datetime | None
    #: What happens beyond it: `refuse`, `overage` or `allow`.
    at_limit: str

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it: decimal strings, ISO 8601 times."""
        amounts = ("at_most", "used", "held", "left")
        return {
            "name": self.name,
            "subject": self.subject,
            "counts": self.counts,
            **{name: f"{getattr(self, name):f}" for name in amounts},
            "resets_at": self.resets_at and self.resets_at.isoformat(),
            "at_limit": self.at_limit,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """How a source of payment stands for a feature."""

    #: Who pays: a unit's key, `wallet`, or `usage` for the later bill.
    source: str
    #: The unit's key or the currency's code.
    unit: str
    #: What can be spent there; None for the later bill, which has no end.
    available: Decimal | None
    #: How much of the feature it could pay by itself; None where nothing ends it.
    covers: Decimal | None

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it: decimal strings."""
        return {
            "source": self.source,
            "unit": self.unit,
            "available": None if self.available is None else f"{self.available:f}",
            "covers": None if self.covers is None else f"{self.covers:f}",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
    """Whether a charge would be accepted now, who would pay, and how much is left (C6).

    It spends nothing and promises nothing: another call may come first. A charge asks again.
    """

    feature: str
    quantity: Decimal
    is_allowed: bool
    #: The most that could be charged now; None where nothing ends it.
    left: Decimal | None
    #: Who would pay what; empty where it would be refused.
    shares: tuple[PaidShare, ...]
    #: Why it would be refused, as the error that a charge would raise.
    refusal: Refusal | None
    #: When the limit that refuses it starts anew (UTC).
    resets_at: datetime | None
    #: Every source of the waterfall, in its order.
    sources: tuple[SourceState, ...]
    #: Every limit that counts this use.
    limits: tuple[LimitState, ...]

    def __bool__(self) -> bool:
        """Be true where the charge would be accepted, so that `if` reads as it sounds."""
        return self.is_allowed

    @property
    def reason(self) -> str | None:
        """The stable code of the refusal; None where there is none."""
        return self.refusal.code if self.refusal else None

    def explain(self) -> str:
        """Say it in a few lines, for support and for logs."""
        lines = [_headline(self)]
        lines += [_share_line(share) for share in self.shares]
        lines += [_source_line(source) for source in self.sources]
        lines += [_limit_line(limit) for limit in self.limits]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it: decimal strings, ISO 8601 times."""
        return {
            "feature": self.feature,
            "quantity": f"{self.quantity:f}",
            "is_allowed": self.is_allowed,
            "left": None if self.left is None else f"{self.left:f}",
            "reason": self.reason,
            "message": self.refusal.message if self.refusal else None,
            "resets_at": self.resets_at and self.resets_at.isoformat(),
            "shares": [share.to_dict() for share in self.shares],
            "sources": [source.to_dict() for source in self.sources],
            "limits": [limit.to_dict() for limit in self.limits],
        }


def _headline(told: Entitlement) -> str:
    left = "no end" if told.left is None else f"{told.left:f}"
    if told.refusal is None:
        return f"{told.quantity:f} {told.feature}: allowed; {left} left."
    return (
        f"{told.quantity:f} {told.feature}: refused ({told.refusal.code}). {told.refusal.message}"
    )


def _share_line(share: PaidShare) -> str:
    return f"  {share.quantity:f} paid by {share.source}: {share.amount:f} {share.unit}"


def _source_line(source: SourceState) -> str:
    if source.available is None:
        return f"  {source.source}: on the later bill, in {source.unit}"
    covers = "any quantity" if source.covers is None else f"{source.covers:f}"
    return f"  {source.source}: {source.available:f} {source.unit} available, enough for {covers}"


#: What happens beyond a limit that does not refuse (C5).
_BEYOND = {"overage": ", beyond it the overage is paid", "allow": ", and no end beyond it"}


def _limit_line(limit: LimitState) -> str:
    whose = f" ({limit.subject})" if limit.subject else ""
    when = f", starts anew at {limit.resets_at.isoformat()}" if limit.resets_at else ""
    used = f"{limit.used:f} of {limit.at_most:f} {limit.counts} used"
    return f"  limit {limit.name}{whose}: {used}{_BEYOND.get(limit.at_limit, '')}{when}"
