"""Metered calls of AI vendors as answers show them: what each used, cost and earned. Frozen, exact.

They sum; they never price. Costs and revenue are money, and money of two currencies is never added.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal

from tollkeeper.values.charges import PaidShare
from tollkeeper.values.money import Money

#: How a call ended (B5).
CallOutcome = Literal["delivered", "aborted", "failed_before_delivery"]

#: By what a report may group its lines.
GROUPS: Final = ("customer", "feature", "vendor", "model", "member", "day")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """One metered call of an AI vendor."""

    #: Its id, `cal_…`, ordered by time.
    id: str
    customer: str
    feature: str
    #: Who ran the model; None as long as nobody said.
    vendor: str | None
    #: The model that answered; the one that was asked for until it did.
    model: str | None
    member: str | None = None
    tags: tuple[str, ...] = ()
    dimensions: Mapping[str, str] = field(default_factory=dict, hash=False)
    status: str
    #: How it ended; None while it runs.
    outcome: str | None = None
    #: What was charged, of the feature; None while it runs.
    quantity: Decimal | None = None
    #: Who paid how much of it.
    shares: tuple[PaidShare, ...] = ()
    #: What of the quantity nobody could pay.
    uncollected: Decimal = Decimal(0)
    #: What it used, one for each model, in the words of `ModelUsage.to_dict`.
    usages: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    #: The rates that were pinned when it began, as JSON; None where no price book knows the model.
    rates: Mapping[str, Any] | None = field(default=None, hash=False)
    #: What the vendor takes; None where nobody knows.
    vendor_cost: Money | None = None
    #: What it earned, by currency: see the how-to page for what counts.
    revenue: tuple[Money, ...] = ()
    #: What is to be known about its numbers: `estimated`, `unpriced`, `as_asked`, `late` …
    marks: tuple[str, ...] = ()
    idempotency_key: str | None = None
    #: The charge hold that stood behind it.
    hold_id: str
    #: The operation that settled or released it.
    operation_id: str | None = None
    #: When it began (UTC).
    created_at: datetime
    #: When it was booked (UTC); None until then.
    closed_at: datetime | None = None

    @property
    def margin(self) -> Money | None:
        """Revenue less the vendor's cost; None where they are not in one currency."""
        return margin_of(self.revenue, () if self.vendor_cost is None else (self.vendor_cost,))

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it: decimal strings, ISO 8601 times."""
        return {
            "id": self.id,
            "customer": self.customer,
            "feature": self.feature,
            "vendor": self.vendor,
            "model": self.model,
            "member": self.member,
            "tags": list(self.tags),
            "dimensions": dict(self.dimensions),
            "status": self.status,
            "outcome": self.outcome,
            "quantity": None if self.quantity is None else f"{self.quantity:f}",
            "shares": [share.to_dict() for share in self.shares],
            "uncollected": f"{self.uncollected:f}",
            "usages": [dict(usage) for usage in self.usages],
            "vendor_cost": None if self.vendor_cost is None else str(self.vendor_cost),
            "revenue": [str(money) for money in self.revenue],
            "margin": None if self.margin is None else str(self.margin),
            "marks": list(self.marks),
            "idempotency_key": self.idempotency_key,
            "hold_id": self.hold_id,
            "operation_id": self.operation_id,
            "created_at": self.created_at.isoformat(),
            "closed_at": self.closed_at.isoformat() if self.closed_at else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCallPage:
    """Some calls, newest first, and where to go on."""

    calls: tuple[ModelCall, ...]
    #: Give it to the next call; None at the end.
    next_cursor: str | None

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        return {"calls": [call.to_dict() for call in self.calls], "next_cursor": self.next_cursor}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReportLine:
    """What the calls of one group used, cost and earned."""

    #: What the group has in common: {"customer": "user_1", "model": "gpt-4o"}.
    group: Mapping[str, str | None] = field(hash=False)
    #: How many calls were charged or released.
    calls: int
    #: How many of them have a number that is estimated.
    estimated: int
    #: How many of them have a cost that nobody knows; it is not in `vendor_cost`.
    unpriced: int
    input_tokens: int
    output_tokens: int
    #: What the vendors take, by currency.
    vendor_cost: tuple[Money, ...]
    #: What was earned, by currency.
    revenue: tuple[Money, ...]

    @property
    def margin(self) -> Money | None:
        """Revenue less cost; None where they are not in one currency, or a cost is unknown."""
        return None if self.unpriced else margin_of(self.revenue, self.vendor_cost)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        return {
            **self.group,
            "calls": self.calls,
            "estimated": self.estimated,
            "unpriced": self.unpriced,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "vendor_cost": [str(money) for money in self.vendor_cost],
            "revenue": [str(money) for money in self.revenue],
            "margin": None if self.margin is None else str(self.margin),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReport:
    """What AI calls used, cost and earned in a span of time, group by group."""

    #: The first moment of the span, and the first one after it (UTC).
    since: datetime
    until: datetime
    #: By what the lines are grouped.
    by: tuple[str, ...]
    #: The groups, dearest vendor's cost first.
    lines: tuple[ModelReportLine, ...]

    @property
    def total(self) -> ModelReportLine:
        """All lines together."""
        lines = self.lines
        return ModelReportLine(
            group={},
            calls=sum(line.calls for line in lines),
            estimated=sum(line.estimated for line in lines),
            unpriced=sum(line.unpriced for line in lines),
            input_tokens=sum(line.input_tokens for line in lines),
            output_tokens=sum(line.output_tokens for line in lines),
            vendor_cost=moneys(money for line in lines for money in line.vendor_cost),
            revenue=moneys(money for line in lines for money in line.revenue),
        )

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "by": list(self.by),
            "lines": [line.to_dict() for line in self.lines],
            "total": self.total.to_dict(),
        }


def moneys(amounts: Iterable[Money]) -> tuple[Money, ...]:
    """Add money up, currency by currency, in the order of their codes; what is none is left out.

    >>> moneys([Money("1", "usd"), Money("2", "eur"), Money("3", "usd")])
    (Money('2.00', 'eur'), Money('4.00', 'usd'))
    """
    summed: dict[str, Money] = {}
    for money in amounts:
        before = summed.get(money.currency)
        summed[money.currency] = money if before is None else before + money
    return tuple([summed[code] for code in sorted(summed) if summed[code].amount])


def margin_of(revenue: tuple[Money, ...], cost: tuple[Money, ...]) -> Money | None:
    """Give what is left of revenue when the vendors are paid; None across currencies.

    >>> margin_of((Money("3", "usd"),), (Money("1", "usd"),)), margin_of((), (Money("1", "usd"),))
    (Money('2.00', 'usd'), Money('-1.00', 'usd'))
    """
    codes = {money.currency for money in (*revenue, *cost)}
    if len(codes) != 1:
        return None
    nothing = Money(0, codes.pop())
    earned = next(iter(revenue), nothing)
    return earned - next(iter(cost), nothing)
