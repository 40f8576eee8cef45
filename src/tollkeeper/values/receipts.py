"""The answers to requests: receipts, holds, attempts. They never change once given.

The same classes serve a first answer and its replay.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, Self

from tollkeeper.values.amounts import MAXIMUM, format_amount, from_scaled
from tollkeeper.values.books import Balance, Entry, GrantLine
from tollkeeper.values.texts import canonical_json

#: What a result may tell in the unit's amounts.
AMOUNTS = frozenset({"amount", "settled", "uncollected", "overdraft"})


class Told(NamedTuple):
    """What a receipt tells, once it is read."""

    kind: str
    entries: tuple[Entry, ...]
    result: Mapping[str, Any]
    balance: Balance | None


class Receipt:
    """The answer to one accepted request: its entries, and the balance after them. Frozen.

    It keeps the operation's rows and reads them when asked: most callers look at little of it.
    """

    __slots__ = ("_read", "_told", "created_at", "customer", "operation_id", "replayed")

    #: The operation's id.
    operation_id: str
    customer: str
    #: When it was booked (UTC).
    created_at: datetime
    #: True where an earlier answer was given again; not part of the answer itself.
    replayed: bool
    _read: Callable[[], Told]
    _told: Told | None

    def __init__(
        self,
        operation_id: str,
        customer: str,
        created_at: datetime,
        read: Callable[[], Told],
        *,
        replayed: bool = False,
    ) -> None:
        fill = object.__setattr__
        fill(self, "operation_id", operation_id)
        fill(self, "customer", customer)
        fill(self, "created_at", created_at)
        fill(self, "replayed", replayed)
        fill(self, "_read", read)
        fill(self, "_told", None)

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: an answer does not change."""
        raise AttributeError(f"a receipt is frozen; {name!r} cannot be set")

    def __eq__(self, other: object) -> bool:
        """Compare what they tell; a replay equals the first answer."""
        return isinstance(other, Receipt) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        """Hash by the operation."""
        return hash((self.customer, self.operation_id))

    def __repr__(self) -> str:
        """Show what it is about."""
        shown = self.balance.formatted if self.balance else "no balance"
        return f"<{type(self).__name__} {self.kind} {self.operation_id} {self.customer}: {shown}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what it tells."""
        state = (self.operation_id, self.customer, self.created_at, self._tell(), self.replayed)
        return _restored, (type(self), *state)

    def as_replay(self) -> Self:
        """Give the same answer, marked as given again."""
        return type(self)(
            self.operation_id, self.customer, self.created_at, self._tell, replayed=True
        )

    @property
    def kind(self) -> str:
        """The verb that was asked for."""
        return self._tell().kind

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entries it booked, in order."""
        return self._tell().entries

    @property
    def result(self) -> Mapping[str, Any]:
        """What the verb tells beyond its entries; amounts in the ledger's integers."""
        return self._tell().result

    @property
    def balance(self) -> Balance | None:
        """The balance afterwards; None where the operation is about no one unit."""
        return self._tell().balance

    @property
    def unit(self) -> str | None:
        """The unit's key, or the currency's code."""
        return (self.balance.unit.currency or self.balance.unit.key) if self.balance else None

    @property
    def amount(self) -> Decimal:
        """How much the operation moved in its own account; of a settle, what it settled."""
        return from_scaled(self._scaled(), self.balance.unit.scale) if self.balance else Decimal(0)

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
        return self._amount_of("uncollected")

    @property
    def settled(self) -> Decimal:
        """What a settle settled."""
        return self._amount_of("settled")

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
            "amount": format_amount(self._scaled(), self.balance.unit.scale if self.balance else 0),
            "unit": self.unit,
            "balance": self.balance.to_dict() if self.balance else None,
            "entries": [entry.to_dict() for entry in self.entries],
            "result": self._told_as_text(),
            "created_at": self.created_at.isoformat(),
        }

    def to_json(self) -> str:
        """Give it as canonical JSON: a replay is equal to the first answer, byte for byte."""
        return canonical_json(self.to_dict())

    def _tell(self) -> Told:
        told = self._told
        if told is None:
            told = self._read()
            object.__setattr__(self, "_told", told)
        return told

    def _scaled(self) -> int:
        if "settled" in self.result:
            return int(self.result["settled"])
        if not self.entries or not self.balance:
            return 0
        change = self.entries[0].change
        return abs(change.available + change.restricted or change.held or change.debt)

    def _told_as_text(self) -> dict[str, Any]:
        scale = self.balance.unit.scale if self.balance else 0
        told = {
            name: format_amount(value, scale) if name in AMOUNTS and value is not None else value
            for name, value in self.result.items()
        }
        if self.result.get("overdraft") == MAXIMUM:
            told["overdraft"] = "unlimited"
        return told

    def _amount_of(self, name: str) -> Decimal:
        value = self.result.get(name)
        scale = self.balance.unit.scale if self.balance else 0
        return from_scaled(value, scale) if isinstance(value, int) else Decimal(0)


class HoldReceipt(Receipt):
    """The answer to a hold or an extension: the hold, besides what a receipt tells."""

    __slots__ = ()

    @property
    def id(self) -> str:
        """The hold's id: settle, extend and release take it."""
        return str(self.result["hold"])

    @property
    def held(self) -> Decimal:
        """How much the hold holds now."""
        return self._amount_of("amount")

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

    def __bool__(self) -> bool:
        """Be true for a success alone, so that `if` reads as it sounds."""
        return self.success


def _restored(
    kind: type[Receipt],
    operation_id: str,
    customer: str,
    created_at: datetime,
    told: Told,
    *replayed: bool,
) -> Receipt:
    return kind(operation_id, customer, created_at, lambda: told, replayed=replayed[0])
