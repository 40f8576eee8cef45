"""The answers to requests: receipts and holds. They never change once given.

The same classes serve a first answer and its replay.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from tollkeeper.errors import NotFound
from tollkeeper.values.amounts import format_amount, from_scaled
from tollkeeper.values.books import Amounts, Balance, Entry, GrantLine
from tollkeeper.values.texts import canonical_json
from tollkeeper.values.told import Told, as_text


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
        shown = f"balance {self.balance.formatted}" if self.has_balance else "no balance"
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
    def balance(self) -> Balance:
        """The balance afterwards. Raises NotFound where the operation touched no account.

        That can only be of a merge, and of a revocation in every unit: see `has_balance`.
        """
        balance = self._tell().balance
        if balance is None:
            raise NotFound(
                f"The operation {self.operation_id} touched no account, so that it tells no "
                "balance; look at has_balance first."
            )
        return balance

    @property
    def has_balance(self) -> bool:
        """Tell whether there is a balance: whether the operation is about an account."""
        return self._tell().balance is not None

    @property
    def unit(self) -> str | None:
        """The unit's key, or the currency's code."""
        return (self.balance.unit.currency or self.balance.unit.key) if self.has_balance else None

    @property
    def amount(self) -> Decimal:
        """How much the operation moved in its own account; of a settle, what it settled.

        Of a reverse it is the whole of what was undone there.
        """
        return abs(self.signed_amount)

    @property
    def signed_amount(self) -> Decimal:
        """The amount with its sign: above zero where it went up; a settle's is what was used."""
        return from_scaled(self._signed(), self._scale())

    @property
    def lines(self) -> tuple[GrantLine, ...]:
        """What the operation did to the customer's grants, entry by entry, in burn order."""
        own = (entry for entry in self.entries if entry.customer == self.customer)
        return tuple(line for entry in own for line in entry.lines)

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
        """What a settle settled: the full usage, charged or not."""
        return self._amount_of("settled")

    @property
    def charged(self) -> Decimal:
        """What of it a settle charged: less than was settled where it was capped or uncollected."""
        return self._amount_of("charged")

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
            "amount": format_amount(self._scaled(), self._scale()),
            "unit": self.unit,
            "balance": self.balance.to_dict() if self.has_balance else None,
            "entries": [entry.to_dict() for entry in self.entries],
            "result": as_text(self.result, self._scale()),
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
        return abs(self._signed())

    def _signed(self) -> int:
        if "settled" in self.result:
            return int(self.result["settled"])
        balance = self._tell().balance
        if balance is None:
            return 0
        own = [e for e in self.entries if (e.customer, e.unit) == (self.customer, balance.unit)]
        change = own[0].change if own else Amounts()
        # What a reverse undoes may have been several entries, each with one against it.
        summed = own if self.kind == "reverse" else own[:1]
        moved = sum(entry.change.available + entry.change.restricted for entry in summed)
        return moved or change.held or -change.debt

    def _amount_of(self, name: str) -> Decimal:
        value = self.result.get(name)
        return from_scaled(value, self._scale()) if isinstance(value, int) else Decimal(0)

    def _scale(self) -> int:
        return self.balance.unit.scale if self.has_balance else 0


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
        return self._amount_of("held")

    @property
    def expires_at(self) -> datetime | None:
        """When the hold lapses by itself (UTC)."""
        moment = self.result.get("expires_at")
        return datetime.fromisoformat(moment) if moment else None

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it, the hold in the same words as here."""
        told = as_text(self.result, self._scale())
        hold = {"id": self.id, "held": told["held"], "expires_at": told["expires_at"]}
        return super().to_dict() | hold


def _restored(
    kind: type[Receipt],
    operation_id: str,
    customer: str,
    created_at: datetime,
    told: Told,
    *replayed: bool,
) -> Receipt:
    return kind(operation_id, customer, created_at, lambda: told, replayed=replayed[0])
