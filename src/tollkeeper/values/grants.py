"""A grant as answers show it: what it is for ever, and what remains of it now."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from tollkeeper.values.amounts import format_amount, from_scaled
from tollkeeper.values.money import Money
from tollkeeper.values.units import Unit


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
