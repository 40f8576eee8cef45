"""The answers to requests: receipts, holds, attempts. Frozen.

The same classes serve a first answer and its replay.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from tollkeeper.values.amounts import format_amount, from_minor
from tollkeeper.values.books import Balance, Entry, GrantLine
from tollkeeper.values.texts import canonical_json

#: What a result may tell in the unit's amounts.
AMOUNTS = frozenset({"amount", "settled", "uncollected", "overdraft"})


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to one accepted request: its entries, and the balance after them."""

    operation_id: str
    customer: str
    kind: str
    entries: tuple[Entry, ...]
    #: What the verb tells beyond its entries.
    result: Mapping[str, Any]
    created_at: datetime
    #: The balance afterwards; None where the operation is about no one unit.
    balance: Balance | None
    #: True where an earlier answer was given again; not part of the answer itself.
    replayed: bool = False

    @property
    def unit(self) -> str | None:
        """The unit's key, or the currency's code."""
        return (self.balance.unit.currency or self.balance.unit.key) if self.balance else None

    @property
    def amount(self) -> Decimal:
        """How much the operation moved in its own account; of a settle, what it settled."""
        return from_minor(self._minor(), self.balance.unit.scale) if self.balance else Decimal(0)

    @property
    def lines(self) -> tuple[GrantLine, ...]:
        """Which grants the operation's first entry touched, in the order of burning."""
        return self.entries[0].lines if self.entries else ()

    @property
    def grant_id(self) -> str | None:
        """The grant that the operation made."""
        return self.result.get("grant")

    @property
    def uncollected(self) -> Decimal:
        """What was used and nobody could pay."""
        return self._told("uncollected")

    @property
    def settled(self) -> Decimal:
        """What a settle settled."""
        return self._told("settled")

    @property
    def late(self) -> bool:
        """Tell whether a settle came after its hold had lapsed."""
        return bool(self.result.get("late"))

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it; a replay gives the very same."""
        return {
            "operation_id": self.operation_id,
            "customer": self.customer,
            "kind": self.kind,
            "amount": format_amount(self._minor(), self.balance.unit.scale if self.balance else 0),
            "unit": self.unit,
            "balance": self.balance.to_dict() if self.balance else None,
            "entries": [entry.to_dict() for entry in self.entries],
            "result": self._told_as_text(),
            "created_at": self.created_at.isoformat(),
        }

    def to_json(self) -> str:
        """Give it as canonical JSON: a replay is equal to the first answer, byte for byte."""
        return canonical_json(self.to_dict())

    def _minor(self) -> int:
        if "settled" in self.result:
            return int(self.result["settled"])
        if not self.entries or not self.balance:
            return 0
        change = self.entries[0].change
        return abs(change.available + change.restricted or change.held or change.debt)

    def _told_as_text(self) -> dict[str, Any]:
        scale = self.balance.unit.scale if self.balance else 0
        return {
            name: format_amount(value, scale) if name in AMOUNTS and value is not None else value
            for name, value in self.result.items()
        }

    def _told(self, name: str) -> Decimal:
        value = self.result.get(name)
        scale = self.balance.unit.scale if self.balance else 0
        return from_minor(value, scale) if isinstance(value, int) else Decimal(0)


@dataclass(frozen=True, slots=True)
class HoldReceipt(Receipt):
    """The answer to a hold or an extension: the hold, besides what a receipt tells."""

    @property
    def id(self) -> str:
        """The hold's id: settle, extend and release take it."""
        return str(self.result["hold"])

    @property
    def held(self) -> Decimal:
        """How much the hold holds now."""
        return self._told("amount")

    @property
    def expires_at(self) -> datetime | None:
        """When the hold lapses by itself (UTC)."""
        moment = self.result.get("expires_at")
        return datetime.fromisoformat(moment) if moment else None


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a `try_` verb answers: whether it succeeded, and the balance in either case."""

    success: bool
    balance: Balance
    #: The receipt of a success.
    receipt: Receipt | None = None
    #: What was required, where the balance was too low.
    required: Decimal | None = None
