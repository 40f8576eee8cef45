"""The room of credits: grant, consume, hold; revoke, adjust, transfer, reverse; look.

Every verb checks what it was told, makes a request (`making`, `correcting`) or a query (`looking`),
and hands it to the door.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Unpack

from tollkeeper.operations import correcting, looking, making
from tollkeeper.operations.calls import (
    Desk,
    Options,
    Overdraft,
    credits_key,
    customer_id,
    overdraft_scaled,
)
from tollkeeper.values.amounts import ANY_SIGN, ZERO_OR_MORE, Amount
from tollkeeper.values.attempts import Attempt
from tollkeeper.values.books import Balance, Page
from tollkeeper.values.grants import Grant
from tollkeeper.values.money import Money
from tollkeeper.values.receipts import HoldReceipt, Receipt


class Credits:
    """What can be done with a customer's credits.

    Amounts are `int`, `Decimal` or decimal strings; times are aware datetimes. Every verb that
    changes something takes an `idempotency_key`: the same key with the same request gives the first
    receipt again, with another request it raises IdempotencyConflict.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

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
        found, scaled = self._desk.credits_amount(unit, amount)
        request = making.grant(
            customer,
            found,
            scaled,
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
            policies=self._desk.policies,
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
        found, scaled = self._desk.credits_amount(unit, amount)
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
        found, scaled = self._desk.credits_amount(unit, amount)
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

        That is 15 minutes unless you say so, and 24 hours at most, or what the catalog's policy
        `hold_lifetime` says. Settle, extend or release it by its `id`. Raises InsufficientBalance
        (B7).
        """
        found, scaled = self._desk.credits_amount(unit, amount)
        request = making.hold(
            customer,
            found,
            scaled,
            lifetime,
            feature,
            overdraft,
            options,
            self._desk.policies,
        )
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
        request = making.extend(customer, hold, amount, lifetime, options, self._desk.policies)
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

        More than was held follows `excess`: "charge" it like a consume (the default, unless the
        catalog's policy `settle_beyond` says otherwise), and record as `uncollected` what nobody
        can pay; "cap" it; or "refuse" (B2). The receipt tells what was `settled`, which is the full
        usage, and what of it was `charged`. A lapsed hold is charged anew, marked late (B3).
        Settling again with the same amount gives the first receipt.
        """
        request = making.settle(customer, hold, amount, excess, options, self._desk.policies)
        return self._desk.door.change(request)

    def release(
        self, customer: str, hold: str | HoldReceipt, **options: Unpack[Options]
    ) -> Receipt:
        """Give a hold back, untouched, to the grants it came from."""
        request = making.release(customer, hold, options)
        return self._desk.door.change(request)

    def revoke(
        self,
        customer: str,
        unit: str | None = None,
        amount: Amount | None = None,
        *,
        grant: str | None = None,
        **options: Unpack[Options],
    ) -> Receipt:
        """Take back what is left: an amount, all (None), one grant's rest, or every unit (None).

        It never brings a balance below zero; the receipt tells what was taken. What is held is not
        revoked.
        """
        found = None if unit is None else self._desk.credits_unit(unit)
        request = correcting.revoke(customer, found, amount, grant, options)
        return self._desk.door.change(request)

    def adjust(
        self, customer: str, unit: str, amount: Amount, **options: Unpack[Options]
    ) -> Receipt:
        """Correct a balance by hand, up or down (a negative amount), with a reason and an author.

        Upwards it pays debt back first; downwards it may go into debt beyond any limit, marked.
        """
        found, scaled = self._desk.credits_amount(unit, amount, at_least=ANY_SIGN)
        request = correcting.adjust(customer, found, scaled, options)
        return self._desk.door.change(request)

    def set_balance(
        self, customer: str, unit: str, amount: Amount, **options: Unpack[Options]
    ) -> Receipt:
        """Make `available` this amount (negative: debt), whatever it was; no entry where it is."""
        found, scaled = self._desk.credits_amount(unit, amount, at_least=ANY_SIGN)
        request = correcting.set_balance(customer, found, scaled, options)
        return self._desk.door.change(request)

    def set_overdraft(
        self, customer: str, unit: str, limit: Overdraft, **options: Unpack[Options]
    ) -> Receipt:
        """Set how far below zero this customer may go: an amount, "unlimited", or None (unit's)."""
        found = self._desk.credits_unit(unit)
        scaled = overdraft_scaled(limit, found)
        request = correcting.set_overdraft(customer, found.key, scaled, options)
        return self._desk.door.change(request)

    def transfer(
        self, customer: str, unit: str, amount: Amount, *, to: str, **options: Unpack[Options]
    ) -> Receipt:
        """Move credits to another customer: two entries under one operation (A7).

        Expiry and cost basis go with them. Only what is available can be moved, never an overdraft.
        """
        found, scaled = self._desk.credits_amount(unit, amount)
        request = correcting.transfer(customer, found, scaled, to, options, self._desk.policies)
        return self._desk.door.change(request)

    def reverse(
        self,
        customer: str,
        operation_id: str | Receipt,
        *,
        expired: str | None = None,
        **options: Unpack[Options],
    ) -> Receipt:
        """Undo one operation: unwind its very entries, to the very grants (A6).

        Value that returns to an expired grant expires at once, visibly; with `expired="reissue"`,
        or where the catalog's policy `reversal` says so, it becomes a new grant. Reversing again
        gives the first receipt. Raises NotReversible.
        """
        request = correcting.reverse(customer, operation_id, expired, options, self._desk.prices)
        return self._desk.door.change(request)

    def balance(
        self,
        customer: str,
        unit: str,
        *,
        feature: str | None = None,
        at: datetime | None = None,
        known_at: datetime | None = None,
    ) -> Balance:
        """Give the balance now, at any moment (`at`), or as it was known at one (`known_at`) (A8).

        With a `feature`, `available` includes what only that feature may spend. A past moment reads
        the account's entries up to then.
        """
        found = self._desk.credits_unit(unit)
        query = looking.balance(self._desk, customer_id(customer), found, feature, at, known_at)
        return self._desk.door.read(query)

    def balances(self, customer: str) -> dict[str, Balance]:
        """Give the balances of all of a customer's credits, by unit; money is in the wallet."""
        return self._desk.door.read(looking.balances(self._desk, customer_id(customer)))

    def has(self, customer: str, unit: str, amount: Amount, *, feature: str | None = None) -> bool:
        """Tell whether this much could be consumed now without any overdraft."""
        found, scaled = self._desk.credits_amount(unit, amount, at_least=ZERO_OR_MORE)
        query = looking.has(self._desk, customer_id(customer), found, scaled, feature)
        return self._desk.door.read(query)

    def history(
        self,
        customer: str,
        unit: str | None = None,
        *,
        kinds: str | Sequence[str] = (),
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page:
        """Give entries, newest first, by pages: `next_cursor` of one is `cursor` of the next.

        Filters: unit, kinds of entries, booked from `since` until just before `until`.
        """
        only = None if unit is None else credits_key(unit)

        def chosen(key: str) -> bool:
            return key == only if only else looking.is_credits(key)

        name = customer_id(customer)
        query = looking.history(self._desk, name, chosen, kinds, since, until, limit, cursor)
        return self._desk.door.read(query)

    def grants(self, customer: str, unit: str | None = None) -> list[Grant]:
        """Give a customer's grants, oldest first, with what remains of each now."""
        name, only = customer_id(customer), None if unit is None else credits_key(unit)
        return self._desk.door.read(looking.grants(self._desk, name, looking.is_credits, only))
