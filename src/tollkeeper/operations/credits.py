"""The room of credits: grant, consume, hold. Corrections and looks have modules of their own."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Unpack

from tollkeeper.operations import looking, making
from tollkeeper.operations.calls import Options, Overdraft
from tollkeeper.operations.credit_corrections import CreditCorrections
from tollkeeper.operations.credit_reads import CreditReads
from tollkeeper.values.amounts import Amount, to_scaled
from tollkeeper.values.attempts import Attempt
from tollkeeper.values.money import Money
from tollkeeper.values.receipts import HoldReceipt, Receipt


class Credits(CreditCorrections, CreditReads):
    """What can be done with a customer's credits.

    Amounts are `int`, `Decimal` or decimal strings; times are aware datetimes. Every verb that
    changes something takes an `idempotency_key`: the same key with the same request gives the first
    receipt again, with another request it raises IdempotencyConflict.
    """

    def grant(
        self,
        customer: str,
        unit: str,
        amount: Amount,
        *,
        source: str | None = None,
        source_id: str | None = None,
        priority: int | None = None,
        paid: bool | None = None,
        effective_at: datetime | None = None,
        expires_at: datetime | None = None,
        cost_basis: Money | None = None,
        features: Sequence[str] = (),
        **options: Unpack[Options],
    ) -> Receipt:
        """Give credits, as a grant with its own priority, times, cost and features.

        `source` (promotion) sets the defaults of `priority` and `paid`: allowance 20, promotion 40,
        purchase and adjustment 60 (A1); paid value pays debt back first (A4). It can be spent from
        `effective_at` (now) until just before `expires_at` (never).

        >>> from tollkeeper import Billing
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     billing.credits.grant("user_1", "api_calls", 100).balance.available
        Decimal('100')
        """
        found = self._desk.credits_unit(unit)
        request = making.grant(
            customer,
            found,
            to_scaled(amount, found.scale),
            source=source,
            usual_source="promotion",
            source_id=source_id,
            priority=priority,
            paid=paid,
            effective_at=effective_at,
            expires_at=expires_at,
            cost_basis=cost_basis,
            features=features,
            options=options,
        )
        return self._desk.door.change(request)

    def consume(
        self,
        customer: str,
        unit: str,
        amount: Amount,
        *,
        feature: str | None = None,
        overdraft: Overdraft = None,
        **options: Unpack[Options],
    ) -> Receipt:
        """Spend credits at once, from the grants in burn order, then from the overdraft.

        `overdraft` is this call's own limit: an amount, or "unlimited". Raises InsufficientBalance
        with `available` and `required`, and writes nothing, where the balance is too low (A3).
        """
        found = self._desk.credits_unit(unit)
        scaled = to_scaled(amount, found.scale)
        request = making.consume(customer, found, scaled, feature, overdraft, options)
        return self._desk.door.change(request)

    def try_consume(
        self,
        customer: str,
        unit: str,
        amount: Amount,
        *,
        feature: str | None = None,
        overdraft: Overdraft = None,
        **options: Unpack[Options],
    ) -> Attempt:
        """Spend credits like `consume`, but answer a short balance with a result, not an error."""
        found = self._desk.credits_unit(unit)
        scaled = to_scaled(amount, found.scale)
        request = making.consume(customer, found, scaled, feature, overdraft, options)
        return self._desk.door.change(request, looking.attempt)

    def hold(
        self,
        customer: str,
        unit: str,
        amount: Amount,
        *,
        lifetime: timedelta | None = None,
        feature: str | None = None,
        overdraft: Overdraft = None,
        **options: Unpack[Options],
    ) -> HoldReceipt:
        """Set an amount aside before the cost is known; it lapses by itself after `lifetime`.

        That is 15 minutes unless you say so, and 24 hours at most. Settle, extend or release it by
        its `id`. Raises InsufficientBalance (B7).
        """
        found = self._desk.credits_unit(unit)
        scaled = to_scaled(amount, found.scale)
        request = making.hold(customer, found, scaled, lifetime, feature, overdraft, options)
        return self._desk.door.change(request)

    def extend(
        self,
        customer: str,
        hold: str | HoldReceipt,
        amount: Amount | None = None,
        *,
        lifetime: timedelta | None = None,
        **options: Unpack[Options],
    ) -> HoldReceipt:
        """Add an amount to an open hold, or let it live on for `lifetime` from now (B4)."""
        request = making.extend(customer, hold, amount, lifetime, options)
        return self._desk.door.change(request)

    def settle(
        self,
        customer: str,
        hold: str | HoldReceipt,
        amount: Amount | None = None,
        *,
        excess: str | None = None,
        **options: Unpack[Options],
    ) -> Receipt:
        """Consume what a hold turned out to cost (None: all of it) and give the rest back.

        More than was held follows `excess`: "charge" it like a consume (the default), and record as
        `uncollected` what nobody can pay; "cap" it; or "refuse" (B2). The receipt tells what was
        `settled`, which is the full usage, and what of it was `charged`. A lapsed hold is charged
        anew, marked late (B3). Settling again with the same amount gives the first receipt.
        """
        request = making.settle(customer, hold, amount, excess, options)
        return self._desk.door.change(request)

    def release(
        self,
        customer: str,
        hold: str | HoldReceipt,
        **options: Unpack[Options],
    ) -> Receipt:
        """Give a hold back, untouched, to the grants it came from."""
        request = making.release(customer, hold, options)
        return self._desk.door.change(request)
