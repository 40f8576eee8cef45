"""What the books hold, as answers show it: balances and entries. Amounts are `Decimal`.

Inside, amounts stay the ledger's integers and become `Decimal` when read, so that an answer nobody
looks at costs nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from tollkeeper.values.amounts import MAXIMUM, format_amount, from_scaled
from tollkeeper.values.money import Money
from tollkeeper.values.units import Unit

#: How far below zero an account may go, as answers tell it: None is no limit of its own.
OwnLimit: TypeAlias = Decimal | Literal["unlimited"] | None

#: For `Balance.overdraft_scaled`: a balance in an entry says nothing of the account's limit.
NOT_TOLD: Final = -1


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
    >>> balance = Balance(credits_unit("api_calls"), Amounts(available=997_000_000, held=3_000_000))
    >>> balance
    <Balance 997 api_calls, 3 held>
    >>> balance.available
    Decimal('997')
    """

    #: What the amounts count.
    unit: Unit
    #: The amounts as the ledger keeps them.
    scaled: Amounts
    #: The account's own overdraft limit as the ledger keeps it, or NOT_TOLD.
    overdraft_scaled: int | None = field(default=NOT_TOLD, compare=False)

    def __repr__(self) -> str:
        """Show the amounts as people read them."""
        amounts = [(n, getattr(self.scaled, n)) for n in ("restricted", "held", "debt")]
        told = "".join(f", {self._text(amount)} {name}" for name, amount in amounts if amount)
        return f"<Balance {self.formatted}{told}>"

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
    def overdraft(self) -> OwnLimit:
        """How far below zero this account may go by a limit of its own; None leaves it to the unit.

        It is told by the verbs that give balances, and by the receipt of the verb that sets it; in
        the balance of another receipt or of an entry it is None.
        """
        limit = self.overdraft_scaled
        if limit is None or limit == NOT_TOLD:
            return None
        return "unlimited" if limit == MAXIMUM else from_scaled(limit, self.unit.scale)

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
        """Give it as JSON takes it: decimal strings; the overdraft limit where it is told."""
        names = ("available", "restricted", "held", "debt")
        told: dict[str, Any] = {name: self._text(getattr(self.scaled, name)) for name in names}
        if self.overdraft_scaled != NOT_TOLD:
            told["overdraft"] = limit_text(self.overdraft_scaled, self.unit.scale)
        return {"unit": self.unit.currency or self.unit.key, **told}

    def _text(self, scaled: int) -> str:
        return format_amount(scaled, self.unit.scale)


class GrantLine(NamedTuple):
    """What an entry did to one grant; no grant means the overdraft's share of a hold."""

    grant_id: str | None
    #: By how much what remains of the grant changed; below zero where it paid.
    remaining_change: Decimal
    #: By how much what holds have drawn from it changed.
    held_change: Decimal


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
        """How much the entry moved, with its sign: what the customer may spend goes up or down.

        Of a settle it is what was used of the hold, below zero. Of a repay it is what was paid of
        the debt, above zero, since the customer owes less.
        """
        available, restricted, held, debt = self.change
        moved = available + restricted
        moved = moved + held if self.kind == "settle" else moved or held or -debt
        return from_scaled(moved, self.unit.scale)

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


def _line(line: tuple[str, int, int], scale: int) -> dict[str, Any]:
    grant, remaining, held = line
    return {
        "grant_id": grant or None,
        "remaining_change": format_amount(remaining, scale),
        "held_change": format_amount(held, scale),
    }


def limit_text(limit: int | None, scale: int) -> str | None:
    """Write an account's own overdraft limit as JSON takes it."""
    if limit is None:
        return None
    return "unlimited" if limit == MAXIMUM else format_amount(limit, scale)
