"""What the books hold, as answers show it: balances, entries, grants. Amounts are `Decimal`.

Inside, amounts stay the ledger's integers and become `Decimal` when read, so that an answer nobody
looks at costs nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from tollkeeper.values.amounts import format_amount, from_scaled
from tollkeeper.values.money import Money
from tollkeeper.values.units import Unit


class Amounts(NamedTuple):
    """The four numbers of an account, as integers of the unit's scale."""

    available: int = 0
    restricted: int = 0
    held: int = 0
    debt: int = 0


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account holds in one unit.

    >>> from tollkeeper.values.units import credits_unit
    >>> Balance(credits_unit("api_calls"), Amounts(available=997_000_000)).available
    Decimal('997')
    """

    #: What the amounts count.
    unit: Unit
    #: The amounts as the ledger keeps them.
    scaled: Amounts

    @property
    def available(self) -> Decimal:
        """What can be spent now; below zero where there is debt."""
        return from_scaled(self.scaled.available, self.unit.scale)

    @property
    def restricted(self) -> Decimal:
        """What is in grants that are not effective yet, or only for named features."""
        return from_scaled(self.scaled.restricted, self.unit.scale)

    @property
    def held(self) -> Decimal:
        """What open holds have set aside."""
        return from_scaled(self.scaled.held, self.unit.scale)

    @property
    def debt(self) -> Decimal:
        """What the customer owes after overdraft or clawback."""
        return from_scaled(self.scaled.debt, self.unit.scale)

    @property
    def money(self) -> Money | None:
        """The available balance as money; None for credits."""
        code = self.unit.currency
        return Money(self.available, code) if code else None

    @property
    def formatted(self) -> str:
        """The available balance as people read it: "$12.50", or "997 api_calls"."""
        money = self.money
        return money.format() if money else f"{self._text(self.scaled.available)} {self.unit.key}"

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it: decimal strings."""
        names = ("available", "restricted", "held", "debt")
        amounts = {name: self._text(getattr(self.scaled, name)) for name in names}
        return {"unit": self.unit.currency or self.unit.key, **amounts}

    def _text(self, scaled: int) -> str:
        return format_amount(scaled, self.unit.scale)


class GrantLine(NamedTuple):
    """What an entry did to one grant; no grant means the overdraft's share of a hold."""

    grant_id: str | None
    #: Change of what remains of the grant.
    remaining: Decimal
    #: Change of what holds have drawn from it.
    held: Decimal


@dataclass(frozen=True, slots=True)
class Entry:
    """One signed change of one account, with the balances after it."""

    operation_id: str
    customer: str
    unit: Unit
    kind: str
    #: Counts the account's entries from 1, without a gap; None for an operation that changed none.
    version: int | None
    #: The changes, as the ledger keeps them.
    change: Amounts
    #: The balances afterwards, as the ledger keeps them.
    after: Amounts
    raw_lines: tuple[tuple[str, int, int], ...]
    #: When it was booked (UTC).
    created_at: datetime
    #: When it happened in the world (UTC); an expiry is booked later than it happens.
    event_at: datetime
    #: Why it may pass a limit, or how it came late: "late", "uncollected", "beyond_limit".
    mark: str | None = None
    #: Reason, actor and metadata, where a history was asked for and they were not erased.
    note: Mapping[str, Any] | None = None

    @property
    def amount(self) -> Decimal:
        """The size of the change: of available and restricted, else of held, else of debt."""
        change = self.change
        moved = change.available + change.restricted or change.held or change.debt
        return from_scaled(abs(moved), self.unit.scale)

    @property
    def balance(self) -> Balance:
        """The balance after the entry."""
        return Balance(self.unit, self.after)

    @property
    def changed(self) -> Balance:
        """The change, number by number."""
        return Balance(self.unit, self.change)

    @property
    def lines(self) -> tuple[GrantLine, ...]:
        """Which grants the entry drew from or gave to."""
        scale = self.unit.scale
        return tuple(
            GrantLine(grant or None, from_scaled(remaining, scale), from_scaled(held, scale))
            for grant, remaining, held in self.raw_lines
        )

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it: decimal strings, ISO 8601 times."""
        return {
            "operation_id": self.operation_id,
            "customer": self.customer,
            "kind": self.kind,
            "version": self.version,
            "change": self.changed.to_dict(),
            "balance": self.balance.to_dict(),
            "lines": [_line(line, self.unit.scale) for line in self.raw_lines],
            "created_at": self.created_at.isoformat(),
            "event_at": self.event_at.isoformat(),
            "mark": self.mark,
            **({"note": dict(self.note)} if self.note else {}),
        }


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries of a history, newest first, and where to go on."""

    entries: tuple[Entry, ...]
    #: Give it to the next call; None at the end.
    next_cursor: str | None

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        entries = [entry.to_dict() for entry in self.entries]
        return {"entries": entries, "next_cursor": self.next_cursor}


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant: what it is for ever, and what remains of it now."""

    id: str
    customer: str
    unit: Unit
    #: The amount granted and what remains, as the ledger keeps them.
    amount_scaled: int
    remaining_scaled: int
    source: str
    #: The caller's own reference: a purchase, a campaign.
    source_id: str | None
    priority: int
    #: Whether it is paid value, which pays debt back first.
    paid: bool
    effective_at: datetime
    expires_at: datetime | None
    #: What it cost, net of tax and discounts.
    cost_basis: Money | None
    #: The only features it may pay for; empty means all.
    features: tuple[str, ...]
    #: The grant of another customer it came from, as "customer/grant".
    origin: str | None
    created_at: datetime

    @property
    def amount(self) -> Decimal:
        """How much was granted."""
        return from_scaled(self.amount_scaled, self.unit.scale)

    @property
    def remaining(self) -> Decimal:
        """How much of it can still be spent."""
        return from_scaled(self.remaining_scaled, self.unit.scale)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        return {
            "id": self.id,
            "customer": self.customer,
            "unit": self.unit.currency or self.unit.key,
            "amount": format_amount(self.amount_scaled, self.unit.scale),
            "remaining": format_amount(self.remaining_scaled, self.unit.scale),
            "source": self.source,
            "source_id": self.source_id,
            "priority": self.priority,
            "paid": self.paid,
            "effective_at": self.effective_at.isoformat(),
            "expires_at": self.expires_at.isoformat() if self.expires_at else None,
            "cost_basis": str(self.cost_basis) if self.cost_basis else None,
            "features": list(self.features),
            "origin": self.origin,
            "created_at": self.created_at.isoformat(),
        }


def _line(line: tuple[str, int, int], scale: int) -> dict[str, Any]:
    grant, remaining, held = line
    return {
        "grant_id": grant or None,
        "remaining": format_amount(remaining, scale),
        "held": format_amount(held, scale),
    }
