"""The itemised answer to a charge: who paid how much of what. Frozen, exact."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from tollkeeper.values.amounts import MAXIMUM_SCALE, amount_key, format_amount, from_scaled
from tollkeeper.values.books import Balance
from tollkeeper.values.money import Money
from tollkeeper.values.receipts import Receipt
from tollkeeper.values.units import MONEY_PREFIX, currency_unit, is_money


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidShare:
    """What one source of payment paid of a charge."""

    #: Who paid: the key of a unit of credits, "wallet", or "usage" for the later bill.
    source: str
    #: `unit`, `wallet` or `usage`.
    kind: Literal["unit", "wallet", "usage"]
    #: How much of the quantity it paid.
    quantity: Decimal
    #: What it paid for that, in `unit`.
    amount: Decimal
    #: The unit's key, or the currency's code.
    unit: str

    @property
    def money(self) -> Money | None:
        """The amount as money; None for credits."""
        return None if self.kind == "unit" else Money(self.amount, self.unit)

    def to_dict(self) -> dict[str, str]:
        """Give it as JSON takes it: decimal strings."""
        return {
            "source": self.source,
            "kind": self.kind,
            "quantity": f"{self.quantity:f}",
            "amount": f"{self.amount:f}",
            "unit": self.unit,
        }


class ChargeReceipt(Receipt):
    """The answer to a charge: what a receipt tells, and who paid which part (C1, C2).

    `entries` has an entry for each account that paid. The quantities of `shares` add up to
    `quantity`, exactly.
    """

    __slots__ = ()

    @property
    def feature(self) -> str:
        """The feature that was used."""
        return str(self.result["feature"])

    @property
    def quantity(self) -> Decimal:
        """How much of it was used."""
        return from_scaled(self.result["quantity"], self.result["scale"])

    @property
    def member(self) -> str | None:
        """The member who used it."""
        return self.result.get("member")

    @property
    def shares(self) -> tuple[PaidShare, ...]:
        """Who paid what, in the order of the waterfall."""
        return tuple([self._share(cells) for cells in self.result["shares"]])

    @property
    def uncollected(self) -> Decimal:
        """How much of the quantity of a settled hold nobody could pay; it is recorded (B2)."""
        return from_scaled(self.result.get("unpaid", 0), self.result["scale"])

    @property
    def cost(self) -> Mapping[str, Decimal]:
        """What it cost in each unit or currency that paid, without needless zeros."""
        summed: dict[str, int] = {}
        for share in self.shares:
            summed[share.unit] = summed.get(share.unit, 0) + amount_key(share.amount)
        return {unit: from_scaled(amount, MAXIMUM_SCALE) for unit, amount in summed.items()}

    @property
    def balances(self) -> Mapping[str, Balance]:
        """The balance afterwards of each account that paid, by unit or currency."""
        own = [entry for entry in self.entries if entry.customer == self.customer]
        return {entry.unit.currency or entry.unit.key: entry.balance for entry in own}

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it: decimal strings."""
        return {
            "operation_id": self.operation_id,
            "customer": self.customer,
            "kind": self.kind,
            "feature": self.feature,
            "quantity": format_amount(self.result["quantity"], self.result["scale"]),
            "member": self.member,
            **self._further(),
            "shares": [share.to_dict() for share in self.shares],
            "balances": {unit: balance.to_dict() for unit, balance in self.balances.items()},
            "entries": [entry.to_dict() for entry in self.entries],
            "created_at": self.created_at.isoformat(),
        }

    def _further(self) -> dict[str, Any]:
        """Tell what only the settling of a hold has to tell."""
        if "hold" not in self.result:
            return {}
        uncollected = format_amount(self.result.get("unpaid", 0), self.result["scale"])
        return {"hold": self.result["hold"], "uncollected": uncollected, "late": self.late}

    def _share(self, cells: Sequence[Any]) -> PaidShare:
        source, kind, unit, quantity, amount = cells
        return PaidShare(
            source=source,
            kind=kind,
            quantity=from_scaled(quantity, self.result["scale"]),
            amount=from_scaled(amount, self._scale_of(unit)),
            unit=unit.removeprefix(MONEY_PREFIX),
        )

    def _scale_of(self, unit: str) -> int:
        """Give the scale of a unit; what was free left no entry, and is zero at any scale."""
        if is_money(unit):
            return currency_unit(unit.removeprefix(MONEY_PREFIX)).scale
        known = [entry.unit.scale for entry in self.entries if entry.unit.key == unit]
        return known[0] if known else 0


class ChargeHoldReceipt(ChargeReceipt):
    """The answer to setting a charge aside, or extending it: the hold, and who would pay."""

    __slots__ = ()

    @property
    def id(self) -> str:
        """The hold's id: extend, settle and release take it."""
        return str(self.result["hold"])

    @property
    def held(self) -> Decimal:
        """The quantity that the hold holds now."""
        return from_scaled(self.result["holding"], self.result["scale"])

    @property
    def expires_at(self) -> datetime:
        """When the hold lapses by itself (UTC)."""
        return datetime.fromisoformat(self.result["until"])

    def _further(self) -> dict[str, Any]:
        held = format_amount(self.result["holding"], self.result["scale"])
        return {"id": self.id, "held": held, "expires_at": self.result["until"]}
